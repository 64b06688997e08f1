/** Pools, strategies and hosts to plan with: fixed ones for examples, generated ones for laws. */
import fc from 'fast-check';
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

const host = fc.record({ zone: fc.integer({ min: 0, max: 4 }), standing: fc.constantFrom('i', 'i', 'i', 'i', 'i', 'i', 'o', 's') });

/** 1 to 300 hosts in 1 to 5 zones, each in service three times out of four. */
const someHosts: fc.Arbitrary<PlanHost[]> = fc.tuple(fc.integer({ min: 1, max: 5 }), sizes()).chain(([zones, size]) =>
  fc.array(host, { minLength: size, maxLength: size }).map((drawn) =>
    drawn.map(({ zone, standing }, index) => ({
      name: `web-${index}`,
      zone: `idc-${zone % zones}`,
      inService: standing === 'i',
      staysOut: standing === 's',
    })),
  ),
);

/** Small pools as often as large ones: the corners are there. */
function sizes(): fc.Arbitrary<number> {
  return fc.oneof(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 300 }));
}

const somePercent = fc.oneof(
  fc.integer({ min: 1, max: 100 }).map((part) => [part]),
  fc.constantFrom([10, 40, 50], [1, 99], [20, 30, 50], [25, 25, 25, 25]),
);

/** Everything a plan is made from, also what cannot be planned. */
export const somePlanInput: fc.Arbitrary<PlanInput> = fc
  .record({
    hosts: someHosts,
    percentInService: fc.integer({ min: 0, max: 100 }),
    percent: somePercent,
    bastions: fc.integer({ min: 0, max: 3 }),
    maxParallel: fc.integer({ min: 1, max: 40 }),
    promote: fc.constantFrom('auto' as const, 'manual' as const),
    advance: fc.constantFrom('auto' as const, 'manual' as const),
  })
  .map(({ hosts, percentInService, ...numbers }) =>
    planInput('', { hosts, percentInService, strategy: strategy(numbers), allowOutage: true, reason: 'drawn' }),
  );

/** Only what can be planned, with its plan. */
export const somePlan: fc.Arbitrary<{ readonly input: PlanInput; readonly plan: Plan }> = somePlanInput
  .map((input) => ({ input, result: makePlan(input) }))
  .filter(({ result }) => 'plan' in result)
  .map(({ input }) => ({ input, plan: planned(input) }));
