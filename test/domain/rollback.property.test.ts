import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { rollbackBatches } from '../../domain/rollback.ts';
import type { RollbackInput } from '../../domain/rollback.ts';
import { somePlan } from './plan/drawn.ts';
import { plannedOnly, someJoinedInput, someSharingInput } from './plan/drawn-members.ts';
import type { Plan } from '../../domain/plan/plan.ts';

/** A release that got some way through a real plan, with some hosts of the pool out of service, touched or not. */
const someRollback: fc.Arbitrary<RollbackInput> = fc
  .tuple(somePlan, fc.nat(), fc.nat({ max: 9 }), fc.array(fc.nat(), { maxLength: 30 }), fc.constantFrom('regular' as const, 'emergency' as const), fc.integer({ min: 1, max: 100 }))
  .map(([{ input, plan }, progress, untouchedOut, luck, mode, batchPercent]) => {
    const all = plan.batches.flatMap((batch) => batch.hosts);
    const begun = all.slice(0, progress % (all.length + 1));
    const failed = luck.map((drawn) => begun[drawn % Math.max(1, begun.length)]).filter((host) => host !== undefined);
    const down = untouchedOut > 5 ? input.hosts.filter((host) => !host.inService && !begun.includes(host.name)).map((host) => host.name) : [];
    return { begun, outOfService: [...new Set([...failed, ...down])], hostsTotal: all.length, floor: plan.capacity.floor, mode, batchPercent };
  });

describe('laws of every rollback', () => {
  test('a rollback touches exactly the touched, each once', () => {
    fc.assert(
      fc.property(someRollback, (input) => {
        const restored = rollbackBatches(input).flat();
        expect([...restored].sort()).toEqual([...input.begun].sort());
      }),
      { numRuns: 500 },
    );
  });

  test('no batch is empty or wider than its mode allows', () => {
    fc.assert(
      fc.property(someRollback, (input) => {
        const width = input.mode === 'emergency' ? input.hostsTotal - input.floor : Math.floor((input.batchPercent * input.hostsTotal) / 100);
        for (const batch of rollbackBatches(input)) {
          expect(batch.length).toBeGreaterThanOrEqual(1);
          expect(batch.length).toBeLessThanOrEqual(Math.max(1, width));
        }
      }),
      { numRuns: 500 },
    );
  });

  test('never more hosts are out of service than the floor allows while rolling back, unless the host goes alone', () => {
    fc.assert(
      fc.property(someRollback, (input) => {
        const out = new Set(input.outOfService);
        const untouchedOut = input.outOfService.filter((host) => !input.begun.includes(host));
        for (const batch of rollbackBatches(input)) {
          const taken = batch.filter((host) => !out.has(host));
          const left = input.hostsTotal - out.size - taken.length;
          const covered = taken.length === 0 || left >= input.floor;
          expect(covered || (batch.length === 1 && untouchedOut.length > 0)).toBe(true);
          for (const host of batch) out.delete(host);
        }
      }),
      { numRuns: 1000 },
    );
  });

  test('hosts out of service are restored before any that serves', () => {
    fc.assert(
      fc.property(someRollback, (input) => {
        const waiting = rollbackBatches(input).flat().map((host) => input.outOfService.includes(host));
        expect(waiting.lastIndexOf(true)).toBeLessThan(waiting.includes(false) ? waiting.indexOf(false) : waiting.length);
      }),
      { numRuns: 300 },
    );
  });

  test('the same input gives the same rollback', () => {
    fc.assert(
      fc.property(someRollback, (input) => {
        expect(rollbackBatches(structuredClone(input))).toEqual(rollbackBatches(input));
      }),
    );
  });
});

/** A release of several pools that got some way, some of its hosts having failed; a pool of its own or joined ones. */
const someRollbackOfMany: fc.Arbitrary<RollbackInput & { readonly plan: Plan }> = fc
  .tuple(fc.oneof(plannedOnly(someJoinedInput), plannedOnly(someSharingInput)), fc.nat(), fc.array(fc.nat(), { maxLength: 30 }), fc.constantFrom('regular' as const, 'emergency' as const), fc.integer({ min: 1, max: 100 }))
  .map(([{ plan }, progress, luck, mode, batchPercent]) => {
    const all = plan.batches.flatMap((batch) => batch.hosts);
    const begun = all.slice(0, progress % (all.length + 1));
    const failed = luck.map((drawn) => begun[drawn % Math.max(1, begun.length)]).filter((host) => host !== undefined);
    return { plan, begun, outOfService: [...new Set(failed)], hostsTotal: all.length, floor: plan.capacity.floor, mode, batchPercent, members: plan.members ?? [] };
  });

describe('laws of every rollback over several pools', () => {
  test('it touches exactly the touched, each once, and no batch is empty', () => {
    fc.assert(
      fc.property(someRollbackOfMany, (input) => {
        const batches = rollbackBatches(input);
        expect(batches.flat().sort()).toEqual([...input.begun].sort());
        expect(batches.every((batch) => batch.length > 0)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  test('no batch takes more of a joined pool than its share, at least one; in an emergency what its floor spares in full', () => {
    fc.assert(
      fc.property(someRollbackOfMany, ({ plan, ...input }) => {
        for (const batch of rollbackBatches(input)) {
          for (const { hosts, hostsTotal, floor, cap } of plan.members ?? []) {
            const width = input.mode === 'emergency' ? hostsTotal - floor : Math.floor((input.batchPercent * hostsTotal) / 100);
            if (cap !== undefined) expect(batch.filter((host) => hosts.includes(host)).length).toBeLessThanOrEqual(Math.max(1, width));
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  test('no pool falls below its floor while rolling back, unless the host goes alone', () => {
    fc.assert(
      fc.property(someRollbackOfMany, ({ plan, ...input }) => {
        const out = new Set(input.outOfService);
        for (const batch of rollbackBatches(input)) {
          for (const { hosts, hostsTotal, floor } of plan.members ?? []) {
            const before = hosts.filter((host) => out.has(host)).length;
            const taken = batch.filter((host) => hosts.includes(host) && !out.has(host)).length;
            expect(taken === 0 || hostsTotal - before - taken >= floor || batch.length === 1).toBe(true);
          }
          for (const host of batch) out.delete(host);
        }
      }),
      { numRuns: 500 },
    );
  });
});
