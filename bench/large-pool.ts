/** A pool of thousands in many zones, and strategies that use every rule by which batches are made. */
import type { BatchOverride, BatchPolicy, StrategySpec } from '../domain/inventory.ts';
import type { PlanInput } from '../domain/plan/make-plan.ts';
import type { PlanHost } from '../domain/plan/standing.ts';

const ONE_IN_OUT = 25;
const ONE_IN_CANARY = 100;
const LIST_HOSTS = 50;

/** Zones in turn; every 25th host is out of service, every 100th is labelled as a canary. */
export function largePool(hosts: number, zones: number): PlanHost[] {
  return Array.from({ length: hosts }, (_, index) => ({
    name: `web-${String(index).padStart(5, '0')}`,
    zone: `idc-${String(index % zones).padStart(2, '0')}`,
    inService: index % ONE_IN_OUT !== 0,
    labels: { role: index % ONE_IN_CANARY === 1 ? 'canary' : 'plain', machineType: index % 2 === 0 ? 'large' : 'small' },
  }));
}

/** Name of the case → what is planned. Lists and zones exclude one another, so there is more than one. */
export function plannings(hosts: readonly PlanHost[]): ReadonlyMap<string, PlanInput> {
  const each = overrides(60);
  const lists = Array.from({ length: Math.ceil(hosts.length / LIST_HOSTS) }, (_, index) => hosts.slice(index * LIST_HOSTS, (index + 1) * LIST_HOSTS).map(({ name }) => name)).toReversed();
  const bastion = { count: 20, label: { role: 'canary', machineType: 'small' } };
  const named = { count: 20, hosts: hosts.filter(({ labels }) => labels?.['role'] === 'canary').slice(0, 20).map(({ name }) => name) };
  const rest = { pauseOnce: { afterPercent: 25, seconds: 600 } };
  return new Map<string, PlanInput>([
    ['zone by zone, label, overrides', input(hosts, bastion, { percent: [1], by: 'zone', order: 'unhealthy-last', firstZoneBakeSeconds: 3600, each: each.map((one) => ({ ...one, percent: 1 })), ...rest })],
    ['explicit lists, named bastion, overrides', input(hosts, named, { percent: [], hosts: lists, each, ...rest })],
    ['counts, interleaved, overrides', input(hosts, bastion, { percent: [], count: [1, 5, 20], each: each.map((one) => ({ ...one, count: 7 })), ...rest })],
    ['one window per zone, list order', input(hosts, bastion, { percent: [1], mode: 'window', by: 'zone', order: 'list', ...rest })],
  ]);
}

function overrides(count: number): BatchOverride[] {
  return Array.from({ length: count }, (_, index) => ({ index: index * 2 + 1, bakeSeconds: 60, pauseSeconds: 5, tolerance: 1, advance: 'manual', verification: 'required' }));
}

function input(hosts: readonly PlanHost[], bastion: Partial<StrategySpec['bastion']>, batches: Partial<BatchPolicy>): PlanInput {
  return {
    pool: { name: 'large', environment: 'prod', capacity: { minInServicePercent: 66 } },
    hosts,
    changes: [{ application: 'web', version: '2', sha256: 'a'.repeat(64) }],
    allowOutage: false,
    reason: null,
    strategy: {
      name: 'explicit',
      bastion: { count: 1, bakeSeconds: 60, promote: 'auto', ...bastion },
      batches: { percent: [25], mode: 'barrier', by: 'spread', order: 'interleave', maxParallel: 100, bakeSeconds: 10, advance: 'auto', ...batches },
      tolerance: { perBatch: 0, total: 100 },
      onFailure: 'rollback',
      rollback: { on: ['bastion', 'tolerance'], mode: 'regular', batchPercent: null },
      postRelease: { watchSeconds: 60 },
      pause: { deadlineHours: 24, then: 'stay' },
      deadlines: { stepSeconds: 120, targetSeconds: 300, progressSeconds: 600, releaseSeconds: 14_400, rollbackSeconds: 3600 },
    },
  };
}
