import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { judgeDeadline, runningDeadlines } from '../../../domain/release/deadlines.ts';
import { evolve } from '../../../domain/release/evolve.ts';
import { weighDeadline } from '../../../domain/release/weigh-deadline.ts';
import { SIGNALBOX } from '../../../domain/vocabulary.ts';
import { AT, HOSTS, PLAN, release, REQUEST, rolling, rollingBack, stored } from './situations.ts';
import type { Outage } from '../../../domain/outage.ts';
import type { CoreEvent, DeadlineName } from '../../../domain/release/events.ts';
import type { Moment, TargetMoment } from '../../../domain/release/weigh-deadline.ts';
import type { ReleaseState } from '../../../domain/release/state.ts';

const START_MS = Date.parse(AT);
const LIMIT_S = 600;
const LIMIT_MS = LIMIT_S * 1000;
const iso = (ms: number): string => new Date(ms).toISOString();
const which = fc.constantFrom<DeadlineName[]>('progress', 'release', 'rollback');

/** A release whose deadlines have all the same limit and have begun to count at the start. */
function counting(name: DeadlineName): ReleaseState {
  const deadlines = { stepSeconds: 1, targetSeconds: 1, progressSeconds: LIMIT_S, releaseSeconds: LIMIT_S, rollbackSeconds: LIMIT_S };
  const clock = { from: AT, workedMs: 0, since: AT, awayMs: 0, batch: name === 'rollback' ? null : { from: AT, awayMs: 0 } };
  return release(name === 'rollback' ? rollingBack({ stage: 'rolling' }) : rolling({ stage: 'rolling', hosts: ['b', 'c'] }), { strategy: { deadlines }, clock });
}

const outages = fc.array(fc.tuple(fc.nat(2 * LIMIT_MS), fc.integer({ min: 1, max: LIMIT_MS })).map(([fromMs, ms]): Outage => ({ fromMs: START_MS + fromMs, toMs: START_MS + fromMs + ms, what: 'the balancer' })), { maxLength: 5 });

/** Every decision up to a batch in work since the start. */
function decisionsUntilWork(): readonly Moment[] {
  const events: readonly CoreEvent[] = [
    { type: 'release-requested', data: REQUEST }, { type: 'pool-acquired', data: { epoch: 1 } }, { type: 'plan-made', data: { plan: PLAN } },
    { type: 'phase-entered', data: { phase: 'pre-release' } }, { type: 'batch-started', data: { index: 1, part: 'whole', round: 0, hosts: [...HOSTS] } },
  ];
  return events.map((event) => ({ ...stored(event), at: AT }));
}

describe('a deadline', () => {
  test('is reached when its limit has passed without the outages, and no millisecond earlier', () => {
    fc.assert(fc.property(which, outages, (name, away) => {
      let state = counting(name);
      let putOffMs = 0;
      for (let look = 0; look < 50; look++) {
        const [next] = runningDeadlines(state).filter((deadline) => deadline.which === name);
        const atMs = Math.max(next?.atMs ?? 0, putOffMs);
        const judged = judgeDeadline(state, weigh(name, away, atMs));
        const workMs = atMs - START_MS - weigh(name, away, atMs).awayMs;
        if (judged.lookMs === null) {
          expect(workMs).toBeGreaterThanOrEqual(LIMIT_MS);
          // Looks are rarer while something stays away: only then the limit may have passed a while ago.
          if (putOffMs < atMs) expect(workMs).toBe(LIMIT_MS);
          expect(judged.events.map(({ type }) => type)).toEqual(name === 'rollback' ? ['deadline-reached'] : ['deadline-reached', 'paused']);
          return;
        }
        expect(workMs).toBeLessThan(LIMIT_MS);
        expect(judged.lookMs).toBeGreaterThan(atMs);
        putOffMs = judged.lookMs;
        for (const event of judged.events) state = evolve(state, { ...stored(event), at: iso(atMs) });
      }
      expect.fail('it was never reached');
    }), { numRuns: 300 });
  });

  test('is put off by each outage once, in however many looks it was found', () => {
    fc.assert(fc.property(which, outages, fc.array(fc.nat(LIMIT_MS - 1), { minLength: 1, maxLength: 5 }), (name, away, looks) => {
      let state = counting(name);
      for (const afterMs of looks.toSorted((a, b) => a - b)) {
        for (const event of judgeDeadline(state, weigh(name, away, START_MS + afterMs)).events) state = evolve(state, { ...stored(event), at: iso(START_MS + afterMs) });
      }
      const last = START_MS + Math.max(...looks);
      expect(runningDeadlines(state).find((deadline) => deadline.which === name)?.atMs).toBe(START_MS + LIMIT_MS + weigh(name, away, last).awayMs);
    }));
  });

  test('of a release that has reached one counts anew, and only one of its kinds is reached at a time', () => {
    fc.assert(fc.property(which, (name) => {
      const state = counting(name);
      const { events } = judgeDeadline(state, weigh(name, [], START_MS + LIMIT_MS));
      const after = events.reduce((folded, event) => evolve(folded, { ...stored(event), at: iso(START_MS + LIMIT_MS) }), state);
      expect(runningDeadlines(after)).toEqual([]);
      const resumed = evolve(after, { ...stored({ type: 'resumed', data: { reason: 'r' } }), at: iso(START_MS + 2 * LIMIT_MS) });
      if (name === 'release') expect(runningDeadlines(resumed).map(({ atMs }) => atMs)).toEqual([START_MS + 3 * LIMIT_MS, START_MS + 3 * LIMIT_MS]);
      if (name === 'progress') expect(runningDeadlines(resumed).map((deadline) => [deadline.which, deadline.atMs])).toEqual([['release', START_MS + 2 * LIMIT_MS], ['progress', START_MS + 3 * LIMIT_MS]]);
    }), { numRuns: 10 });
  });
});

/** As the log and the outages say, for a count that began at the start. */
function weigh(name: DeadlineName, away: readonly Outage[], atMs: number) {
  const back: readonly Moment[] = [{ ...stored({ type: 'rollback-started', data: { mode: 'regular', cause: 'operator', reason: 'r', batches: [['a']], then: 'rolled-back', epoch: 2 } }), at: AT }];
  return weighDeadline([...decisionsUntilWork(), ...(name === 'rollback' ? back : [])], away, { which: name, fromMs: START_MS, atMs });
}

describe('the weighing of a deadline', () => {
  const atMs = START_MS + LIMIT_MS;
  const moment = fc.record({ afterMs: fc.nat(LIMIT_MS), kind: fc.constantFrom('begun', 'balancer', 'capacity', 'stop', 'admit', 'failed') });
  const perHost = fc.tuple(...HOSTS.map((host) => fc.array(moment, { maxLength: 6 }).map((list) => list.toSorted((a, b) => a.afterMs - b.afterMs).map(({ afterMs, kind }) => targetMoment(host, afterMs, kind)))));

  test('does not depend on how the events of different targets are interleaved', () => {
    fc.assert(fc.property(perHost, fc.array(fc.nat(3), { maxLength: 30 }), (hosts, turns) => {
      const asked = { which: 'progress', fromMs: START_MS, atMs } as const;
      const one = weighDeadline([...decisionsUntilWork(), ...hosts.flat()], [], asked);
      const other = weighDeadline([...decisionsUntilWork(), ...dealt(hosts, turns)], [], asked);
      const comparable = (weighed: typeof one) => ({ ...weighed, away: weighed.away.toSorted(), inWork: weighed.inWork.toSorted((a, b) => a.host.localeCompare(b.host)) });
      expect(comparable(other)).toEqual(comparable(one));
    }));
  });

  test('takes a wait for the balancer as away until the next event of that target, and a wait for capacity as work', () => {
    fc.assert(fc.property(fc.nat(LIMIT_MS), fc.nat(LIMIT_MS), (a, b) => {
      const [fromMs, toMs] = [Math.min(a, b), Math.max(a, b)];
      const asked = { which: 'release', fromMs: START_MS, atMs } as const;
      const away = (kind: string) => weighDeadline([...decisionsUntilWork(), targetMoment('a', fromMs, kind), targetMoment('a', toMs, 'stop')], [], asked);
      expect(away('balancer')).toMatchObject({ awayMs: toMs - fromMs, isAway: toMs === LIMIT_MS && fromMs < toMs });
      expect(away('capacity').awayMs).toBe(0);
      expect(weighDeadline([...decisionsUntilWork(), targetMoment('a', fromMs, 'balancer')], [], asked).awayMs).toBe(LIMIT_MS - fromMs);
    }));
  });
});

function targetMoment(host: string, afterMs: number, kind: string): TargetMoment {
  const base = { at: iso(START_MS + afterMs), host, direction: 'forward', waitsFor: null } as const;
  if (kind === 'begun') return { ...base, type: 'target-step-begun', step: 'drain' };
  if (kind === 'failed') return { ...base, type: 'target-step-failed', step: 'verify' };
  if (kind === 'stop' || kind === 'admit') return { ...base, type: 'target-step-succeeded', step: kind };
  return { ...base, type: 'target-step-waiting', step: 'drain', waitsFor: { dependency: kind === 'capacity' ? 'capacity' : 'the balancer', message: `by ${SIGNALBOX.name}` } };
}

/** Deals the lists out in turns, each in its own order. */
function dealt<T>(lists: readonly (readonly T[])[], turns: readonly number[]): readonly T[] {
  const left = lists.map((list) => [...list]);
  const all: T[] = [];
  for (const turn of turns) {
    const next = left[turn]?.shift();
    if (next !== undefined) all.push(next);
  }
  return [...all, ...left.flat()];
}
