/** Which hosts a release passes untouched, and why. Decided once, from what preparation saw, and written into the plan. */
import { KIND_POLICIES } from '../release-kind.ts';
import { isInForce } from '../release/target.ts';
import { serversBeside, serversOf } from '../traffic-beneath.ts';
import type { Observation } from '../release/target.ts';
import type { ReleaseKind } from '../vocabulary.ts';

/** What one application on a host would be after the release. */
export interface WantedInstall {
  readonly application: string;
  readonly digest: string;
  /** digest of its run configuration */
  readonly config: string;
}

/** Every application runs exactly the wanted package with the wanted configuration, and the host serves. Nothing wanted is never met. */
export function runsExactly(observation: Observation, wanted: readonly WantedInstall[]): boolean {
  const meets = ({ application, digest, config }: WantedInstall): boolean => {
    const seen = observation.applications.find((one) => one.application === application);
    return seen !== undefined && !seen.unmanaged && seen.digest === digest && seen.config === config;
  };
  return wanted.length > 0 && serves(observation) && wanted.every(meets);
}

/** What restoring a host would lead to; null when it leads to a host that does not serve: then only the protocol of the rollback knows what is to be done. */
export function wantedBefore(preImage: Observation): readonly WantedInstall[] | null {
  if (!serves(preImage)) return null;
  const wanted = preImage.applications.flatMap(({ application, digest, config }) => (digest === null || config === null ? [] : [{ application, digest, config }]));
  return wanted.length === preImage.applications.length ? wanted : null;
}

/** True when its place in traffic is the one it had before: a weight that somebody changed is restored, too. */
export function isInSamePlace(preImage: Observation, observed: Observation): boolean {
  return serversBeside(preImage, observed).every(({ before, now }) => now.traffic.admin === before.traffic.admin && now.traffic.weight === before.traffic.weight);
}

export interface SkipQuestion {
  readonly kind: ReleaseKind;
  readonly host: string;
  /** what preparation saw; `current` says that the host runs exactly what is wanted and answers its health checks */
  readonly observation: Observation;
  /** hosts a scale-out was made for; null = for every host that does not serve */
  readonly joined: readonly string[] | null;
  /** why a scale-out has nothing to bring any more; null = it has */
  readonly outdated: string | null;
}

/** The reason in a few words, as the end of "passed: …"; null when the host is to be released to. */
export function whySkipped({ kind, host, observation, joined, outdated }: SkipQuestion): string | null {
  if (!KIND_POLICIES[kind].passesCurrentHosts) return null;
  if (observation.current === true) return `runs ${versionsOf(observation)} already, in service and healthy`;
  if (kind !== 'scale-out') return null;
  if (outdated !== null) return outdated;
  if (joined !== null) return joined.includes(host) ? null : 'is none of the hosts that joined';
  return servesSomewhere(observation) ? `serves ${versionsOf(observation)}; a scale-out restarts no host that serves` : null;
}

/** At every entry behind which it stands: one that is out at one of them may have been left there by a release. */
function serves(observation: Observation): boolean {
  return serversOf(observation).every(({ traffic }) => traffic.inService) && runs(observation);
}

/** At one entry at least: somebody would miss it. */
function servesSomewhere(observation: Observation): boolean {
  return serversOf(observation).some(({ traffic }) => traffic.inService) && runs(observation);
}

function runs({ applications }: Observation): boolean {
  return applications.length > 0 && applications.every(isInForce);
}

function versionsOf({ applications }: Observation): string {
  return applications.map(({ application, version }) => `${application} ${version ?? 'of an unknown version'}`).join(', ');
}
