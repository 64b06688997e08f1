/** Generated pools and strategies of every form, for the laws of plans. */
import fc from 'fast-check';
import type { BatchOverride, BatchPolicy, BastionPolicy } from '../../../domain/inventory.ts';
import type { PlanInput } from '../../../domain/plan/make-plan.ts';
import { makePlan } from '../../../domain/plan/make-plan.ts';
import type { Plan } from '../../../domain/plan/plan.ts';
import type { PlanHost } from '../../../domain/plan/standing.ts';
import { planInput, planned, strategy } from './fleets.ts';

const host = fc.record({
  zone: fc.integer({ min: 0, max: 4 }),
  standing: fc.constantFrom('i', 'i', 'i', 'i', 'i', 'i', 'o', 's'),
  role: fc.constantFrom('canary', 'plain', 'plain'),
});

/** 1 to 300 hosts in 1 to 5 zones, each in service three times out of four. */
const someHosts: fc.Arbitrary<PlanHost[]> = fc.tuple(fc.integer({ min: 1, max: 5 }), sizes()).chain(([zones, size]) =>
  fc.array(host, { minLength: size, maxLength: size }).map((drawn) =>
    drawn.map(({ zone, standing, role }, index) => ({
      name: `web-${index}`,
      zone: `idc-${zone % zones}`,
      inService: standing === 'i',
      staysOut: standing === 's',
      labels: { role },
    })),
  ),
);

/** Small pools as often as large ones: the corners are there. */
function sizes(): fc.Arbitrary<number> {
  return fc.oneof(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 300 }));
}

const seconds = fc.integer({ min: 0, max: 600 });
const advance = fc.constantFrom('auto' as const, 'manual' as const);
const mode = fc.constantFrom('barrier' as const, 'barrier' as const, 'window' as const);
const verification = fc.constantFrom('required' as const, 'ignored' as const);

const somePercent = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 33 }).map((part) => [part]) },
  { weight: 1, arbitrary: fc.integer({ min: 34, max: 50 }).map((part) => [part]) },
  { weight: 1, arbitrary: fc.constantFrom([10, 30, 30, 30], [1, 33, 33, 33], [20, 30, 50], [25, 25, 25, 25]) },
);

/** Either percentages or counts; lists need the names of the pool. */
const somePattern: fc.Arbitrary<Pick<BatchPolicy, 'percent' | 'count'>> = fc.oneof(
  somePercent.map((percent) => ({ percent })),
  fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 4 }).map((count) => ({ percent: [], count })),
);

const order = fc.constantFrom('interleave' as const, 'list' as const, 'unhealthy-first' as const, 'unhealthy-last' as const);
const spread = fc.record({ by: fc.constant('spread' as const), order });
const zoned = fc.record({ by: fc.constant('zone' as const), order, firstZoneBakeSeconds: fc.option(seconds) });

const someCut: (hosts: readonly PlanHost[]) => fc.Arbitrary<Partial<BatchPolicy>> = (hosts) =>
  fc.oneof(
    { weight: 3, arbitrary: fc.tuple(somePattern, fc.oneof(spread, zoned)).map(([pattern, rest]) => ({ ...pattern, ...rest })) },
    { weight: 1, arbitrary: someLists(hosts).map((lists) => ({ percent: [], hosts: lists })) },
  );

/** Some of the hosts in some order, cut into lists. */
function someLists(hosts: readonly PlanHost[]): fc.Arbitrary<string[][]> {
  const names = hosts.map(({ name }) => name);
  return fc.tuple(fc.shuffledSubarray(names, { minLength: 1 }), fc.integer({ min: 1, max: 12 })).map(([some, size]) => {
    const width = Math.max(1, Math.min(size, Math.floor(0.33 * names.length)));
    return Array.from({ length: Math.ceil(some.length / width) }, (_, index) => some.slice(index * width, (index + 1) * width));
  });
}

const someOverrides: fc.Arbitrary<BatchOverride[]> = fc.uniqueArray(
  fc.record(
    { index: fc.integer({ min: 0, max: 7 }), percent: fc.integer({ min: 1, max: 33 }), count: fc.integer({ min: 1, max: 9 }), mode, bakeSeconds: seconds, pauseSeconds: seconds, advance, verification, tolerance: fc.nat(3) },
    { requiredKeys: ['index'] },
  ),
  { maxLength: 4, selector: ({ index }) => index },
);

/** What an override may say where it stands: nothing is taken away from a plan by a contradiction. */
function allowed({ percent, count, ...override }: BatchOverride, { lists, bastion }: { readonly lists: boolean; readonly bastion: boolean }): BatchOverride {
  if (override.index === 0 && bastion) {
    const { index, bakeSeconds, advance: own, verification: health } = override;
    return { index, ...(bakeSeconds === undefined ? {} : { bakeSeconds }), ...(own === undefined ? {} : { advance: own }), ...(health === undefined ? {} : { verification: health }) };
  }
  if (lists || (percent === undefined && count === undefined)) return override;
  return count === undefined ? { ...override, percent: percent ?? 1 } : { ...override, count };
}

const someBastion: (hosts: readonly PlanHost[]) => fc.Arbitrary<Partial<BastionPolicy>> = (hosts) =>
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ count: fc.constantFrom(0, 1, 1, 1, 2, 3), skipIn: fc.constantFrom([], [], ['uat']) }) },
    { weight: 1, arbitrary: fc.shuffledSubarray(hosts.map(({ name }) => name), { minLength: 1, maxLength: Math.min(3, hosts.length) }).map((names) => ({ count: 1, hosts: names })) },
    { weight: 1, arbitrary: fc.constant({ count: 1, label: { role: 'canary' } }) },
  );

const someNumbers = fc.record({
  percentInService: fc.integer({ min: 0, max: 100 }),
  environment: fc.constantFrom('prod', 'uat'),
  batchCapPercent: fc.constantFrom(null, null, 34, 50),
  perBatch: fc.nat(2),
  maxParallel: fc.integer({ min: 1, max: 40 }),
  promote: advance,
  bakeSeconds: seconds,
  pauseSeconds: seconds,
  pauseOnce: fc.option(fc.record({ afterPercent: fc.integer({ min: 1, max: 99 }), seconds: fc.option(seconds) })),
  advance,
  mode,
  verification,
});

/** Everything a plan is made from, also what cannot be planned; no strategy contradicts itself. */
export const somePlanInput: fc.Arbitrary<PlanInput> = someHosts
  .chain((hosts) => fc.tuple(fc.constant(hosts), someCut(hosts), someBastion(hosts), someOverrides, someNumbers))
  .map(([hosts, cut, bastion, overrides, numbers]) => {
    const { percentInService, environment, batchCapPercent, perBatch, promote, ...batches } = numbers;
    const each = overrides.map((override) => allowed(override, { lists: cut.hosts !== undefined, bastion: bastion.count !== 0 }));
    const drawn = strategy({ promote, tolerance: { perBatch, total: 9 }, bastion, batches: { ...batches, each, ...cut } });
    const pool = { name: 'web-prod', environment, capacity: { minInServicePercent: percentInService } };
    return planInput('', { hosts, strategy: drawn, pool, allowOutage: true, reason: 'drawn', batchCapPercent });
  });

/** Only what can be planned, with its plan. */
export const somePlan: fc.Arbitrary<{ readonly input: PlanInput; readonly plan: Plan }> = somePlanInput
  .map((input) => ({ input, result: makePlan(input) }))
  .filter(({ result }) => 'plan' in result)
  .map(({ input }) => ({ input, plan: planned(input) }));
