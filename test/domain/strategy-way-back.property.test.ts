import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { goalImage, wayTo } from '../../domain/rollback-plan.ts';
import { rollbackBatches, restoreSteps } from '../../domain/rollback.ts';
import { chooseAhead } from '../../domain/way-back.ts';
import type { Observation } from '../../domain/release/target.ts';
import type { Install, RollbackPlan } from '../../domain/rollback-plan.ts';
import type { HostPast } from '../../domain/way-back.ts';

const VERSIONS = ['1', '2', '3', '4'];
const NEW = 'new';

interface Case {
  readonly to: string;
  readonly hosts: readonly { readonly past: HostPast; readonly begun: boolean; readonly hasOther: boolean }[];
}

const install = (version: string, flavour: number): Install => ({ application: 'web', version, digest: `digest-${version}`, config: `config-${version}-${flavour}` });

const someHost = (index: number) =>
  fc.record({
    installs: fc.array(fc.record({ version: fc.constantFrom(...VERSIONS), flavour: fc.nat({ max: 1 }) }).map(({ version, flavour }) => install(version, flavour)), { minLength: 1, maxLength: 6 }),
    kept: fc.option(fc.subarray(VERSIONS.map((version) => `digest-${version}`), { minLength: 2 })),
    begun: fc.boolean(),
    hasOther: fc.boolean(),
  }).map(({ installs, kept, begun, hasOther }) => ({ past: { host: `web-${index}`, application: 'web', installs, kept, configs: null }, begun, hasOther }));

const someCase: fc.Arbitrary<Case> = fc.record({
  to: fc.constantFrom(...VERSIONS),
  hosts: fc.integer({ min: 1, max: 6 }).chain((count) => fc.tuple(...Array.from({ length: count }, (_, index) => someHost(index)))),
});

/** What is seen of a host before the release: the last install of its past, and perhaps an application that nothing is said about. */
function seen({ past, hasOther }: Case['hosts'][number]): Observation {
  const now = past.installs.at(-1) as Install;
  const process = { pid: 1, startTicks: 2, bootId: 'b' };
  const one = { ...now, process, unmanaged: false, ...(past.kept === null ? {} : { kept: [...past.kept, now.digest ?? ''] }), configs: past.installs.slice(0, -1).flatMap(({ config }) => config ?? []) };
  const other = { application: 'job', version: '5', digest: 'digest-5', config: 'config-5', process, unmanaged: false, configs: [] };
  return { applications: hasOther ? [one, other] : [one], traffic: { admin: 'ready', operational: 'up', weight: 100, connections: 0, inService: true }, freeBytes: 1 };
}

function planOf({ to, hosts }: Case): RollbackPlan | null {
  const chosen = chooseAhead({ application: 'web', to, pasts: hosts.map(({ past }) => past), quarantined: new Set() }, NEW);
  if ('refusal' in chosen) return null;
  const targets = hosts.map((host) => wayTo(host.past.host, seen(host), chosen.goals.filter((goal) => goal.host === host.past.host).map((goal) => goal.install)));
  return { mode: 'regular', batchPercent: 50, to: { web: to }, targets };
}

describe('laws of the way back that a strategy names', () => {
  test('every touched host goes to that version, whatever it ran; every other application stays; no other host is in any batch', () => {
    let planned = 0;
    fc.assert(
      fc.property(someCase, (one) => {
        const plan = planOf(one);
        if (plan === null) return;
        planned += 1;
        const begun = one.hosts.filter((host) => host.begun).map(({ past }) => past.host);
        const batches = rollbackBatches({ begun, outOfService: [], hostsTotal: one.hosts.length, floor: 0, mode: plan.mode, batchPercent: plan.batchPercent });
        expect(batches.flat().toSorted()).toEqual(begun.toSorted());
        for (const host of one.hosts.filter(({ past }) => begun.includes(past.host))) {
          const way = plan.targets.find((target) => target.host === host.past.host);
          expect(way).toMatchObject({ feasible: true, why: null });
          expect(way?.applications.find(({ application }) => application === 'web')?.version).toBe(one.to);
          expect(way?.applications.find(({ application }) => application === 'job')?.version).toBe(host.hasOther ? '5' : undefined);
        }
      }),
      { numRuns: 2000 },
    );
    expect(planned).toBeGreaterThan(100);
  });

  test('a host that was brought onto the new version is reinstalled from whatever it ran before, to exactly what the plan says', () => {
    fc.assert(
      fc.property(someCase, (one) => {
        const plan = planOf(one);
        if (plan === null) return;
        for (const host of one.hosts) {
          const before = seen(host);
          const way = plan.targets.find((target) => target.host === host.past.host);
          const goal = goalImage(before, way?.applications ?? []);
          const after: Observation = { ...before, applications: before.applications.map((application) => (application.application === 'web' ? { ...application, version: NEW, digest: 'digest-new', config: 'config-new' } : application)) };
          expect(restoreSteps(goal, after, 'admit')).toEqual(['drain', 'stop', 'switch', 'start', 'verify', 'admit']);
          expect(goal.applications.map(({ application, version, digest, config }) => ({ application, version, digest, config }))).toEqual(way?.applications);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('a refusal offers only versions that could be chosen, never the one the release brings', () => {
    fc.assert(
      fc.property(someCase, fc.constantFrom(...VERSIONS), ({ to, hosts }, bringing) => {
        const asked = { application: 'web', to, pasts: hosts.map(({ past }) => past), quarantined: new Set<string>() };
        const chosen = chooseAhead(asked, bringing);
        if ('goals' in chosen) return;
        expect(chosen.refusal.available).not.toContain(bringing);
        for (const version of chosen.refusal.available) expect(chooseAhead({ ...asked, to: version }, bringing)).toHaveProperty('goals');
      }),
      { numRuns: 2000 },
    );
  });
});
