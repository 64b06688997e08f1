import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { capacityFloor, floorsBroken } from '../../../domain/plan/capacity.ts';
import { batchCap } from '../../../domain/plan/batch-cap.ts';
import { floorTogether, lossesOf } from '../../../domain/plan/joined.ts';
import { makePlan } from '../../../domain/plan/make-plan.ts';
import type { PlanInput } from '../../../domain/plan/make-plan.ts';
import type { MemberPool } from '../../../domain/inventory.ts';
import type { Plan, PlannedBatch } from '../../../domain/plan/plan.ts';
import { someJoinedInput, someSharingInput, plannedOnly } from './drawn-members.ts';
import { somePlanInput } from './drawn.ts';
import { planInput, planned, strategy } from './fleets.ts';
import { serverKeys } from '../../../domain/traffic-entry.ts';

const NO_ENTRY = { driver: 'none' } as const;

const RUNS = { numRuns: 300 };
const someJoined = plannedOnly(someJoinedInput);
const someSharing = plannedOnly(someSharingInput);

describe('laws of every plan of joined pools', () => {
  test('every target is in exactly one batch, and no batch is empty', () => {
    fc.assert(
      fc.property(someJoined, ({ input, plan }) => {
        expect(plan.batches.flatMap(({ hosts }) => hosts).sort()).toEqual(input.hosts.map(({ name }) => name).sort());
        expect(plan.batches.every(({ hosts }) => hosts.length > 0)).toBe(true);
      }),
      RUNS,
    );
  });

  test('no batch takes more of a joined pool than the cap of that pool, at least one, and no window has more of it in work', () => {
    fc.assert(
      fc.property(someJoined, ({ input, plan }) => {
        for (const member of joinedOf(input)) {
          const cap = batchCap(input.batchCapPercent ?? 33, member.hosts.length);
          for (const batch of plan.batches) expect(mostInWork(batch, member)).toBeLessThanOrEqual(batch.mode === 'window' ? cap : Math.max(cap, 0));
        }
      }),
      RUNS,
    );
  });

  test('a single percentage is the share of each joined pool: no batch takes more of it, at least one', () => {
    fc.assert(
      fc.property(someJoined, ({ input, plan }) => {
        const [percent, ...more] = input.strategy.batches.percent;
        if (percent === undefined || more.length > 0 || (input.strategy.batches.each ?? []).some((own) => own.count !== undefined || own.percent !== undefined)) return;
        // The remainder behind full parts may be followed by parts of a quarter, where rounding down left hosts over.
        const most = Math.max(percent, 25);
        for (const member of joinedOf(input)) {
          for (const batch of plan.batches.filter(({ kind }) => kind === 'batch')) expect(mostInWork(batch, member)).toBeLessThanOrEqual(Math.max(1, Math.floor((most * member.hosts.length) / 100)));
        }
      }),
      RUNS,
    );
  });

  test('a count is one of all pools together', () => {
    fc.assert(
      fc.property(someJoined, ({ input, plan }) => {
        const { count = [], each = [] } = input.strategy.batches;
        if (count.length === 0 || each.length > 0 || input.strategy.batches.by === 'zone') return;
        const rolling = plan.batches.filter(({ kind, mode }) => kind === 'batch' && mode === 'barrier');
        rolling.forEach((batch, position) => expect(batch.hosts.length).toBeLessThanOrEqual(count[Math.min(position, count.length - 1)] ?? 0));
      }),
      RUNS,
    );
  });

  test('no pool ever falls below its floor, in whatever order targets finish', () => {
    fc.assert(
      fc.property(someJoined, fc.array(fc.nat(), { minLength: 1, maxLength: 50 }), ({ input, plan }, luck) => {
        expect(belowFloor(input, input.members ?? [], plan, luck)).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  test('a strategy at one with itself is refused only for the size of its batches and for what a floor cannot spare', () => {
    fc.assert(
      fc.property(someJoinedInput, (input) => {
        const result = makePlan(input);
        if ('plan' in result) return;
        const codes = result.refusals.map(({ code }) => code);
        expect(['bastion-too-large', 'bastion-not-in-pool', 'batch-above-cap', 'floor-order', 'capacity-floor']).toEqual(expect.arrayContaining(codes));
      }),
      RUNS,
    );
  });

  test('the same input gives the same plan, and it survives JSON', () => {
    fc.assert(
      fc.property(someJoined, ({ input, plan }) => {
        expect(makePlan(structuredClone(input))).toEqual({ plan });
        expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
      }),
      RUNS,
    );
  });
});

describe('laws of every plan whose hosts other pools share', () => {
  test('neither the pool nor any that shares hosts with it ever falls below its floor', () => {
    fc.assert(
      fc.property(someSharing, fc.array(fc.nat(), { minLength: 1, maxLength: 50 }), ({ input, plan }, luck) => {
        const own = { name: 'own', hosts: input.hosts.map(({ name }) => name), minInServicePercent: input.pool.capacity.minInServicePercent };
        expect(belowFloor(input, [own, ...(input.members ?? [])], plan, luck)).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  test('where nothing needs repair its batches are those it would have without them', () => {
    fc.assert(
      fc.property(someSharing, ({ input, plan }) => {
        const { members: _members, ...alone } = input;
        if (input.hosts.some(({ inService }) => !inService) || (input.strategy.bastion.count > 0 && input.hosts.length > 1)) return;
        expect(plan.batches.map(({ hosts }) => hosts)).toEqual(planned(alone).batches.map(({ hosts }) => hosts));
      }),
      RUNS,
    );
  });

  test('without such pools a plan is the one it always was', () => {
    fc.assert(
      fc.property(somePlanInput, (input) => {
        expect(JSON.stringify(makePlan({ ...input, members: [], undrained: [] }))).toBe(JSON.stringify(makePlan(input)));
      }),
      RUNS,
    );
  });
});

describe('floors of several pools', () => {
  test('together they are never more than what serves when each keeps its own', () => {
    fc.assert(
      fc.property(someJoined, ({ input }) => {
        const members = (input.members ?? []).map(({ hosts, minInServicePercent }) => ({ hosts, floor: capacityFloor(minInServicePercent, hosts.length) }));
        const all = new Set(members.flatMap(({ hosts }) => hosts));
        // Hosts leave one after the other, as long as nobody falls below his floor.
        for (const host of all) if (members.every((member) => !member.hosts.includes(host) || member.hosts.filter((one) => all.has(one)).length > member.floor)) all.delete(host);
        expect(floorTogether(members)).toBeLessThanOrEqual(all.size);
      }),
      RUNS,
    );
  });

  test('pools without a common host are added up, and of those with one the larger floor counts', () => {
    expect(floorTogether([{ hosts: ['a', 'b', 'c'], floor: 2 }, { hosts: ['d', 'e'], floor: 1 }])).toBe(3);
    expect(floorTogether([{ hosts: ['a', 'b', 'c'], floor: 2 }, { hosts: ['c', 'd'], floor: 1 }])).toBe(2);
  });
});

describe('the mix', () => {
  const joined = (letters: string, members: Readonly<Record<string, readonly number[]>>, rest: Parameters<typeof planInput>[1] & { readonly minInServicePercent?: number } = {}) => {
    const input = planInput(letters, rest);
    const pools = Object.entries(members).map(([name, places]) => ({ name, hosts: places.map((place) => input.hosts[place - 1]?.name ?? ''), minInServicePercent: rest.minInServicePercent ?? 50, servingElsewhere: 0 }));
    return { ...input, pool: { ...input.pool, joins: Object.keys(members) }, members: pools };
  };
  const each = strategy({ bastions: 0, percent: [25], batches: { order: 'list' } });

  test('two pools without a common host lose their own share each in every batch', () => {
    const plan = planned(joined('iiiiiiii', { a: [1, 2, 3, 4], b: [5, 6, 7, 8] }, { strategy: each }));
    expect(plan.batches.map(({ hosts }) => hosts)).toEqual([['web-01', 'web-05'], ['web-02', 'web-06'], ['web-03', 'web-07'], ['web-04', 'web-08']]);
    expect(plan.batches.map(({ hosts }) => lossesOf(plan.members ?? [], hosts))).toEqual(Array.from({ length: 4 }, () => [{ pool: 'a', hosts: 1 }, { pool: 'b', hosts: 1 }]));
  });

  test('a host of two pools counts in both: what does not fit beside it waits for the next batch', () => {
    const plan = planned(joined('iiiii', { a: [1, 2, 3], b: [3, 4, 5] }, { strategy: strategy({ bastions: 0, percent: [33], batches: { order: 'list' } }) }));
    expect(plan.batches.map(({ hosts }) => hosts)).toEqual([['web-01', 'web-04'], ['web-02', 'web-05'], ['web-03']]);
  });

  test('the smallest pool gives one host at a time, however many the largest gives', () => {
    const plan = planned(joined('iiiiiiiiiiii', { large: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], small: [11, 12] }, { strategy: strategy({ bastions: 0, percent: [30], batches: { order: 'list' } }) }));
    expect(plan.batches.map(({ hosts }) => hosts.length)).toEqual([4, 4, 3, 1]);
    expect(plan.batchCap).toEqual({ percent: 33, hosts: 4 });
  });

  test('a list that takes more of one pool than its cap is refused by the name of that pool', () => {
    const lists = strategy({ bastions: 0, percent: [], batches: { hosts: [['web-01', 'web-02'], ['web-05', 'web-06']] } });
    const result = makePlan(joined('iiiiiiiiii', { a: [1, 2, 3, 4], b: [5, 6, 7, 8, 9, 10] }, { strategy: lists }));
    expect(result).toMatchObject({ refusals: [{ code: 'batch-above-cap', message: expect.stringContaining('2 of 4 hosts of pool a into batch 0') }] });
  });

  test('a pool of one is an outage that somebody has to want, and it is named', () => {
    const input = joined('iii', { a: [1, 2], lone: [3] }, { strategy: each });
    expect(makePlan(input)).toMatchObject({ refusals: [{ code: 'outage-not-allowed', message: expect.stringContaining('Pool lone has one host, web-03') }] });
    expect(makePlan({ ...input, allowOutage: true, reason: 'at night' })).toMatchObject({ plan: { warnings: expect.arrayContaining([expect.stringContaining('Pool lone has one host, web-03')]) } });
  });

  test('a pool that can spare nobody refuses by its name, though the other could', () => {
    const result = makePlan(joined('siiiiii', { tight: [1, 2], wide: [3, 4, 5, 6, 7] }, { strategy: each }));
    expect(result).toMatchObject({ refusals: [{ code: 'capacity-floor', message: expect.stringContaining('1 of 2 hosts of pool tight are in service and its floor is 1') }] });
  });

  test('the bastion is one choice over all of them, and no pool gives it that cannot spare a host', () => {
    const plan = planned(joined('ioiiiii', { tight: [1, 2], wide: [3, 4, 5, 6, 7] }, { strategy: strategy() }));
    expect(plan.batches[0]).toMatchObject({ kind: 'bastion', hosts: ['web-03'] });
    expect(plan.batches.flatMap(({ hosts }) => hosts).indexOf('web-02')).toBeLessThan(plan.batches.flatMap(({ hosts }) => hosts).indexOf('web-01'));
  });

  test('a host in service never goes before the one whose repair must make room for it, also where that one has to wait for a third pool', () => {
    const plan = planned(joined('ooiiii', { first: [1, 3], second: [2, 4], both: [1, 2, 5, 6] }, { strategy: each }));
    expect(plan.batches.map(({ hosts }) => hosts)).toEqual([['web-01'], ['web-02', 'web-03'], ['web-04', 'web-05'], ['web-06']]);
  });

  test('the plan names each pool with its floor, and the floor of all is theirs added up', () => {
    const plan = planned(joined('iiiiiiii', { a: [1, 2, 3, 4], b: [5, 6, 7, 8] }, { strategy: each, minInServicePercent: 75 }));
    expect(plan.capacity).toMatchObject({ hosts: 8, floor: 6 });
    expect(plan.members).toMatchObject([{ pool: 'a', hostsTotal: 4, inService: 4, floor: 3, cap: 1 }, { pool: 'b', hostsTotal: 4, inService: 4, floor: 3, cap: 1 }]);
  });

  test('in a window no pool has more of its hosts in work than its share', () => {
    const window = strategy({ bastions: 0, percent: [25], batches: { order: 'list', mode: 'window' } });
    const plan = planned(joined('iiiiiiiiiiii', { a: [1, 2, 3, 4, 5, 6, 7, 8], b: [9, 10, 11, 12] }, { strategy: window }));
    expect(plan.batches).toMatchObject([{ mode: 'window', lanes: 1 }]);
    expect(plan.warnings).toEqual(expect.arrayContaining([expect.stringContaining('The floors and shares of a, b let only 1 host be out at a time in batch 0.')]));
  });

  test('hosts that another pool serves from behind another entry are told', () => {
    const plan = planned({ ...planInput('iiii'), undrained: [{ pool: 'api', hosts: ['web-01'] }] });
    expect(plan.warnings[0]).toBe('Pool api serves from web-01, too, behind another traffic entry: this release does not take it out there.');
  });
});

function joinedOf({ pool, members = [] }: PlanInput): readonly MemberPool[] {
  return members.filter(({ name }) => pool.joins?.includes(name));
}

/** Hosts of a pool that may be in work at once. */
function mostInWork({ mode, hosts, lanes }: PlannedBatch, member: MemberPool): number {
  const own = hosts.filter((host) => member.hosts.includes(host)).length;
  return mode === 'window' ? Math.min(own, lanes) : own;
}

/** Runs the plan with its lanes, every target succeeding and `luck` choosing who finishes next; the drains that a floor would have refused. */
function belowFloor(input: PlanInput, pools: readonly MemberPool[], plan: Plan, luck: readonly number[]): string[] {
  const elsewhere = (input.members ?? []).flatMap(({ hosts, servingElsewhere }) => hosts.filter((host) => !input.hosts.some(({ name }) => name === host)).slice(0, servingElsewhere));
  const inService = new Set([...input.hosts.filter((host) => host.inService).map(({ name }) => name), ...elsewhere]);
  const stays = new Set(input.hosts.filter((host) => !host.inService && host.staysOut).map(({ name }) => name));
  const refused: string[] = [];
  let turn = 0;
  for (const batch of plan.batches) {
    const inWork: string[] = [];
    const finish = (): void => {
      const [done] = inWork.splice((luck[turn++ % luck.length] ?? 0) % inWork.length, 1);
      if (done !== undefined && !stays.has(done) && batch.kind === 'batch') inService.add(done);
    };
    for (const next of batch.hosts) {
      if (inWork.length >= batch.lanes) finish();
      refused.push(...floorsBroken(pools.map((pool) => ({ ...pool, traffic: NO_ENTRY })), { serving: new Set([...inService].map(serverKeys(NO_ENTRY))), out: next, outageAllowed: true }).map(({ pool }) => `${next} in ${pool}`));
      inService.delete(next);
      inWork.push(next);
    }
    while (inWork.length > 0) finish();
    if (batch.kind === 'bastion') for (const host of batch.hosts) if (!stays.has(host)) inService.add(host);
  }
  return refused;
}
