/** A release of good hosts in which an operator jumps about: the laws of its way do not hang on the order of its batches. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { evolve, initialRelease, planOf } from '../../../domain/release/evolve.ts';
import { nextStep } from '../../../domain/release/next-step.ts';
import { isTerminal } from '../../../domain/vocabulary.ts';
import { command, Play, STRATEGY } from './simulated-release.ts';
import type { CoreEvent, Stored } from '../../../domain/release/events.ts';
import type { Plan } from '../../../domain/plan/plan.ts';
import type { StrategySpec } from '../../../domain/inventory.ts';
import type { Script } from './simulated-release.ts';

const STEPS_MAX = 2000;
const RUNS = { numRuns: 300 };

const strategy: fc.Arbitrary<StrategySpec> = fc
  .record({
    bastions: fc.integer({ min: 0, max: 2 }),
    percent: fc.constantFrom([10], [20], [33], [20, 30, 50]),
    by: fc.constantFrom('spread' as const, 'zone' as const),
    firstZoneBakeSeconds: fc.constantFrom(null, 50),
    bakeSeconds: fc.constantFrom(0, 3),
    pauseSeconds: fc.constantFrom(0, 7),
    pauseOnce: fc.constantFrom(null, { afterPercent: 50, seconds: 70 }, { afterPercent: 40, seconds: null }),
    advance: fc.constantFrom('auto' as const, 'auto' as const, 'manual' as const),
    signOff: fc.constantFrom('after-bastion' as const, null),
  })
  .map(({ bastions, signOff, ...batches }) => ({ ...STRATEGY, bastion: { ...STRATEGY.bastion, count: bastions }, signOff: bastions === 0 ? null : signOff, batches: { ...STRATEGY.batches, ...batches, firstZoneBakeSeconds: batches.by === 'zone' ? batches.firstZoneBakeSeconds : null } }));

const hosts = fc.array(fc.record({ zone: fc.constantFrom('east', 'east', 'west', 'north'), inService: fc.constantFrom(true, true, true, true, false) }), { minLength: 4, maxLength: 30 }).map((list) => list.map((host, index) => ({ name: `h${index}`, ...host })));

/** At which steps of the release which batch is asked for. */
const jumps = fc.array(fc.tuple(fc.nat(40), fc.nat(11)), { maxLength: 20 });

interface Jumped {
  readonly play: Play;
  readonly plan: Plan;
  readonly applied: number;
}

/** Plays to the end; whoever is waited for comes. null: such a release is not planned. */
function played(fleet: Script['hosts'], rules: StrategySpec, asked: readonly (readonly [number, number])[]): Jumped | null {
  const play = new Play({ hosts: fleet, strategy: rules });
  let applied = 0;
  for (let n = 0; n < STEPS_MAX && !isTerminal(play.state.situation.status); n++) {
    const batches = planOf(play.state.situation)?.batches.length ?? 1;
    for (const [at, to] of asked) if (at === n && play.send(command('jump', { to: to % batches }))) applied++;
    const step = nextStep(play.state, play.nowMs);
    if (step.do === 'wait' && step.untilMs === null) expect(play.send(command(step.for === 'sign-off' ? 'approve' : 'promote')), step.for).toBe(true);
    else play.run1();
  }
  const plan = planOf(play.state.situation);
  return plan === null ? null : { play, plan, applied };
}

const forEach = (judge: (jumped: Jumped, rules: StrategySpec) => void) => fc.assert(fc.property(hosts, strategy, jumps, (fleet, rules, asked) => {
  const jumped = played(fleet, rules, asked);
  if (jumped !== null) judge(jumped, rules);
}), RUNS);

type Of<T extends CoreEvent['type']> = Stored<Extract<CoreEvent, { type: T }>>;
const eventsOf = <T extends CoreEvent['type']>({ events }: Play, type: T) => events.filter((event): event is Of<T> => event.type === type);

/** Batches behind the bastion in the order in which they were begun. */
function orderOf({ play, plan }: Jumped): readonly number[] {
  return eventsOf(play, 'batch-started').map(({ data }) => data.index).filter((index) => plan.batches[index]?.kind === 'batch');
}

describe('after any jumps', () => {
  test('a release touches each target exactly once, the bastion first, and succeeds', () => {
    let some = 0;
    forEach((jumped) => {
      const { play, plan, applied } = jumped;
      some += applied;
      expect(play.state.situation).toMatchObject({ status: 'succeeded', debt: [] });
      const begun = play.acts.filter(({ part }) => part !== 'join').map(({ host }) => host);
      expect(begun.toSorted()).toEqual(plan.batches.flatMap((batch) => batch.hosts).toSorted());
      const bastion = plan.batches[0]?.kind === 'bastion' ? plan.batches[0].hosts : [];
      expect(play.acts.slice(0, 2 * bastion.length).map(({ host }) => host)).toEqual([...bastion, ...bastion]);
      expect(play.acts.filter(({ part }) => part === 'join').map(({ host }) => host)).toEqual(bastion);
    });
    expect(some).toBeGreaterThan(100);
  });

  test('the batch that was named comes next, and the passed-over ones follow in their order', () => {
    forEach(({ play, plan }) => {
      // The first batch is at hand before it begins.
      let [atHand, ...order] = plan.batches.map(({ index }) => index);
      for (const { type, data } of play.events) {
        if (type === 'batch-jumped') {
          expect(order.slice(0, order.indexOf(data.index))).toEqual(data.over);
          order = [data.index, ...order.filter((index) => index !== data.index)];
        }
        if (type !== 'batch-started' || data.part === 'join') continue;
        if (eventsOf(play, 'batch-started')[0]?.data !== data) [atHand, ...order] = order;
        expect(data.index).toBe(atHand);
      }
      expect(order).toEqual([]);
    });
  });

  test('each batch bakes, rests and waits for a person before the next begins, as its strategy says of that order; the last waits for nothing', () => {
    forEach((jumped, { batches }) => {
      const { play, plan } = jumped;
      const order = orderOf(jumped);
      let done = plan.batches[0]?.kind === 'bastion' ? plan.batches[0].hosts.length : 0;
      let isReached = false;
      const zone = plan.batches.find(({ kind }) => kind === 'batch')?.zone;
      for (const [position, index] of order.entries()) {
        const own = plan.batches[index]!;
        const last = position === order.length - 1;
        done += own.hosts.length;
        const isLong: boolean = batches.pauseOnce != null && !isReached && done * 100 >= batches.pauseOnce.afterPercent * plan.capacity.hosts;
        isReached ||= isLong;
        const manual = !last && (batches.advance === 'manual' || (isLong && batches.pauseOnce?.seconds === null));
        const rest = Math.max(batches.pauseSeconds ?? 0, isLong ? (batches.pauseOnce?.seconds ?? 0) : 0);
        const endsZone = zone !== undefined && own.zone === zone && !order.slice(position + 1).some((later) => plan.batches[later]?.zone === zone);
        const bake = endsZone ? (batches.firstZoneBakeSeconds ?? batches.bakeSeconds) : batches.bakeSeconds;
        const between = spanOf(play, index);
        expect(between.filter(({ type }) => type === 'bake-started' || type === 'rest-started' || type === 'batch-promoted').map((event) => [event.type, 'seconds' in event.data ? event.data.seconds : null])).toEqual([
          ...(bake > 0 ? [['bake-started', bake]] : []),
          ...(manual ? [['batch-promoted', null]] : []),
          ...(!last && !manual && rest > 0 ? [['rest-started', rest]] : []),
        ]);
        expect(between.filter(({ type }) => type === 'bake-finished').map(({ at }) => Date.parse(at))).toEqual(bake > 0 ? [Date.parse(between.find(({ type }) => type === 'bake-started')?.at ?? '') + bake * 1000] : []);
      }
    });
  });

  test('no host in service has its turn before those that must come back first, and the first zone is finished before another where it proves the build', () => {
    forEach((jumped, { batches }) => {
      const { plan } = jumped;
      const order = orderOf(jumped).flatMap((index) => plan.batches[index] ?? []);
      const repairs = new Set(plan.repairs);
      const inPlan = plan.batches.flatMap((batch) => batch.hosts);
      const begun = order.flatMap((batch) => batch.hosts);
      for (const [place, host] of begun.entries()) {
        if (repairs.has(host)) continue;
        const mustBe = inPlan.slice(0, inPlan.indexOf(host)).filter((one) => repairs.has(one) && plan.batches[0]?.hosts.includes(one) !== true);
        expect(mustBe.filter((one) => !begun.slice(0, place).includes(one)), host).toEqual([]);
      }
      if (batches.firstZoneBakeSeconds === null || repairs.size > 0) return;
      const zone = plan.batches.find(({ kind }) => kind === 'batch')?.zone;
      const isFirst = order.map((one) => one.zone === zone);
      expect(isFirst).toEqual(isFirst.toSorted((one, other) => Number(other) - Number(one)));
    });
  });

  test('the stream folds to the state at hand, also after a way through JSON', () => {
    forEach(({ play }) => {
      const [requested, ...events] = JSON.parse(JSON.stringify(play.events)) as Play['events'];
      const state = events.reduce(evolve, initialRelease(requested as Of<'release-requested'>));
      expect(state).toEqual(play.state);
    });
  });
});

/** What happened from the beginning of a batch to that of the next, or to the end of the release phase. */
function spanOf({ events }: Play, index: number): Play['events'] {
  const from = events.findIndex((event) => event.type === 'batch-started' && event.data.index === index);
  const to = events.findIndex((event, place) => place > from && (event.type === 'batch-started' || (event.type === 'phase-entered' && event.data.phase === 'post-release')));
  return events.slice(from, to);
}
