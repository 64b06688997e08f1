import { describe, expect, test } from 'vitest';
import { ABORT_PATIENCE_SECONDS, endOfWait } from '../../../domain/release/wait-end.ts';
import { STEPS } from '../../../domain/vocabulary.ts';
import { AT, paused, release, rolling } from './situations.ts';
import type { WaitingStep } from '../../../domain/release/wait-end.ts';

const after = (seconds: number) => new Date(Date.parse(AT) + seconds * 1000).toISOString();
const waits = (more: Partial<WaitingStep> = {}): WaitingStep => ({ host: 'b', step: 'drain', direction: 'forward', dependency: 'capacity', isUntouched: true, now: AT, ...more });
const aborted = release(rolling(), { aborting: { reason: 'wrong day', since: AT } });

describe('a host that may not be taken out yet', () => {
  test('waits on while its release goes on', () => {
    expect(endOfWait(release(rolling()), waits())).toBe('goes-on');
  });

  test('is handed back by a pause, so that the release becomes quiet; on the way back it is brought to its end', () => {
    const state = release(rolling(), { paused: paused() });
    expect(endOfWait(state, waits())).toBe('handed-back');
    expect(endOfWait(state, waits({ direction: 'back' }))).toBe('goes-on');
  });

  test('whose drain an earlier attempt has begun is not handed back: it may be half out', () => {
    expect(endOfWait(release(rolling(), { paused: paused() }), waits({ isUntouched: false }))).toBe('goes-on');
  });

  test.each([
    ['capacity', 'forward', 'Bring the hosts back that are missing, then start the release again.'],
    ['capacity', 'back', 'Bring the hosts back that are missing, then start the release again.'],
    ['leave', 'forward', 'Start the release again once its applications let it go.'],
  ] as const)('for %s is told by an abort at once that it was left alone, and why: %s', (dependency, direction, remedy) => {
    expect(endOfWait(aborted, waits({ dependency, direction }))).toEqual({
      class: 'refused',
      code: 'release-aborted',
      message: `b waited for ${dependency} when the release was aborted (wrong day), and was not taken out of service.`,
      next: `Nothing has to be done on b. ${remedy}`,
    });
  });
});

describe.each(STEPS)('a host that waits at %s for something of ours that is away', (step) => {
  const away = (seconds: number) => waits({ step, dependency: 'the balancer', isUntouched: false, now: after(seconds) });

  test('waits on while its release is paused: it may be half-done', () => {
    expect(endOfWait(release(rolling(), { paused: paused() }), away(0))).toBe('goes-on');
  });

  test.each([
    ['forward', 'b was not finished.', 'It is put back as it was as soon as the balancer allows. A second abort leaves it as it stands.'],
    ['back', 'b was left as it stands.', 'When the balancer answers again, look at b with signalbox doctor, then retry the rollback.'],
  ] as const)('is given up on the way %s when that does not come back soon enough after an abort', (direction, end, next) => {
    expect(endOfWait(aborted, { ...away(ABORT_PATIENCE_SECONDS - 0.001), direction })).toBe('goes-on');
    expect(endOfWait(aborted, { ...away(ABORT_PATIENCE_SECONDS), direction })).toEqual({
      class: 'refused',
      code: 'release-aborted',
      message: `b waited at ${step} for the balancer when the release was aborted (wrong day). It did not come back within 15 s; ${end}`,
      next,
    });
  });

  test('is given up at once by an abort of which an older build did not write down the moment', () => {
    expect(endOfWait(release(rolling(), { aborting: { reason: 'wrong day' } }), away(0))).toMatchObject({ code: 'release-aborted' });
  });
});
