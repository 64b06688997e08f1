import { describe, expect, test } from 'vitest';
import { reportOf } from '../../../bench/ansible/report.ts';
import { betweenStepsMs, stepTimes, stretches } from '../../../bench/ansible/time-of-release.ts';
import type { StoredReleaseEvent } from '../../../domain/release/events.ts';
import type { SignalboxRelease } from '../../../bench/ansible/signalbox-side.ts';

const at = (ms: number): string => new Date(1_700_000_000_000 + ms).toISOString();

/** A release of two targets in one batch of 1000 ms: one worked 600 ms, the other 900 ms. */
const EVENTS = [
  { type: 'release-requested', at: at(0) },
  { type: 'pool-acquired', at: at(40) },
  { type: 'target-staged', at: at(200), data: { host: 'a', durationMs: 100 } },
  { type: 'targets-staged', at: at(240) },
  { type: 'batch-started', at: at(250), data: { hosts: ['a', 'b'] } },
  { type: 'target-step-succeeded', at: at(600), data: { host: 'a', step: 'drain', durationMs: 600 } },
  { type: 'target-step-succeeded', at: at(700), data: { host: 'b', step: 'drain', durationMs: 400 } },
  { type: 'target-step-succeeded', at: at(1200), data: { host: 'b', step: 'stop', durationMs: 500 } },
  { type: 'batch-finished', at: at(1250), data: { index: 1, part: 'whole' } },
  { type: 'release-succeeded', at: at(1300) },
] as unknown as readonly StoredReleaseEvent[];

describe('the time of a release', () => {
  test('is cut into parts that add up to the whole', () => {
    const parts = stretches(EVENTS);
    expect(parts.map(({ what }) => what)).toStrictEqual(['acquire the pool', 'stage all', 'between batches', 'batch 1', 'finish']);
    expect(parts.reduce((sum, { ms }) => sum + ms, 0)).toBe(1300);
  });

  test('per step holds every target', () => {
    expect(stepTimes(EVENTS)).toStrictEqual([{ step: 'stage', ms: [100] }, { step: 'drain', ms: [600, 400] }, { step: 'stop', ms: [500] }]);
  });

  test('between steps is what the slowest target of each batch did not work', () => {
    expect(betweenStepsMs(EVENTS)).toBe(100);
  });
});

describe('the report', () => {
  const release = (wallMs: number, ms: number): SignalboxRelease => ({ id: 'r', version: '1', wallMs, processor: [{ label: 'worker', ms }], events: EVENTS });
  const traffic = { total: 30_000, failed: 0, byVersion: {}, failures: [] };
  const ansible = { releases: [release(95_000, 85_000)], traffic };

  test('holds when both ratios and the requests do', () => {
    expect(reportOf({ releases: [release(9_000, 10_000)], traffic }, ansible, 30_000).holds).toBe(true);
  });

  test('is missed by a wall time above a tenth', () => {
    const { holds, lines } = reportOf({ releases: [release(9_600, 10_000)], traffic }, ansible, 30_000);
    expect(holds).toBe(false);
    expect(lines.join('\n')).toMatch(/MISSED Signalbox's wall time/);
  });

  test('is missed by a processor time above an eighth', () => {
    expect(reportOf({ releases: [release(9_000, 10_700)], traffic }, ansible, 30_000).holds).toBe(false);
  });

  test('is missed by one failed request, and shows it', () => {
    const { holds, lines } = reportOf({ releases: [release(9_000, 10_000)], traffic: { ...traffic, failed: 1, failures: ['answer 503'] } }, ansible, 30_000);
    expect(holds).toBe(false);
    expect(lines.join('\n')).toContain('failed request: answer 503');
  });

  test('is missed by too few requests', () => {
    expect(reportOf({ releases: [release(9_000, 10_000)], traffic: { ...traffic, total: 29_999 } }, ansible, 30_000).holds).toBe(false);
  });
});
