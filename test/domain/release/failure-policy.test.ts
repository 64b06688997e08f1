import { describe, expect, test } from 'vitest';
import { brakeEvents } from '../../../domain/release/failure-policy.ts';
import { AT, failed, HOSTS, release, rolling } from './situations.ts';
import type { Plan } from '../../../domain/plan/plan.ts';
import type { StrategySpec } from '../../../domain/inventory.ts';
import type { CoreEvent } from '../../../domain/release/events.ts';
import type { Progress } from '../../../domain/release/state.ts';

const NOW_MS = Date.parse(AT);
const names = Array.from({ length: 100 }, (_, index) => `h${index + 1}`);

/** A pool of a hundred in batches of 25 hosts each, the last `passed` of them in none; `done` hosts have been begun, the last of them failed. */
function at(done: number, strategy: Partial<StrategySpec>, failedHosts: readonly string[] = [`h${done}`], passed = 0): readonly CoreEvent[] {
  const released = names.slice(0, 100 - passed);
  const plan: Plan = {
    batches: [0, 1, 2, 3].map((index) => ({ index, kind: 'batch', hosts: released.slice(index * 25, index * 25 + 25), lanes: 5, bakeSeconds: 0, manual: false })),
    ...(passed === 0 ? {} : { skipped: names.slice(100 - passed).map((host) => ({ host, why: 'runs web 2 already, in service and healthy' })) }),
    capacity: { hosts: 100, inService: 100, floor: 66, outageAllowed: false }, changes: [], rollback: { batchPercent: 33 }, warnings: [],
  };
  const progress: Partial<Progress> = { batch: Math.floor((done - 1) / 25), begun: names.slice(0, done), failed: failedHosts.map((host) => failed(host)) };
  const situation = rolling(progress, plan);
  return brakeEvents(release(situation, { strategy }), situation, NOW_MS);
}

const LATE = { late: { afterPercent: 75, failuresMax: 1 } };

describe('one failure late in a release', () => {
  test('at host 77 of 100 asks a person and takes nothing back', () => {
    const [applied, paused, ...more] = at(77, LATE);
    expect(applied).toMatchObject({ type: 'brake-applied', data: { then: 'ask', hosts: ['h77'] } });
    expect(paused).toMatchObject({ type: 'paused', data: { cause: 'ask', deadline: '2026-01-02T00:00:00.000Z', then: 'stay', reason: expect.stringContaining('h77 (verify)') } });
    expect(more).toEqual([]);
  });

  test('rolls back before that share of the pool has finished, where no late policy is set, and with more failures than one', () => {
    const isBack = (events: readonly CoreEvent[]) => events.map(({ type }) => type);
    expect(isBack(at(75, LATE))).toEqual(['brake-applied', 'rollback-started']);
    expect(isBack(at(76, LATE))).toEqual(['brake-applied', 'paused']);
    expect(isBack(at(77, {}))).toEqual(['brake-applied', 'rollback-started']);
    expect(isBack(at(77, { late: null }))).toEqual(['brake-applied', 'rollback-started']);
    expect(isBack(at(80, LATE, ['h78', 'h79']))).toEqual(['brake-applied', 'rollback-started']);
  });

  test('counts hosts that were passed among those that have finished, for they run the version, too', () => {
    expect(at(37, LATE, ['h37'], 40)).toMatchObject([{ data: { then: 'ask' } }, { type: 'paused' }]);
    expect(at(36, LATE, ['h36'], 40)).toMatchObject([{ data: { then: 'ask' } }, { type: 'paused' }]);
    expect(at(35, LATE, ['h35'], 40)).toMatchObject([{ data: { then: 'rollback' } }, { type: 'rollback-started' }]);
    expect(at(37, LATE, ['h37'])).toMatchObject([{ data: { then: 'rollback' } }, { type: 'rollback-started' }]);
  });

  test('changes nothing where the strategy holds anyway', () => {
    expect(at(77, { ...LATE, onFailure: 'hold' })).toMatchObject([{ data: { then: 'hold' } }, { type: 'paused', data: { cause: 'brake' } }]);
  });
});

describe('onFailure ask', () => {
  test('asks at the first failure, also of the bastion, and pauses until the deadline of pauses', () => {
    const bastion = rolling({ batch: 0, part: 'install', failed: [failed('a')], begun: ['a'] }, undefined, 'pre-release');
    const events = brakeEvents(release(bastion, { strategy: { onFailure: 'ask', pause: { deadlineHours: 2, then: 'rollback' } } }), bastion, NOW_MS);
    expect(events).toMatchObject([{ data: { then: 'ask', hosts: ['a'] } }, { type: 'paused', data: { cause: 'ask', deadline: '2026-01-01T02:00:00.000Z', then: 'rollback' } }]);
  });

  test('holds for a dependency of ours without asking', () => {
    const situation = rolling({ failed: [failed('b', { class: 'dependency', code: 'balancer-away', message: 'm', next: 'n' })], begun: [...HOSTS] });
    expect(brakeEvents(release(situation, { strategy: { onFailure: 'ask' } }), situation, NOW_MS)).toMatchObject([{ data: { then: 'hold' } }, { data: { cause: 'dependency' } }]);
  });
});

describe('failures in a row', () => {
  test('brake a batch that would stand them all, by the order they ended', () => {
    const tolerance = { perBatch: 9, total: 9, consecutive: 1 };
    const twice = (longest: number) => {
      const situation = rolling({ failed: [failed('b'), failed('c')], begun: [...HOSTS], streak: { last: 0, longest } });
      return brakeEvents(release(situation, { strategy: { tolerance, onFailure: 'hold' } }), situation, NOW_MS);
    };
    expect(twice(1)).toEqual([]);
    expect(twice(2)).toMatchObject([{ data: { sentence: '2 targets failed one after the other; the strategy tolerates 1 in a row.' } }, { type: 'paused' }]);
  });
});
