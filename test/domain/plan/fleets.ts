/** Pools, strategies and hosts to plan with; drawn ones for laws are in drawn.ts. */
import type { StrategySpec } from '../../../domain/inventory.ts';
import type { PlanInput } from '../../../domain/plan/make-plan.ts';
import { makePlan } from '../../../domain/plan/make-plan.ts';
import type { Plan, PlanRefusal } from '../../../domain/plan/plan.ts';
import type { PlanHost } from '../../../domain/plan/standing.ts';

/** A release with the widest cap that can be had. */
export const WIDE = { batchCapPercent: 50, reason: 'a wide night' } as const;

export interface StrategyNumbers {
  readonly bastions?: number;
  readonly percent?: readonly number[];
  readonly maxParallel?: number;
  readonly promote?: 'auto' | 'manual';
  readonly advance?: 'auto' | 'manual';
  readonly rollbackPercent?: number | null;
  /** further members as they stand in a strategy */
  readonly bastion?: Partial<StrategySpec['bastion']>;
  readonly batches?: Partial<StrategySpec['batches']>;
  readonly tolerance?: StrategySpec['tolerance'];
}

export function strategy(numbers: StrategyNumbers = {}): StrategySpec {
  return {
    name: 'standard',
    bastion: { count: numbers.bastions ?? 1, bakeSeconds: 10, promote: numbers.promote ?? 'auto', ...numbers.bastion },
    batches: {
      percent: numbers.percent ?? [25],
      mode: 'barrier',
      by: 'spread',
      order: 'interleave',
      maxParallel: numbers.maxParallel ?? 10,
      bakeSeconds: 2,
      advance: numbers.advance ?? 'auto',
      ...numbers.batches,
    },
    tolerance: numbers.tolerance ?? { perBatch: 0, total: 0 },
    onFailure: 'rollback',
    rollback: { on: ['bastion', 'tolerance'], mode: 'regular', batchPercent: numbers.rollbackPercent ?? null },
    postRelease: { watchSeconds: 10 },
    pause: { deadlineHours: 24, then: 'stay' },
    deadlines: { stepSeconds: 120, targetSeconds: 300, progressSeconds: 600, releaseSeconds: 14400, rollbackSeconds: 3600 },
  };
}

/** One letter per host: `i` in service, `o` out of service, `s` out and staying so. Zones in turn. */
export function hostsOf(letters: string, zones = 2): PlanHost[] {
  return [...letters].map((letter, index) => ({
    name: `web-${String(index + 1).padStart(2, '0')}`,
    zone: `idc-${'abcde'[index % zones]}`,
    inService: letter === 'i',
    ...(letter === 's' ? { staysOut: true } : {}),
  }));
}

export function planInput(letters: string, rest: Partial<PlanInput> & { readonly percentInService?: number } = {}): PlanInput {
  const { percentInService, ...fields } = rest;
  return {
    pool: { name: 'web-prod', capacity: { minInServicePercent: percentInService ?? 50 } },
    strategy: strategy(),
    hosts: hostsOf(letters),
    changes: [{ application: 'web', version: '2.0.0', sha256: 'a'.repeat(64) }],
    allowOutage: false,
    reason: null,
    ...fields,
  };
}

export function planned(input: PlanInput): Plan {
  const result = makePlan(input);
  if ('refusals' in result) throw new Error(`no plan: ${JSON.stringify(result.refusals)}`);
  return result.plan;
}

export function refused(input: PlanInput): readonly PlanRefusal[] {
  const result = makePlan(input);
  if ('plan' in result) throw new Error('a plan was made');
  return result.refusals;
}
