/** Laws of plans whose hosts stand behind several entries, each pool counted at its own. */
import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { floorsBroken } from '../../../domain/plan/capacity.ts';
import { makePlan } from '../../../domain/plan/make-plan.ts';
import { serverKeys } from '../../../domain/traffic-entry.ts';
import { plannedOnly, someJoinedInput, someSharingInput } from './drawn-members.ts';
import { planInput, planned, strategy } from './fleets.ts';
import type { TrafficSpec } from '../../../domain/traffic-spec.ts';
import type { CountedPool } from '../../../domain/joined-pool.ts';
import type { MemberHost, PlanMember } from '../../../domain/plan/joined.ts';
import type { PlanInput } from '../../../domain/plan/make-plan.ts';
import type { Plan } from '../../../domain/plan/plan.ts';

const entry = (backend: string): TrafficSpec => ({ driver: 'haproxy', socket: '/run/haproxy.sock', address: null, backend, server: '${host.name}', drainTimeoutSeconds: 30 });
const OWN = entry('own');

/** Most hosts stand at the other entry as at their own; some are out there alone, by somebody's hand or so that a release brings them back, and some serve there alone. */
const somewhere = (inputs: fc.Arbitrary<PlanInput>): fc.Arbitrary<PlanInput> =>
  fc.tuple(inputs, fc.array(fc.nat(11), { minLength: 1, maxLength: 40 })).map(([input, luck]) => {
    let turn = 0;
    const byName = new Map(input.hosts.map((host) => [host.name, host]));
    const standingOf = (member: PlanMember): Readonly<Record<string, MemberHost>> =>
      Object.fromEntries(member.hosts.flatMap((name) => {
        const host = byName.get(name);
        if (host === undefined) return [];
        const drawn = luck[turn++ % luck.length] ?? 0;
        const other: MemberHost = drawn === 0 ? { inService: false, staysOut: true } : drawn === 1 ? { inService: false } : drawn === 2 ? { inService: true } : { inService: host.inService, staysOut: host.staysOut === true };
        return [[name, other]];
      }));
    return { ...input, members: (input.members ?? []).map((member) => ({ ...member, traffic: entry(member.name), standing: standingOf(member) })) };
  });

/** Runs the plan with its lanes, every target succeeding and `luck` choosing who finishes next; the drains that a floor would have refused. */
function belowFloor(input: PlanInput, plan: Plan, luck: readonly number[]): string[] {
  const members = input.members ?? [];
  const own: CountedPool = { name: 'own', hosts: input.hosts.map(({ name }) => name), minInServicePercent: input.pool.capacity.minInServicePercent, traffic: OWN };
  const pools = [...(input.pool.joins === undefined ? [own] : []), ...members.map((member): CountedPool => ({ ...member, traffic: member.traffic ?? OWN }))];
  const released = new Set(own.hosts);
  const serving = new Set<string>();
  const back = new Map<string, string[]>();
  const put = (host: string, { inService, staysOut }: MemberHost, key: string): void => {
    if (inService) serving.add(key);
    if (inService || staysOut !== true) back.set(host, [...(back.get(host) ?? []), key]);
  };
  for (const host of input.hosts) put(host.name, host, serverKeys(OWN)(host.name));
  for (const { hosts, traffic = OWN, standing = {}, servingElsewhere } of members) {
    const keyOf = serverKeys(traffic);
    for (const host of hosts) if (standing[host] !== undefined) put(host, standing[host], keyOf(host));
    for (const host of hosts.filter((one) => !released.has(one)).slice(0, servingElsewhere)) serving.add(keyOf(host));
  }
  const refused: string[] = [];
  let turn = 0;
  const join = (host: string): void => (back.get(host) ?? []).forEach((key) => serving.add(key));
  for (const batch of plan.batches) {
    const inWork: string[] = [];
    const finish = (): void => {
      const [done] = inWork.splice((luck[turn++ % luck.length] ?? 0) % inWork.length, 1);
      if (done !== undefined && batch.kind === 'batch') join(done);
    };
    for (const next of batch.hosts) {
      if (inWork.length >= batch.lanes) finish();
      refused.push(...floorsBroken(pools, { serving, out: next, outageAllowed: true }).map(({ pool }) => `${next} in ${pool}`));
      for (const { traffic } of pools) serving.delete(serverKeys(traffic)(next));
      inWork.push(next);
    }
    while (inWork.length > 0) finish();
    if (batch.kind === 'bastion') batch.hosts.forEach(join);
  }
  return refused;
}

describe('laws of every plan over several entries', () => {
  test.each([['that merely share hosts', someSharingInput], ['that are joined', someJoinedInput]] as const)('of pools %s none ever falls below its floor at its own entry, in whatever order targets finish', (_which, inputs) => {
    fc.assert(
      fc.property(plannedOnly(somewhere(inputs)), fc.array(fc.nat(), { minLength: 1, maxLength: 50 }), ({ input, plan }, luck) => {
        expect(belowFloor(input, plan, luck)).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  test('where every host stands at each entry as at its own, the plan is that of one entry', () => {
    fc.assert(
      fc.property(someSharingInput, (input) => {
        const standing = Object.fromEntries(input.hosts.map(({ name, inService, staysOut }) => [name, { inService, ...(staysOut === undefined ? {} : { staysOut }) }]));
        const members = (input.members ?? []).map((member) => ({ ...member, traffic: entry(member.name), standing }));
        expect(makePlan({ ...input, members })).toEqual(makePlan(input));
      }),
      { numRuns: 300 },
    );
  });
});

test('a host that serves here but is out behind the other entry is repaired before one that the other pool cannot spare', () => {
  const input = planInput('iii', { strategy: strategy({ bastions: 0, percent: [33], batches: { order: 'list' } }) });
  const member: PlanMember = { name: 'secure', hosts: ['web-01', 'web-02'], minInServicePercent: 50, servingElsewhere: 0, traffic: entry('secure'), standing: { 'web-01': { inService: true }, 'web-02': { inService: false } } };
  expect(planned({ ...input, members: [member] }).batches.flatMap(({ hosts }) => hosts)).toEqual(['web-02', 'web-01', 'web-03']);
});
