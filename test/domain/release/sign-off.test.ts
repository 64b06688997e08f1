import { describe, expect, test } from 'vitest';
import { decide } from '../../../domain/release/decide.ts';
import { nextStep } from '../../../domain/release/next-step.ts';
import { waitingOf } from '../../../domain/release/waiting.ts';
import { AT, failed, PLAN, release, rolling } from './situations.ts';
import { command, fleet, Play, STRATEGY } from './simulated-release.ts';
import type { ReleaseState } from '../../../domain/release/state.ts';

const NOW_MS = Date.parse(AT);
const CONTEXT = { now: AT, inWork: [], begunNow: [] };
const SIGNED = { strategy: { signOff: 'after-bastion' as const } };

function baked(): ReleaseState {
  return release(rolling({ part: 'install', stage: 'baked', batch: 0 }, PLAN, 'pre-release'), SIGNED);
}

describe('sign-off after the bastion', () => {
  test('is waited for once the bastion has baked, and says who can end the wait', () => {
    expect(nextStep(baked(), NOW_MS)).toEqual({ do: 'wait', for: 'sign-off', untilMs: null });
    expect(waitingOf(baked(), {}, 9)).toMatchObject({ for: 'sign-off', who: 'an operator with approve or reject', sentence: expect.stringContaining('The bastion (a) is installed and proven') });
  });

  test('comes after the promotion where the strategy wants both', () => {
    const plan = { ...PLAN, batches: PLAN.batches.map((batch) => ({ ...batch, manual: true })) };
    const state = release(rolling({ part: 'install', stage: 'baked', batch: 0 }, plan, 'pre-release'), SIGNED);
    expect(nextStep(state, NOW_MS)).toMatchObject({ for: 'promote' });
    expect(nextStep(release(rolling({ part: 'install', stage: 'baked', batch: 0, promoted: true }, plan, 'pre-release'), SIGNED), NOW_MS)).toMatchObject({ for: 'sign-off' });
  });

  test('is not asked for by other strategies, nor of later batches', () => {
    expect(nextStep(release(rolling({ part: 'install', stage: 'baked', batch: 0 }, PLAN, 'pre-release')), NOW_MS)).toMatchObject({ do: 'record' });
    expect(nextStep(release(rolling({ stage: 'baked', batch: 1 }), SIGNED), NOW_MS)).toMatchObject({ do: 'record', events: [{ type: 'batch-started', data: { index: 2 } }] });
  });

  test('is not open to a bastion that has failed and is to be retried, ignored or left out first', () => {
    const plan = { ...PLAN, batches: PLAN.batches.map((batch) => ({ ...batch, bakeSeconds: 0 })) };
    const state = release(rolling({ part: 'install', stage: 'settled', batch: 0, failed: [failed('a')], braked: true }, plan, 'pre-release'), SIGNED);
    for (const type of ['approve', 'reject'] as const) expect(decide(state, command(type), CONTEXT)).toMatchObject({ refusal: { code: 'nothing-to-do' } });
  });

  test('approve lets it join, once', () => {
    const play = new Play({ hosts: fleet(8), strategy: { ...STRATEGY, signOff: 'after-bastion' } });
    expect(play.run().steps.at(-1)).toMatchObject({ do: 'wait', for: 'sign-off' });
    expect(play.acts).toHaveLength(1);
    expect(play.send(command('approve'))).toBe(true);
    expect(play.send(command('approve'))).toBe(false);
    expect(play.run().state.situation).toMatchObject({ status: 'succeeded' });
    expect(play.events.filter(({ type }) => type === 'bastion-signed-off')).toHaveLength(1);
  });

  test('reject takes the bastion back and names who did it and why', () => {
    const play = new Play({ hosts: fleet(8), strategy: { ...STRATEGY, signOff: 'after-bastion' } });
    play.run();
    expect(play.send(command('reject'))).toBe(true);
    const { state, acts } = play.run();
    expect(state.situation).toMatchObject({ status: 'rolled-back', rollback: { cause: 'rejected', reason: 'The bastion was rejected: because' } });
    expect(acts.map(({ direction }) => direction)).toEqual(['forward', 'back']);
  });

  test('approve and reject are refused where nothing waits for them', () => {
    for (const type of ['approve', 'reject'] as const) {
      expect(decide(release(rolling({ stage: 'rolling' }), SIGNED), command(type), CONTEXT)).toMatchObject({ refusal: { code: 'nothing-to-do', message: 'Nothing waits for a sign-off.' } });
      expect(decide({ ...baked(), aborting: { reason: 'r' } }, command(type), CONTEXT)).toMatchObject({ refusal: { code: 'not-allowed' } });
    }
  });
});
