import { expect, test } from 'vitest';
import { detailsOf } from '../../workflows/details.ts';
import { AT, failed, PLAN, release, rolling } from '../domain/release/situations.ts';

const names = (count: number): string[] => Array.from({ length: count }, (_, index) => `web-${index + 1}`);

test('the view in Temporal names the batches with their hosts, who is in work, and who failed with what to do', () => {
  const text = detailsOf(release(rolling({ stage: 'rolling', failed: [failed('b')] })), ['c']);
  expect(text).toContain('⟳ rolling batch 1: b, c');
  expect(text).toContain('In work: c');
  expect(text).toMatch(/✖ \*\*b\*\* at .*it answers 500 _Read the log\._/);
});

test('a window says its width and a batch of a zone its zone', () => {
  const plan = { ...PLAN, batches: PLAN.batches.map((batch) => (batch.index === 1 ? { ...batch, mode: 'window' as const, zone: 'idc-a' } : batch)) };
  expect(detailsOf(release(rolling({ stage: 'rolling' }, plan)), [])).toContain('batch 1 (idc-a, window of 2): b, c');
});

test('while the clock of a deadline runs, the view says until when and what then', () => {
  const clock = { from: AT, workedMs: 0, since: AT, awayMs: 0, batch: null };
  expect(detailsOf(release(rolling({ stage: 'rolling' }), { clock }), [])).toContain('Deadline release: the release pauses at 2026-01-01T04:00:00.000Z');
  expect(detailsOf(release(rolling({ stage: 'rolling' })), [])).not.toContain('Deadline');
});

test('it stays short for a pool of thousands in which hundreds failed, and says how many it leaves out', () => {
  const hosts = names(5_000);
  const plan = { ...PLAN, batches: PLAN.batches.map((batch) => ({ ...batch, hosts })) };
  const situation = { ...rolling({ stage: 'rolling', failed: names(300).map((name) => failed(name)) }), plan };
  const text = detailsOf(release(situation), hosts);
  expect(text.length).toBeLessThan(5_000);
  expect(text).toContain('web-12 and 4988 more');
  expect(text).toContain('✖ and 290 more');
});
