/** The release that benches run: one application on one pool, no baking, no watching, so that only Signalbox's own time is left. */
import { createHash } from 'node:crypto';
import type { ApplicationSpec, HostSpec, Inventory, StrategySpec } from '../domain/inventory.ts';
import type { CoreEventData } from '../domain/release/events.ts';

export interface NoOpRelease {
  readonly id: string;
  /** names the pool and begins the names of its hosts */
  readonly pool: string;
  readonly hosts: number;
  readonly version: string;
  /** hosts of one batch that are worked on at the same time */
  readonly lanes: number;
  /** size of each batch, of the whole pool; default 25 */
  readonly batchPercent?: number;
  /** failed hosts the release goes on with, per batch and in total; default none */
  readonly tolerated?: number;
}

export interface AskedRelease {
  readonly id: string;
  readonly request: CoreEventData['release-requested'];
  readonly inventory: Inventory;
  readonly actor: { readonly kind: 'token'; readonly name: string };
}

const APPLICATION = 'web';
const BATCH_PERCENT = 25;

/** One bastion, then batches, each at once after the other. */
export function noOpRelease({ id, pool, hosts, version, lanes, batchPercent = BATCH_PERCENT, tolerated = 0 }: NoOpRelease): AskedRelease {
  const names = Array.from({ length: hosts }, (_, index) => `${pool}-${String(index + 1).padStart(3, '0')}`);
  const inventory: Inventory = {
    pool: {
      name: pool, environment: 'prod', applications: [APPLICATION], hosts: names, capacity: { minInServicePercent: 66 }, strategy: 'at-once', busy: 'queue',
      traffic: { driver: 'haproxy', socket: '/nowhere', address: null, backend: APPLICATION, server: '${host.name}', drainTimeoutSeconds: 5 },
    },
    strategy: { ...strategyOf(lanes, batchPercent), tolerance: { perBatch: tolerated, total: tolerated } },
    applications: [APPLICATION_SPEC],
    hosts: names.map(hostSpec),
    packages: [{
      id: `${APPLICATION}@${version}`, application: APPLICATION, version, uri: `http://127.0.0.1/${APPLICATION}-${version}.tar.gz`,
      sha256: createHash('sha256').update(version).digest('hex'), sizeBytes: 1000, kind: 'full', source: { commit: null, build: null, branch: null },
    }],
  };
  return { id, inventory, request: requestOf(id, inventory), actor: { kind: 'token', name: 'bench' } };
}

function requestOf(id: string, { pool, strategy, hosts, packages }: Inventory): AskedRelease['request'] {
  return {
    id, kind: 'rollout', pool: pool.name, environment: pool.environment, applications: pool.applications,
    changes: packages.map(({ application, version }) => ({ application, version })), strategy,
    hosts: hosts.map(({ name, zone }) => ({ name, zone })), requestedBy: 'bench', reason: 'bench', busy: pool.busy, allowOutage: false, adopt: false,
    rollbackOf: null, restoreFrom: null, mode: null,
  };
}

function strategyOf(lanes: number, batchPercent: number): StrategySpec {
  return {
    name: 'at-once',
    bastion: { count: 1, bakeSeconds: 0, promote: 'auto' },
    batches: { percent: [batchPercent], mode: 'barrier', by: 'spread', order: 'interleave', maxParallel: lanes, bakeSeconds: 0, advance: 'auto' },
    tolerance: { perBatch: 0, total: 0 },
    onFailure: 'rollback',
    rollback: { on: ['bastion', 'tolerance'], mode: 'regular', batchPercent: null },
    postRelease: { watchSeconds: 0 },
    pause: { deadlineHours: 24, then: 'stay' },
    deadlines: { stepSeconds: 120, targetSeconds: 300, progressSeconds: 600, releaseSeconds: 14_400, rollbackSeconds: 3600 },
  };
}

const APPLICATION_SPEC: ApplicationSpec = {
  name: APPLICATION, recipe: 'service', productLine: null, owners: [], variables: {},
  run: { command: ['./app'], stopSignal: 'SIGTERM', stopTimeoutSeconds: 10, account: null, env: { PORT: '80' } },
  health: [{ http: { path: '/health', port: '80', method: 'GET', status: [200], version: { json: 'version' } }, passes: 1, intervalMs: 100, timeoutSeconds: 5 }],
};

function hostSpec(name: string, index: number): HostSpec {
  return { name, address: '127.0.0.1', zone: `z${index % 2}`, labels: {}, executor: { driver: 'local', root: `/nowhere/${name}` }, variables: {} };
}
