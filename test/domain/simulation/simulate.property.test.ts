import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { makePlan } from '../../../domain/plan/make-plan.ts';
import { DEFAULT_PACES, pacesFrom } from '../../../domain/simulation/paces.ts';
import { simulate } from '../../../domain/simulation/simulate.ts';
import { REQUEST } from '../release/situations.ts';
import { somePlanInput } from '../plan/drawn.ts';
import type { PlanInput } from '../../../domain/plan/make-plan.ts';
import type { Plan } from '../../../domain/plan/plan.ts';
import type { Paces } from '../../../domain/simulation/paces.ts';

const someSpread = fc.array(fc.integer({ min: 0, max: 9000 }), { minLength: 1, maxLength: 4 }).map((durations) => durations.toSorted((a, b) => a - b));
const somePaces: fc.Arbitrary<Paces> = fc.oneof(
  fc.constant(DEFAULT_PACES),
  fc.array(fc.record({ whole: someSpread, install: someSpread, join: someSpread, stage: someSpread }), { minLength: 1, maxLength: 4 }).map((days) => pacesFrom(days.map((day) => ({ day, targets: 3 })))),
);

/** What can be planned, with its plan. */
const somePlanned: fc.Arbitrary<{ readonly input: PlanInput; readonly plan: Plan }> = somePlanInput.map((input) => ({ input, made: makePlan(input) })).filter(({ made }) => 'plan' in made).map(({ input, made }) => ({ input, plan: (made as { plan: Plan }).plan }));

function simulated({ input, plan }: { readonly input: PlanInput; readonly plan: Plan }, paces: Paces = DEFAULT_PACES, seed = 'seed') {
  const request = { ...REQUEST, strategy: input.strategy, hosts: input.hosts.map(({ name, zone }) => ({ name, zone })) };
  const namesOf = (some: readonly { readonly name: string }[]): string[] => some.map(({ name }) => name);
  return simulate({ request, plan, inService: namesOf(input.hosts.filter((host) => host.inService)), staysOut: namesOf(input.hosts.filter((host) => host.staysOut === true)), paces, seed });
}

describe('whatever can be planned', () => {
  test('ends well, with every host released exactly once and a bastion installed before it joins', () => {
    fc.assert(fc.property(somePlanned, (planned) => {
      const { endsAs, timeline } = simulated(planned);
      expect(endsAs).toBe('succeeded');
      const begun = timeline.moments.flatMap(({ batch }) => (batch !== null && batch.part !== 'join' ? batch.hosts : []));
      expect(begun.toSorted()).toEqual(planned.input.hosts.map(({ name }) => name).toSorted());
      const joined = timeline.moments.flatMap(({ batch }) => (batch?.part === 'join' ? batch.hosts : []));
      expect(joined).toEqual(timeline.moments.flatMap(({ batch }) => (batch?.part === 'install' ? batch.hosts : [])));
    }), { numRuns: 60 });
  });

  test('never has fewer hosts in service than the floor, or than there were at the beginning', () => {
    fc.assert(fc.property(somePlanned, somePaces, (planned, paces) => {
      const { timeline } = simulated(planned, paces);
      const { floor, inService } = planned.plan.capacity;
      const least = Math.min(floor, inService);
      expect(timeline.lowest.inService).toBeGreaterThanOrEqual(least);
      for (const change of timeline.changes) expect(change.inService).toBeGreaterThanOrEqual(least);
      expect(timeline.moments.flatMap(({ batch }) => batch?.waitingAtFloor ?? [])).toEqual([]);
    }), { numRuns: 60 });
  });

  test('happens in order: each moment begins when the one before it ended, and the changes of service never go back in time', () => {
    fc.assert(fc.property(somePlanned, somePaces, (planned, paces) => {
      const { moments, changes } = simulated(planned, paces).timeline;
      moments.forEach((moment, index) => {
        expect(moment.startMs).toBe(index === 0 ? 0 : moments[index - 1]?.endMs);
        expect(moment.endMs).toBeGreaterThanOrEqual(moment.startMs);
        expect(moment.inService.start).toBe(index === 0 ? planned.plan.capacity.inService : moments[index - 1]?.inService.end);
      });
      changes.forEach((change, index) => expect(change.atMs).toBeGreaterThanOrEqual(changes[index - 1]?.atMs ?? 0));
    }), { numRuns: 60 });
  });

  test('the same question gives the same answer, and the told run is the one of middle length', () => {
    fc.assert(fc.property(somePlanned, somePaces, fc.string(), (planned, paces, seed) => {
      const first = simulated(planned, paces, seed);
      expect(simulated(planned, paces, seed)).toEqual(first);
      expect(first.p50).toBeLessThanOrEqual(first.p90);
      expect(Math.abs((first.timeline.moments.at(-1)?.endMs ?? 0) / 1000 - first.p50)).toBeLessThanOrEqual(0.06);
    }), { numRuns: 20 });
  });

  test('waits of known length are counted and waits for people are listed with nothing counted', () => {
    fc.assert(fc.property(somePlanned, (planned) => {
      const { timeline } = simulated(planned);
      const waits = timeline.moments.flatMap(({ wait, startMs, endMs }) => (wait === null ? [] : [{ ...wait, ms: endMs - startMs }]));
      const ofBatches = planned.plan.batches.flatMap(({ bakeSeconds, pauseSeconds = 0, manual }) => [bakeSeconds, manual ? 0 : pauseSeconds]);
      const known = [...ofBatches, planned.input.strategy.postRelease.watchSeconds].filter((seconds) => seconds > 0);
      expect(waits.filter(({ seconds }) => seconds !== null).map(({ seconds }) => seconds)).toEqual(known);
      const people = waits.filter(({ seconds }) => seconds === null);
      expect(people.length).toBe(planned.plan.batches.filter(({ manual }) => manual).length);
      for (const wait of people) expect(wait).toMatchObject({ for: 'promote', ms: 0, who: 'an operator with promote' });
    }), { numRuns: 60 });
  });
});
