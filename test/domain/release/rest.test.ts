import { describe, expect, test } from 'vitest';
import { nextStep } from '../../../domain/release/next-step.ts';
import { waitingOf } from '../../../domain/release/waiting.ts';
import { AT, paused, PLAN, release, rolling, stored } from './situations.ts';
import { evolve } from '../../../domain/release/evolve.ts';
import { command, fleet, Play, STRATEGY } from './simulated-release.ts';
import type { Plan } from '../../../domain/plan/plan.ts';

const NOW_MS = Date.parse(AT);
const RESTFUL: Plan = { ...PLAN, batches: PLAN.batches.map((batch) => ({ ...batch, pauseSeconds: 60 })) };
const BAKE = { index: 1, since: AT, seconds: 60, remainingMs: null };

describe('the rest between batches', () => {
  test('comes after the bake and before the next batch, for as long as the plan says', () => {
    const state = release(rolling({ stage: 'baked', batch: 1 }, RESTFUL));
    expect(nextStep(state, NOW_MS)).toEqual({ do: 'record', events: [{ type: 'rest-started', data: { index: 1, seconds: 60 } }] });
    const resting = release(rolling({ stage: 'resting', batch: 1, bake: BAKE }, RESTFUL));
    expect(nextStep(resting, NOW_MS + 59_999)).toEqual({ do: 'wait', for: 'rest', untilMs: NOW_MS + 60_000 });
    expect(nextStep(resting, NOW_MS + 60_000)).toEqual({ do: 'record', events: [{ type: 'rest-finished', data: { index: 1, cause: 'time', reason: null } }] });
    expect(nextStep(release(rolling({ stage: 'rested', batch: 1 }, RESTFUL)), NOW_MS)).toMatchObject({ events: [{ type: 'batch-started', data: { index: 2 } }] });
  });

  test('says that it rests, until when, and who can end it', () => {
    expect(waitingOf(release(rolling({ stage: 'resting', batch: 1, bake: BAKE }, RESTFUL)), {}, 9)).toMatchObject({ for: 'rest', until: '2026-01-01T00:01:00.000Z', who: 'the timer, or an operator with promote' });
  });

  test('is not taken after the last batch, nor where a person was asked to promote', () => {
    expect(nextStep(release(rolling({ stage: 'baked', batch: 2 }, RESTFUL)), NOW_MS)).toMatchObject({ events: [{ type: 'phase-entered', data: { phase: 'post-release' } }] });
    const manual = { ...RESTFUL, batches: RESTFUL.batches.map((batch) => ({ ...batch, manual: true })) };
    expect(nextStep(release(rolling({ stage: 'baked', batch: 1, promoted: true }, manual)), NOW_MS)).toMatchObject({ events: [{ type: 'batch-started' }] });
  });

  test('stands still while the release is paused', () => {
    const resting = release(rolling({ stage: 'resting', batch: 1, bake: BAKE }, RESTFUL));
    const held = evolve(resting, stored({ type: 'paused', data: { cause: 'operator', reason: 'r', deadline: null, then: 'stay' } }));
    expect(held.situation).toMatchObject({ progress: { stage: 'resting', bake: { remainingMs: 0 } } });
    expect(nextStep({ ...held, paused: paused() }, NOW_MS)).toMatchObject({ for: 'resume' });
  });

  test('promote ends it and the next batch begins', () => {
    const play = new Play({ hosts: fleet(8), strategy: { ...STRATEGY, batches: { ...STRATEGY.batches, pauseSeconds: 600 } } });
    const plan = (): Plan | null => ('plan' in play.state.situation ? play.state.situation.plan : null);
    while (plan() === null) play.run1();
    play.state = { ...play.state, situation: { ...play.state.situation, plan: { ...(plan() as Plan), batches: (plan() as Plan).batches.map((batch) => ({ ...batch, pauseSeconds: 600 })) } } as typeof play.state.situation };
    while (nextStep(play.state, play.nowMs).do !== 'wait' || (nextStep(play.state, play.nowMs) as { for: string }).for !== 'rest') play.run1();
    expect(play.send(command('promote'))).toBe(true);
    expect(play.events.at(-1)).toMatchObject({ type: 'rest-finished', data: { cause: 'promoted', reason: 'because' } });
    play.run1();
    expect(play.events.at(-1)).toMatchObject({ type: 'batch-started' });
  });
});
