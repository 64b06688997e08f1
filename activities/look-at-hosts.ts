/**
 * Looks at hosts and writes down what that told: whether each is there, and every finding that follows. The fleet check looks at all of
 * them in this way, the watchdog's watch over hosts at a few in each turn. Nothing is changed on a host.
 */
import { openIds, tellLooks } from '../db/findings.ts';
import { expectedInstalls, isOwned } from '../db/host-watch.ts';
import { keepLiveness, knownLiveness } from '../db/liveness.ts';
import { livenessAfter } from '../domain/liveness.ts';
import { lookAtInstalls } from '../domain/watchdog/hosts.ts';
import { lookAtVitals, VITAL_KINDS } from '../domain/watchdog/vitals.ts';
import { inLanes } from './heartbeat.ts';
import { probeHost } from './probe-host.ts';
import type { FleetHost } from '../db/fleet-checks.ts';
import type { HostProbe } from '../domain/liveness.ts';
import type { LeftInstall } from '../domain/keep-alive.ts';
import type { ActivityDeps } from './deps.ts';
import type { ProbeRules } from './probe-host.ts';

export type LookDeps = Pick<ActivityDeps, 'db' | 'executorFor' | 'hostProgram'>;

export interface LookRules extends Omit<ProbeRules, 'applications'> {
  /** hosts asked at the same time */
  readonly lanes: number;
}

/** `expected` null: a release owns it, or it is in no pool, so that nobody says what should run there. */
export interface LookedAt extends FleetHost {
  readonly probe: HostProbe;
  readonly expected: readonly LeftInstall[] | null;
}

/** Those of which something can be said now. */
export async function lookAtHosts(deps: LookDeps, hosts: readonly FleetHost[], rules: LookRules): Promise<readonly LookedAt[]> {
  const { db } = deps;
  const looked = (await inLanes(hosts, rules.lanes, (one) => lookAt(deps, one, rules))).filter((one) => one !== null);
  const probes = looked.map(({ probe }) => probe);
  const known = await knownLiveness(db, probes.map(({ host }) => host));
  await keepLiveness(db, probes.map((probe) => livenessAfter(known.get(probe.host) ?? null, probe)));
  const open = new Set((await openIds(db, VITAL_KINDS)).map(({ id }) => id));
  const seen = looked.flatMap(({ host, pool, probe, expected }) => (pool === null || expected === null || !probe.answered ? [] : [{ host: host.name, pool: pool.name, expected, observed: probe.applications, marker: probe.marker }]));
  await tellLooks(db, [lookAtVitals(probes, { program: deps.hostProgram, open }), lookAtInstalls(seen)]);
  return looked;
}

/** What should run there is read before the look and who owns it after: what a release changes in between is no difference. */
async function lookAt(deps: LookDeps, { host, pool }: FleetHost, rules: LookRules): Promise<LookedAt | null> {
  const { db } = deps;
  const expected = pool === null || (await isOwned(db, host.name)) ? null : await expectedInstalls(db, { host, pool });
  const probe = await probeHost(deps, host, { ...rules, applications: pool?.applications ?? [] });
  if (probe === null) return null;
  return { host, pool, probe, expected: expected === null || (await isOwned(db, host.name)) ? null : expected };
}
