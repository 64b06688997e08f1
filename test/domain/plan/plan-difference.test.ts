import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { courseDifferences, planDifferences } from '../../../domain/plan/plan-difference.ts';
import { somePlanInput } from './drawn.ts';
import { planInput, planned, strategy } from './fleets.ts';
import { makePlan } from '../../../domain/plan/make-plan.ts';
import { PLAN } from '../release/situations.ts';
import type { Plan, PlannedBatch } from '../../../domain/plan/plan.ts';

const VERSIONS = { 'pool/web-prod': 1, 'strategy/standard': 3 };

function sentences(before: Plan, now: Plan): string[] {
  return courseDifferences(before, now).map(({ sentence }) => sentence);
}

function withBatch(index: number, change: Partial<PlannedBatch>): Plan {
  return { ...PLAN, batches: PLAN.batches.map((batch) => (batch.index === index ? { ...batch, ...change } : batch)) };
}

describe('a plan that no longer fits', () => {
  test('differs in nothing from itself, whatever was planned', () => {
    fc.assert(fc.property(somePlanInput, (input) => {
      const made = makePlan(input);
      if ('plan' in made) expect(planDifferences({ plan: made.plan, versions: VERSIONS }, { plan: structuredClone(made.plan), versions: { ...VERSIONS } })).toEqual([]);
    }));
  });

  test('names every inventory object that was changed, came in or went', () => {
    const found = planDifferences({ plan: PLAN, versions: VERSIONS }, { plan: PLAN, versions: { 'host/e': 1, 'strategy/standard': 5 } });
    expect(found).toEqual([
      { what: 'host/e', sentence: 'host e has come in.' },
      { what: 'pool/web-prod', sentence: 'pool web-prod is no longer part of it.' },
      { what: 'strategy/standard', sentence: 'strategy standard was changed: it stood at version 3 and stands at 5.' },
    ]);
  });

  test('names the hosts that joined and left each batch', () => {
    expect(sentences(PLAN, withBatch(1, { hosts: ['c', 'e'] }))).toEqual(['Batch 1 now has e and no longer has b.']);
    expect(sentences(withBatch(1, { hosts: ['1', '2', '3', '4', '5', '6', '7'] }), withBatch(1, { hosts: [] }))).toEqual(['Batch 1 no longer has 1, 2, 3, 4, 5 and 2 more.']);
  });

  test('says that a batch takes its hosts in another order', () => {
    expect(sentences(PLAN, withBatch(1, { hosts: ['c', 'b'] }))).toEqual(['Batch 1 takes its hosts in another order.']);
  });

  test('names every other value of a batch that changed, also one that was not set', () => {
    expect(sentences(PLAN, withBatch(2, { manual: true, lanes: 3, pauseSeconds: 5 }))).toEqual([
      'Batch 2: lanes was 1 and is 3.', 'Batch 2: manual was false and is true.', 'Batch 2: pauseSeconds was not set and is 5.',
    ]);
  });

  test('names batches that are new or gone', () => {
    const two = { ...PLAN, batches: PLAN.batches.slice(0, 2) };
    expect(sentences(PLAN, two)).toEqual(['There were 3 batches and are 2.', 'Batch 2 is gone: d.']);
    expect(sentences(two, PLAN)).toEqual(['There were 2 batches and are 3.', 'Batch 2 is new: d.']);
  });

  test('names capacity, the way back and what is released', () => {
    const now = { ...PLAN, capacity: { ...PLAN.capacity, inService: 3 }, rollback: { batchPercent: 50 }, changes: [{ application: 'web', version: '3', sha256: '0'.repeat(64) }] };
    expect(sentences(PLAN, now)).toEqual([
      'capacity.inService was 4 and is 3.', 'rollback.batchPercent was 25 and is 50.', 'It released web 2 (ffffffffffff) and would release web 3 (000000000000).',
    ]);
  });

  test('does not speak of warnings', () => {
    expect(sentences(PLAN, { ...PLAN, warnings: [] })).toEqual([]);
  });

  test('is told when a host has gone out of service meanwhile', () => {
    const [before, now] = ['iiiiiiii', 'iiioiiii'].map((letters) => planned(planInput(letters, { strategy: strategy() })));
    expect(sentences(before!, now!)).toContain('capacity.inService was 8 and is 7.');
  });
});
