import { describe, expect, test } from 'vitest';
import { randomOf } from '../../domain/simulation/random.ts';
import { POINTS } from './points.ts';
import { quantilesOf, recoveriesOf } from './recovery.ts';
import { failuresOf, reportOf } from './report.ts';
import { cleanRecord } from './checker/clean-record.ts';
import { SCENARIOS, scenarioOf } from './scenarios.ts';
import { drawStory } from './story.ts';
import type { RoundOutcome } from './round.ts';
import type { ScenarioOutcome } from './run.ts';

const QUIET: RoundOutcome = { breaches: [], struck: [], missed: [], recoveries: [], requests: { total: 100, failed: 0, failures: [] }, acknowledged: 7, staleWrites: 0, tookMs: 12_000, stories: [] };

const outcome = (scenario: string, round: Partial<RoundOutcome> = {}, unreached: readonly string[] = []): ScenarioOutcome => ({ scenario, rounds: [{ ...QUIET, ...round }], unreached, mayFailRequests: scenario === 'reload' });

describe('a run fails', () => {
  test('by a breach, which it names with its rule', () => {
    expect(failuresOf([outcome('random', { breaches: [{ rule: 'I3', what: 'twice', atMs: 1 }] })], false)).toEqual(['random round 1, I3: twice']);
  });
  test('by a point that it armed and nobody came by', () => {
    expect(failuresOf([outcome('freeze', { missed: ['forward.drain.after-intent'] })], false)).toHaveLength(1);
  });
  test('by a point of the list that was never struck, if it was to strike them all', () => {
    const partly = [outcome('points', { missed: ['append.after'] }, ['append.after'])];
    expect(failuresOf(partly, true)).toEqual(['points: of the list of points nobody came by append.after']);
    expect(failuresOf(partly, false)).toEqual([]);
  });
  test('by a request that failed, unless the scenario says that one may', () => {
    const requests = { total: 10, failed: 1, failures: ['refused'] };
    expect(failuresOf([outcome('random', { requests })], false)).toEqual(['random round 1: 1 of 10 requests failed: refused']);
    expect(failuresOf([outcome('reload', { requests })], false)).toEqual([]);
  });
  test('by nothing else', () => {
    expect(failuresOf([outcome('random', { staleWrites: 1, acknowledged: 0 })], true)).toEqual([]);
  });
});

describe('the report', () => {
  test('has a row per scenario and the time until things went on, each with its N', () => {
    const recoveries = [100, 200, 900].map((ms) => ({ kind: 'pause acknowledged → quiet', ms }) as const);
    expect(reportOf([outcome('random', { recoveries }), outcome('reload')])).toContain('| pause acknowledged → quiet | 3 | 0.2 s | 0.9 s | 0.9 s |');
    expect(reportOf([outcome('random'), outcome('reload')])).toContain('| reload | 1 | 0 | 0 | 7 | 0 | 0 / 100 | 12.0 s |');
  });
  test('reads from a record how long it took until things went on', () => {
    const record = cleanRecord();
    const kinds = recoveriesOf(record, [{ point: 'append.after', fault: 'kill-worker', release: 'r-good', atMs: record.events[3]?.seenMs ?? 0 }], [{ atMs: record.events[5]?.seenMs ?? 0, line: 'Postgres runs again' }]);
    expect(kinds.map(({ kind }) => kind)).toEqual(['worker killed, the other runs → that release at work', 'Postgres back → at work', 'rollback acknowledged → first host fenced']);
    expect(kinds.every(({ ms }) => ms >= 0 && ms <= 200)).toBe(true);
  });
  test('counts a kill apart while no other worker was there, and whenever something else died before things went on', () => {
    const record = cleanRecord();
    const atMs = record.events[3]?.seenMs ?? 0;
    const struck = [{ point: 'append.after', fault: 'kill-worker', release: 'r-good', atMs }] as const;
    const kindsOf = (...lines: readonly string[]) => recoveriesOf(record, struck, lines.map((line) => ({ atMs: atMs + 1, line }))).map(({ kind }) => kind)[0];
    const ended = (name: string) => `${name} ended (SIGKILL); starting it again in 0.1 s`;
    const [alone, together] = ['worker killed, the other runs → that release at work', 'more than one of them dead → at work'];
    expect(kindsOf()).toBe(alone);
    expect(kindsOf(ended('worker 1'), ended('worker 2'))).toBe(together);
    expect(kindsOf(ended('worker 1'), 'worker 1 runs again', ended('worker 2'))).toBe(alone);
    for (const server of ['Temporal', 'Postgres']) expect(kindsOf(ended('worker 1'), ended(server), `${server} runs again`), server).toBe(together);
    expect(kindsOf(ended('worker 1'), ended('API'))).toBe(alone);
  });
  test('does not count what the step itself took that was taken up', () => {
    const record = cleanRecord();
    const struck = [{ point: 'append.after', fault: 'kill-worker', release: 'r-good', atMs: 0 }] as const;
    const first = record.events.find(({ release }) => release === 'r-good');
    if (first === undefined) throw new Error('there is no event');
    const late = { ...first, seenMs: 9_000, event: { ...first.event, type: 'target-step-failed', data: { ...first.event.data, durationMs: 6_000 } } } as unknown as typeof first;
    expect(recoveriesOf({ ...record, events: [late] }, struck, [])[0]).toEqual({ kind: 'worker killed, the other runs → that release at work', ms: 3_000 });
    expect(recoveriesOf({ ...record, events: [{ ...late, event: first.event }] }, struck, [])[0]).toMatchObject({ ms: 9_000 });
  });
  test('tells quantiles of nothing as nothing', () => {
    expect(quantilesOf([])).toEqual({ n: 0, p50: 0, p99: 0, max: 0 });
  });
});

describe('a seed', () => {
  test('draws the same stories and faults each time, and others for another round', () => {
    const pool = { pool: 'pool-1', application: 'app-1', hosts: [], floor: 0, machines: [] };
    const drawn = (seed: string) => {
      const random = randomOf(seed);
      return SCENARIOS.map((scenario) => ({ story: drawStory(random, pool, { mark: 'm-1-1' }), arms: scenario.arms({ random, round: 1, pending: POINTS }) }));
    };
    expect(drawn('7/points/1')).toEqual(drawn('7/points/1'));
    expect(drawn('7/points/1')).not.toEqual(drawn('7/points/2'));
  });
  test('of an unknown scenario is answered with those there are', () => {
    expect(() => scenarioOf('flood')).toThrow(/"flood"; there are: points, random, each-once, commands, freeze/);
  });
});
