/** Where a cut-off batch stands: whatever its targets had recorded, nobody is lost, nobody runs twice in one round, and what failed is judged. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { adoptedEvent, cutOff } from '../../../domain/release/adoption.ts';
import { evolve, progressOf } from '../../../domain/release/evolve.ts';
import { nextStep, stepsOf } from '../../../domain/release/next-step.ts';
import { initialTarget } from '../../../domain/release/target.ts';
import { failed, paused, postRelease, preparing, release, rolling, rollingBack, SICK, stored } from './situations.ts';
import type { Part } from '../../../domain/release/events.ts';
import type { Journey, TargetState } from '../../../domain/release/target.ts';

const HOSTS = ['b', 'c', 'd'];

/** A target somewhere on its way: how many steps are done, and how it stands with the next. */
const journey = (part: Part, round: number): fc.Arbitrary<Journey> =>
  fc.record({ done: fc.nat(stepsOf(part).length), next: fc.constantFrom('nothing', 'begun', 'failed', 'waiting'), of: fc.constantFrom(round, Math.max(0, round - 1)) }).map(({ done, next, of }) => ({
    round: of,
    begun: next === 'nothing' && done === 0 ? null : (stepsOf(part)[done] ?? 'admit'),
    done: stepsOf(part).slice(0, done),
    failure: next === 'failed' && done < stepsOf(part).length ? { step: stepsOf(part)[done] ?? 'admit', failure: SICK } : null,
    waiting: next === 'waiting' ? { dependency: 'the balancer', message: 'away', since: 'x' } : null,
  }));

const cut = fc.record({ part: fc.constantFrom<Part[]>('install', 'whole', 'join'), round: fc.nat(2) }).chain(({ part, round }) =>
  fc.record({ part: fc.constant(part), round: fc.constant(round), journeys: fc.tuple(journey(part, round), journey(part, round), journey(part, round)) }),
);

function targetsOf(journeys: readonly Journey[]): Readonly<Record<string, TargetState>> {
  return Object.fromEntries(HOSTS.map((host, index) => [host, { ...initialTarget(host, 'z'), forward: journeys[index] ?? initialTarget(host, 'z').forward }]));
}

describe('a batch that was cut off', () => {
  test('has every host in exactly one place, and runs again exactly those that were begun and not finished', () => {
    fc.assert(fc.property(cut, ({ part, round, journeys }) => {
      const state = release(rolling({ stage: 'rolling', part, round, hosts: HOSTS }));
      const event = cutOff(state, targetsOf(journeys));
      if (event === null) throw new Error('it was rolling');
      const { succeeded, failed: bad, untouched, again } = event.data;
      expect(succeeded + bad.length + untouched.length + again.length).toBe(HOSTS.length);
      expect(new Set([...bad.map(({ host }) => host), ...untouched, ...again]).size).toBe(HOSTS.length - succeeded);
      journeys.forEach(({ round: of, done, begun }, index) => {
        const host = HOSTS[index] ?? '';
        const isFinished = of === round && done.includes(stepsOf(part).at(-1) ?? 'admit');
        if (isFinished) expect([...untouched, ...again]).not.toContain(host);
        if (part !== 'join' && of === round && begun === null && done.length === 0) expect(again).not.toContain(host);
      });
    }));
  });

  test('goes on in a round of its own with what is left, unless what failed brakes it', () => {
    fc.assert(fc.property(cut, ({ part, round, journeys }) => {
      const state = release(rolling({ stage: 'rolling', part, round, hosts: HOSTS }));
      const event = cutOff(state, targetsOf(journeys));
      if (event === null) throw new Error('it was rolling');
      const after = evolve(state, stored(event));
      const progress = progressOf(after.situation);
      expect(progress?.stage).toBe('settled');
      expect(progress?.hosts).toEqual([...event.data.again, ...event.data.untouched]);
      expect(progress?.round).toBe(event.data.again.length > 0 ? round + 1 : round);
      expect(event.data.again.every((host) => progress?.begun.includes(host))).toBe(true);
      const step = nextStep(after, 0);
      if (event.data.failed.length > 0) expect(step).toMatchObject({ do: 'record', events: [{ type: 'brake-applied' }, { type: expect.any(String) }] });
      else if (progress !== null && progress.hosts.length > 0) expect(step).toMatchObject({ do: 'record', events: [{ type: 'batch-started', data: { hosts: progress.hosts, round: progress.round } }] });
    }));
  });

  test('that was paused stays paused', () => {
    const state = release(rolling({ stage: 'rolling', hosts: HOSTS }), { paused: paused() });
    const event = cutOff(state, targetsOf([]));
    expect(event && evolve(state, stored(event)).paused).toEqual(state.paused);
  });

  test('keeps failures of earlier rounds', () => {
    const state = release(rolling({ stage: 'rolling', round: 1, hosts: ['c'], failed: [failed('b')] }));
    const event = cutOff(state, targetsOf([]));
    expect(event && progressOf(evolve(state, stored(event)).situation)?.failed).toEqual([failed('b')]);
  });
});

test.each([
  ['while it prepares', release(preparing()), null],
  ['between two batches', release(rolling()), 0],
  ['in a batch', release(rolling({ stage: 'rolling', hosts: HOSTS })), 0],
  ['on the way back', release(rollingBack({ stage: 'rolling' })), 0],
  ['after the last batch', release(postRelease()), null],
  ['in the queue', release({ status: 'queued', behind: 'r-2' }, { epoch: null }), null],
])('an adoption %s voids older commands exactly where they could touch hosts', (_when, state, epoch) => {
  expect(adoptedEvent(state, 'why')).toEqual({ type: 'release-adopted', data: { reason: 'why', epoch } });
  const after = evolve(state, stored({ type: 'release-adopted', data: { reason: 'why', epoch: epoch === null ? null : 99 } }));
  expect(after).toMatchObject({ adoptions: 1, epoch: epoch === null ? state.epoch : 99, situation: state.situation });
});

test('where no batch is in work nothing is said of one', () => {
  for (const state of [release(preparing()), release(rolling()), release(postRelease()), release(rollingBack({ stage: 'rolling' }))]) expect(cutOff(state, {})).toBeNull();
});

test('the time in which nobody carried it on counts against no deadline', () => {
  const clock = { from: '2026-01-01T00:00:00.000Z', workedMs: 5_000, since: '2026-01-01T00:00:00.000Z', awayMs: 0, batch: { from: '2026-01-01T00:00:00.000Z', awayMs: 0 } };
  const after = evolve(release(rolling({ stage: 'rolling', hosts: HOSTS }), { clock }), stored({ type: 'release-adopted', data: { reason: 'why', epoch: 9 } }));
  expect(after.clock).toMatchObject({ workedMs: 0, from: '2026-01-01T00:01:00.000Z', since: '2026-01-01T00:01:00.000Z', batch: { from: '2026-01-01T00:01:00.000Z' } });
});
