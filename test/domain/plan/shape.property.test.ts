/** Laws of what follows what: zones, windows, orders, lists, and the values each batch carries. */
import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import type { Plan, PlannedBatch } from '../../../domain/plan/plan.ts';
import type { PlanInput } from '../../../domain/plan/make-plan.ts';
import { layOut } from '../../../domain/plan/layout.ts';
import { standingOf } from '../../../domain/plan/standing.ts';
import { somePlan, somePlanInput } from './drawn.ts';
import { planned } from './fleets.ts';

const RUNS = { numRuns: 200 };
const rolling = (plan: Plan): readonly PlannedBatch[] => plan.batches.filter(({ kind }) => kind === 'batch');
const zonesOf = (input: PlanInput, batch: PlannedBatch) => [...new Set(batch.hosts.map((name) => input.hosts.find((host) => host.name === name)?.zone))];
const repairs = (input: PlanInput) => standingOf(input.hosts, input.pool.capacity.minInServicePercent).repairFirst;
const law = (check: (drawn: { readonly input: PlanInput; readonly plan: Plan }) => void) => fc.assert(fc.property(somePlan, check), RUNS);

describe('zone by zone', () => {
  test('no batch mixes zones, and each says which is its own', () => {
    law(({ input, plan }) => {
      for (const batch of rolling(plan)) {
        if (input.strategy.batches.by === 'zone' && input.hosts.length > 1) expect([batch.zone]).toEqual(zonesOf(input, batch));
        else expect(batch).not.toHaveProperty('zone');
      }
    });
  });

  test('one zone is finished before the next begins, in declared order, unless the floor wants repairs first', () => {
    law(({ input, plan }) => {
      if (!(input.strategy.batches.by === 'zone' && input.hosts.length > 1 && !repairs(input))) return;
      const declared = [...new Set(input.hosts.map(({ zone }) => zone))];
      const places = rolling(plan).map(({ zone }) => declared.indexOf(zone ?? ''));
      expect(places).toEqual([...places].sort((a, b) => a - b));
    });
  });

  test('the pattern of counts begins anew in each zone', () => {
    const counted = fc.tuple(somePlanInput, fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 4 })).map(([input, wish]): PlanInput => {
      const count = wish.map((size) => Math.max(1, Math.min(size, Math.floor(0.33 * input.hosts.length))));
      const { bastion: _skipped, batches, ...rest } = input.strategy;
      const { firstZoneBakeSeconds = null, ...cut } = batches;
      const drawn = { ...rest, bastion: { count: 1, bakeSeconds: 1, promote: 'auto' as const }, batches: { ...cut, firstZoneBakeSeconds, percent: [], count, hosts: [], by: 'zone' as const, order: 'list' as const, mode: 'barrier' as const, each: [] } };
      return { ...input, strategy: drawn, hosts: input.hosts.map((host) => ({ ...host, inService: true })) };
    });
    fc.assert(
      fc.property(counted.filter(({ hosts }) => hosts.length > 1), (input) => {
        const { count = [] } = input.strategy.batches;
        for (const batches of Map.groupBy(rolling(planned(input)), ({ zone }) => zone).values()) {
          batches.forEach(({ hosts }, position) => {
            const wanted = count[Math.min(position, count.length - 1)] ?? 0;
            if (position < batches.length - 1) expect(hosts.length).toBe(wanted);
            else expect(hosts.length).toBeLessThanOrEqual(wanted);
          });
        }
      }),
      RUNS,
    );
  });
});

describe('windows', () => {
  test('two windows never follow one another inside a zone: they are one batch', () => {
    law(({ plan }) => {
      const batches = rolling(plan);
      batches.forEach((batch, position) => {
        const next = batches[position + 1];
        if (batch.mode === 'window' && next?.mode === 'window') expect(next.zone).not.toBe(batch.zone);
      });
    });
  });
});

describe('order', () => {
  test('hosts come in the order that was asked for, inside each zone where zones are kept apart', () => {
    law(({ input, plan }) => {
      const { order, hosts: lists = [], by } = input.strategy.batches;
      if (!(lists.length === 0 && !repairs(input) && order !== 'interleave')) return;
      const names = rolling(plan).flatMap(({ hosts }) => hosts);
      const zones = by === 'zone' ? [...new Set(input.hosts.map(({ zone }) => zone))] : [null];
      for (const zone of zones) {
        const own = names.map((name) => input.hosts.findIndex((host) => host.name === name)).filter((place) => zone === null || input.hosts[place]?.zone === zone);
        const keys = own.map((place) => (order === 'list' ? place : Number(input.hosts[place]?.inService) * (order === 'unhealthy-first' ? 1 : -1)));
        expect(keys).toEqual([...keys].sort((a, b) => a - b));
      }
    });
  });

  test('explicit lists are taken as they stand, without bastions, and everybody else comes after them', () => {
    law(({ input, plan }) => {
      const lists = input.strategy.batches.hosts ?? [];
      if (!(lists.length > 0 && input.hosts.length > 1)) return;
      const bastions = new Set(plan.batches.filter(({ kind }) => kind === 'bastion').flatMap(({ hosts }) => hosts));
      const expected = lists.map((list) => list.filter((name) => !bastions.has(name))).filter((list) => list.length > 0);
      const got = rolling(plan);
      expect(got.flatMap(({ hosts }) => hosts).slice(0, expected.flat().length)).toEqual(expected.flat());
      if (got.every(({ mode }) => mode === 'barrier')) expect(got.slice(0, expected.length).map(({ hosts }) => hosts)).toEqual(expected);
    });
  });
});

describe('values of a batch', () => {
  test('every batch says what counts for it: the strategy, unless it has a word of its own', () => {
    law(({ input, plan }) => {
      const { batches, bastion, tolerance } = input.strategy;
      const pauses = batches.pauseOnce ?? null;
      const ends = rolling(plan).findLastIndex(({ zone }) => zone !== undefined && zone === rolling(plan)[0]?.zone);
      for (const [position, batch] of plan.batches.entries()) {
        const proves = batch.kind === 'bastion' || input.hosts.length === 1;
        const last = position === plan.batches.length - 1;
        const own = batches.each?.find(({ index }) => index === batch.index);
        const zoneBake = batch.kind === 'batch' && rolling(plan).indexOf(batch) === ends ? batches.firstZoneBakeSeconds : null;
        expect(batch.tolerance).toBe(batch.kind === 'bastion' ? 0 : input.hosts.length === 1 ? tolerance.perBatch : ownOf(input, batch, 'tolerance') ?? tolerance.perBatch);
        expect(batch.verification).toBe((proves ? own?.verification : ownOf(input, batch, 'verification')) ?? (proves ? 'required' : batches.verification));
        expect(batch.bakeSeconds).toBe((proves ? own?.bakeSeconds : ownOf(input, batch, 'bakeSeconds')) ?? (proves ? bastion.bakeSeconds : (zoneBake ?? batches.bakeSeconds)));
        if (proves || last || pauses !== null) continue;
        expect(batch.pauseSeconds).toBe(ownOf(input, batch, 'pauseSeconds') ?? batches.pauseSeconds);
        expect(batch.manual).toBe((ownOf(input, batch, 'advance') ?? batches.advance) === 'manual');
      }
    });
  });

  test('nothing follows the last batch, so it neither rests nor waits for anybody', () => {
    law(({ input, plan }) => {
      if (!(input.hosts.length > 1)) return;
      expect(plan.batches.at(-1)).toMatchObject({ manual: false, pauseSeconds: 0 });
    });
  });

  test('one longer rest follows the first batch with which its share of the pool is done, and no other', () => {
    law(({ input, plan }) => {
      const { pauseOnce, each = [], pauseSeconds = 0, advance } = input.strategy.batches;
      if (!(pauseOnce !== null && pauseOnce !== undefined && each.length === 0 && input.hosts.length > 1)) return;
      let done = 0;
      const reached = plan.batches.findIndex(({ kind, hosts }) => (done += hosts.length) * 100 >= (pauseOnce?.afterPercent ?? 0) * input.hosts.length && kind === 'batch');
      for (const [position, batch] of plan.batches.entries()) {
        if (batch.kind === 'bastion' || position === plan.batches.length - 1) continue;
        const longer = position === reached;
        expect(batch.pauseSeconds).toBe(longer ? Math.max(pauseSeconds, pauseOnce?.seconds ?? 0) : pauseSeconds);
        expect(batch.manual).toBe(advance === 'manual' || (longer && pauseOnce?.seconds === null));
      }
    });
  });
});

/** An override that only made a window go on is no word about the batch that has its number now: overrides.test.ts shows which those are. */
function ownOf<K extends 'tolerance' | 'verification' | 'bakeSeconds' | 'pauseSeconds' | 'advance'>(input: PlanInput, batch: PlannedBatch, member: K) {
  const own = input.strategy.batches.each?.find(({ index }) => index === batch.index);
  const { joined } = layOut(input, standingOf(input.hosts, input.pool.capacity.minInServicePercent)).cut;
  return own === undefined || joined.includes(own) ? undefined : own[member];
}
