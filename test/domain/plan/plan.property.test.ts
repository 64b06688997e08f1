import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { makePlan } from '../../../domain/plan/make-plan.ts';
import type { PlanInput } from '../../../domain/plan/make-plan.ts';
import { mayTakeOut } from '../../../domain/plan/capacity.ts';
import type { Plan } from '../../../domain/plan/plan.ts';
import { somePlan, somePlanInput } from './drawn.ts';

const RUNS = { numRuns: 300 };

describe('laws of every plan', () => {
  test('every target is in exactly one batch', () => {
    fc.assert(
      fc.property(somePlan, ({ input, plan }) => {
        const all = plan.batches.flatMap((batch) => batch.hosts);
        expect([...all].sort()).toEqual(input.hosts.map((host) => host.name).sort());
      }),
      RUNS,
    );
  });

  test('batches are numbered from zero, never empty, and have at least one lane and none idle', () => {
    fc.assert(
      fc.property(somePlan, ({ input, plan }) => {
        plan.batches.forEach((batch, position) => {
          expect(batch.index).toBe(position);
          expect(batch.hosts.length).toBeGreaterThanOrEqual(1);
          expect(batch.lanes).toBeGreaterThanOrEqual(1);
          expect(batch.lanes).toBeLessThanOrEqual(Math.min(batch.hosts.length, input.strategy.batches.maxParallel));
        });
      }),
      RUNS,
    );
  });

  test('the bastion comes before any batch, in the wanted number, and serves if anybody can be spared', () => {
    fc.assert(
      fc.property(somePlan, ({ input, plan }) => {
        const { count, hosts: named = [], label = null, skipIn = [] } = input.strategy.bastion;
        const wanted = input.hosts.length === 1 || skipIn.includes(input.pool.environment ?? '') ? 0 : count;
        expect(plan.batches.map((batch) => batch.kind === 'bastion')).toEqual(plan.batches.map((_, index) => index === 0 && wanted > 0));
        if (wanted === 0) return;
        const bastion = plan.batches[0]?.hosts ?? [];
        expect(bastion.length).toBe(wanted);
        const among = named.length > 0 ? named.flatMap((name) => input.hosts.filter((host) => host.name === name)) : input.hosts.filter(({ labels }) => label === null || labels?.['role'] === label['role']);
        expect(among.map(({ name }) => name)).toEqual(expect.arrayContaining([...bastion]));
        if (plan.capacity.inService > plan.capacity.floor) {
          expect(bastion[0]).toBe((among.find((host) => host.inService) ?? among.find((host) => host.staysOut !== true) ?? among[0])?.name);
        }
      }),
      RUNS,
    );
  });

  test('no batch holds more hosts, and no window has more lanes, than the cap in force allows', () => {
    fc.assert(
      fc.property(somePlan, ({ input, plan }) => {
        const cap = Math.max(1, Math.floor(((input.batchCapPercent ?? 33) * input.hosts.length) / 100));
        expect(plan.batchCap).toEqual({ percent: input.batchCapPercent ?? 33, hosts: cap });
        for (const { mode, hosts, lanes } of plan.batches) expect(mode === 'window' ? lanes : hosts.length).toBeLessThanOrEqual(cap);
      }),
      RUNS,
    );
  });

  test('never more hosts are out of service than the floor allows, in whatever order targets finish', () => {
    fc.assert(
      fc.property(somePlan, fc.array(fc.nat(), { minLength: 1, maxLength: 50 }), ({ input, plan }, luck) => {
        expect(belowFloor(input, plan, luck)).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  test('the same input gives the same plan', () => {
    fc.assert(
      fc.property(somePlanInput, (input) => {
        expect(makePlan(structuredClone(input))).toEqual(makePlan(input));
      }),
      RUNS,
    );
  });

  test('a plan survives JSON unchanged', () => {
    fc.assert(
      fc.property(somePlan, ({ plan }) => {
        expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
      }),
      RUNS,
    );
  });

  test('a strategy at one with itself is refused only for the size of its batches and for what the floor cannot spare', () => {
    fc.assert(
      fc.property(somePlanInput, (input) => {
        const result = makePlan(input);
        if ('plan' in result) return;
        const codes = result.refusals.map((refusal) => refusal.code);
        expect(['bastion-too-large', 'bastion-not-in-pool', 'batch-above-cap', 'floor-order', 'capacity-floor']).toEqual(expect.arrayContaining(codes));
        if (codes.includes('capacity-floor')) expect(input.hosts.some((host) => host.staysOut)).toBe(true);
        if (codes.includes('bastion-not-in-pool')) expect(input.strategy.bastion.label).toEqual({ role: 'canary' });
        if (codes.includes('floor-order')) expect(input.strategy.batches.hosts).not.toEqual([]);
      }),
      RUNS,
    );
  });
});

/**
 * Runs the plan with lanes as the release would and every target succeeding, `luck` choosing which target in work finishes next.
 * Gives the hosts whose drain the floor would have refused.
 */
function belowFloor(input: PlanInput, plan: Plan, luck: readonly number[]): string[] {
  const inService = new Set(input.hosts.filter((host) => host.inService).map((host) => host.name));
  const stays = new Set(input.hosts.filter((host) => !host.inService && host.staysOut).map((host) => host.name));
  const refused: string[] = [];
  let turn = 0;
  for (const batch of plan.batches) {
    const inWork: string[] = [];
    const waiting = [...batch.hosts];
    const finish = () => {
      const [done] = inWork.splice((luck[turn++ % luck.length] ?? 0) % inWork.length, 1);
      // A bastion is back only when all of them have baked, which the end of its batch stands for.
      if (done !== undefined && !stays.has(done) && batch.kind === 'batch') inService.add(done);
    };
    while (waiting.length > 0) {
      if (inWork.length >= batch.lanes) finish();
      const next = waiting.shift() ?? '';
      if (!mayTakeOut({ floor: plan.capacity.floor, inService: [...inService], out: next })) refused.push(next);
      inService.delete(next);
      inWork.push(next);
    }
    while (inWork.length > 0) finish();
    if (batch.kind === 'bastion') for (const host of batch.hosts) if (!stays.has(host)) inService.add(host);
  }
  return refused;
}
