/** Hosts that are passed: none of them is in a batch, all of them count. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BATCH_CAP_PERCENT, batchCap } from '../../../domain/plan/batch-cap.ts';
import { makePlan } from '../../../domain/plan/make-plan.ts';
import { mayTakeOut } from '../../../domain/plan/capacity.ts';
import { somePlan, somePlanInput } from './drawn.ts';
import { hostsOf, planInput, planned } from './fleets.ts';
import type { PlanInput } from '../../../domain/plan/make-plan.ts';
import type { Plan } from '../../../domain/plan/plan.ts';

const RUNS = { numRuns: 300 };

/** The same pool, with some of the hosts in service passed for what they run already. */
const somePassed: fc.Arbitrary<PlanInput> = fc.tuple(somePlanInput, fc.array(fc.boolean(), { minLength: 1, maxLength: 40 })).map(([input, luck]) => ({
  ...input,
  hosts: input.hosts.map((host, index) => (host.inService && luck[index % luck.length] ? { ...host, skip: 'runs it already' } : host)),
}));

const names = (plan: Plan): string[] => plan.batches.flatMap(({ hosts }) => hosts);

describe('laws of hosts that are passed', () => {
  test('every host is in exactly one batch or passed, never both', () => {
    fc.assert(fc.property(somePassed, (input) => {
      const made = makePlan(input);
      if (!('plan' in made)) return;
      const skipped = made.plan.skipped?.map(({ host }) => host) ?? [];
      expect([...names(made.plan), ...skipped].sort()).toEqual(input.hosts.map(({ name }) => name).sort());
      expect(skipped).toEqual(input.hosts.filter(({ skip }) => skip !== undefined).map(({ name }) => name));
    }), RUNS);
  });

  test('floor, capacity and the width of batches are those of the whole pool', () => {
    fc.assert(fc.property(somePassed, (input) => {
      const made = makePlan(input);
      if (!('plan' in made)) return;
      const { capacity, batches } = made.plan;
      const whole = makePlan({ ...input, hosts: input.hosts.map(({ skip: _skip, ...host }) => host) });
      if ('plan' in whole) expect(capacity).toEqual(whole.plan.capacity);
      expect(capacity).toMatchObject({ hosts: input.hosts.length, inService: input.hosts.filter(({ inService }) => inService).length });
      const cap = batchCap(input.batchCapPercent ?? BATCH_CAP_PERCENT, input.hosts.length);
      for (const { hosts, mode, lanes } of batches.filter(({ kind }) => kind === 'batch')) expect(mode === 'window' ? lanes : hosts.length).toBeLessThanOrEqual(cap);
    }), RUNS);
  });

  test('never more hosts are out than the floor allows', () => {
    fc.assert(fc.property(somePassed, (input) => {
      const made = makePlan(input);
      if (!('plan' in made)) return;
      const inService = new Set(input.hosts.filter((host) => host.inService).map(({ name }) => name));
      const stays = new Set(input.hosts.filter(({ staysOut }) => staysOut).map(({ name }) => name));
      for (const { hosts, lanes, kind } of made.plan.batches) {
        const atOnce = kind === 'bastion' ? hosts.length : lanes;
        for (let at = 0; at < hosts.length; at += atOnce) {
          const out = hosts.slice(at, at + atOnce);
          for (const host of out) {
            expect(mayTakeOut({ floor: made.plan.capacity.floor, inService: [...inService], out: host })).toBe(true);
            inService.delete(host);
          }
          for (const host of out) if (!stays.has(host)) inService.add(host);
        }
      }
    }), RUNS);
  });

  test('a pool that could be released to as a whole can be released to in part', () => {
    fc.assert(fc.property(somePlan, fc.array(fc.boolean(), { minLength: 1, maxLength: 40 }), ({ input }, luck) => {
      const hosts = input.hosts.map((host, index) => (host.inService && luck[index % luck.length] ? { ...host, skip: 'runs it already' } : host));
      const made = makePlan({ ...input, hosts });
      // Overrides count as the plan does: with fewer batches before it, an override for a window may meet another batch than it did.
      if ('refusals' in made) expect(made.refusals.map(({ code }) => code)).toEqual(['batch-above-cap']);
    }), RUNS);
  });

  test('a pool of which all is passed needs nobody: no batch, no refusal, no warning', () => {
    fc.assert(fc.property(somePlanInput, (input) => {
      const { plan } = makePlan({ ...input, allowOutage: false, reason: null, hosts: input.hosts.map((host) => ({ ...host, skip: 'runs it already' })) }) as { plan: Plan };
      expect(plan).toMatchObject({ batches: [], warnings: [] });
      expect(plan.skipped).toHaveLength(input.hosts.length);
    }), RUNS);
  });
});

describe('a plan with hosts that are passed', () => {
  const passed = (letters: string, which: readonly number[]) => hostsOf(letters).map((host, index) => (which.includes(index) ? { ...host, skip: 'runs it already' } : host));

  test('takes its bastion among those that are not', () => {
    expect(planned(planInput('', { hosts: passed('iiiiiiii', [0, 1]) })).batches[0]).toMatchObject({ kind: 'bastion', hosts: ['web-03'] });
  });

  test('cuts what is left in parts of the whole pool', () => {
    expect(planned(planInput('', { hosts: passed('iiiiiiii', [0, 1, 2]) })).batches.map(({ hosts }) => hosts.length)).toEqual([1, 2, 2]);
  });

  test('asks for no more bastions than hosts are left', () => {
    const hosts = passed('iiiiiiii', [0, 1, 2, 3, 4, 5, 6]);
    const { strategy } = planInput('');
    expect(planned(planInput('', { hosts, strategy: { ...strategy, bastion: { ...strategy.bastion, count: 2 } } })).batches).toMatchObject([{ kind: 'bastion', hosts: ['web-08'] }]);
  });

  test('brings up hosts out of service although nobody in service can be spared', () => {
    const hosts = passed('iiiis', [0, 1, 2, 3]);
    expect(planned(planInput('', { hosts, percentInService: 90 })).batches.flatMap((batch) => batch.hosts)).toEqual(['web-05']);
  });
});
