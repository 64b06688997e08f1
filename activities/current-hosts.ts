/** Is a host already what the release would make of it? Then it can be passed untouched. */
import { isInSamePlace, runsExactly, wantedBefore } from '../domain/plan/skip.ts';
import { configDigest } from './config-digest.ts';
import { applicationsOf, packageOf } from './facts.ts';
import { observe } from './host-call.ts';
import { HICCUP_MS, patient } from './patience.ts';
import { askedProcess } from './steps/health.ts';
import { healthChecks, runConfiguration } from './run-configuration.ts';
import type { ActivityDeps } from './deps.ts';
import type { Acting } from './host-call.ts';
import type { HostSpec, Inventory } from '../domain/inventory.ts';
import type { WantedInstall } from '../domain/plan/skip.ts';
import type { Observation } from '../domain/release/target.ts';

/** A host that serves answers at once; one that needs longer is not taken for healthy. */
const HEALTH_SECONDS_MAX = 5;

export interface CurrentQuestion {
  readonly acting: Acting;
  readonly observation: Observation;
  /** the release whose pre-images are restored; null on the way forward */
  readonly restoreFrom: string | null;
}

/**
 * The observation of a host, marked `current` when it runs exactly what is wanted, serves, and answers its health checks. It is fenced
 * before that is said: no older command may change afterwards what is going to be passed. Throws what reaching the host throws.
 */
export async function observeCurrent(deps: ActivityDeps, inventory: Inventory, { acting, observation, restoreFrom }: CurrentQuestion): Promise<Observation> {
  const isThere = restoreFrom === null ? isWanted(wantedForward(inventory, acting.host)) : await isRestored(deps, restoreFrom, acting);
  if (!isThere(observation)) return observation;
  const fenced = await patient({ signal: acting.signal, timeoutMs: HICCUP_MS }, () => observe(deps, inventory, acting, { verb: 'fence', traffic: observation }));
  const seen: Observation = fenced.observation;
  return isThere(seen) && (await isHealthy(deps, inventory, acting, seen)) ? { ...seen, current: true } : seen;
}

function isWanted(wanted: readonly WantedInstall[]): (seen: Observation) => boolean {
  return (seen) => runsExactly(seen, wanted);
}

/** A release that goes to an older version has yet to plan where, and passes nobody before it has. */
async function isRestored(deps: ActivityDeps, restoreFrom: string, { release, host: { name: host } }: Acting): Promise<(seen: Observation) => boolean> {
  const { preImage } = await deps.facts.target(restoreFrom, host);
  if (preImage === null || restoreFrom === release) return () => false;
  const goal = await deps.facts.goal(restoreFrom, host);
  const wanted = wantedBefore(goal);
  return (seen) => wanted !== null && runsExactly(seen, wanted) && isInSamePlace(goal, seen);
}

/** The packages of the release, and the configuration that staging them would write. */
function wantedForward(inventory: Inventory, host: HostSpec): readonly WantedInstall[] {
  return applicationsOf(inventory).flatMap((application): WantedInstall[] => {
    const spec = packageOf(inventory, application.name);
    if (spec === undefined) return [];
    return [{ application: application.name, digest: spec.sha256, config: configDigest(spec.version, runConfiguration(inventory, application, host, spec.version)) }];
  });
}

/** Whatever keeps a check from passing, such a host is not passed; what is wrong with it will show when it is released to. */
async function isHealthy(deps: ActivityDeps, inventory: Inventory, { host, signal, epoch, release }: Acting, observation: Observation): Promise<boolean> {
  for (const application of applicationsOf(inventory)) {
    const seen = observation.applications.find((one) => one.application === application.name);
    if (seen === undefined) return false;
    for (const [index, check] of healthChecks(inventory, application, host, seen.version ?? '').entries()) {
      const input = { root: host.executor.root, application: application.name, epoch: String(epoch), opId: `${release}/${host.name}/${application.name}/look` };
      const brief = { ...check, healthySeconds: 0, timeoutSeconds: Math.min(check.timeoutSeconds, HEALTH_SECONDS_MAX) };
      const verdict = await deps.health.verify({ executor: deps.executorFor(host), host, application, check: brief, place: `health/${index}`, expectedVersion: seen.version, process: askedProcess(inventory, application, seen.process), input, signal }).catch(() => null);
      signal.throwIfAborted();
      if (verdict?.healthy !== true) return false;
    }
  }
  return true;
}
