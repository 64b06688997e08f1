/** Has somebody changed a target between its pre-image and the first touch? Then the pre-image is no longer what a rollback should restore. */
import { serversBeside } from './traffic-beneath.ts';
import type { Failure } from './vocabulary.ts';
import type { Observation, ObservedApplication } from './release/target.ts';

/** Codes of the refusal at first touch: before anything was written, and with a drain of ours already at the balancer. */
export const DRIFT = { untouched: 'drift', drained: 'drift-after-drain' } as const;

/** Somebody's hand on the host: such a failure says nothing about the build. */
export function isDrift({ code }: Failure): boolean {
  return code === DRIFT.untouched || code === DRIFT.drained;
}

/**
 * One sentence per difference that matters: the installed release, its run configuration, the wish at the balancer, its weight.
 * Processes and the balancer's own health verdict move by themselves and are not compared.
 */
export function driftOf(preImage: Observation, observed: Observation): readonly string[] {
  return [...preImage.applications.flatMap((before) => installDrift(before, observed.applications)), ...trafficDrift(preImage, observed)];
}

function installDrift(before: ObservedApplication, now: readonly ObservedApplication[]): readonly string[] {
  const seen = now.find(({ application }) => application === before.application);
  if (seen?.digest === before.digest && seen.config === before.config) return [];
  const isConfig = seen?.digest === before.digest;
  const what = isConfig ? `the run configuration of ${before.application}` : before.application;
  const [was, is] = isConfig ? [before.config ?? 'none', seen?.config ?? 'none'] : [named(before), seen === undefined ? 'unknown' : named(seen)];
  return [`${what} was ${was} and is ${is}`];
}

function trafficDrift(preImage: Observation, observed: Observation): readonly string[] {
  return serversBeside(preImage, observed).flatMap(({ pool, before: { traffic: before }, now: { traffic: now } }) => {
    if (before.admin === now.admin && before.weight === now.weight) return [];
    const where = pool === null ? 'the balancer' : `the balancer of pool ${pool}`;
    return [`the server at ${where} was ${before.admin} with weight ${before.weight ?? 'none'} and is ${now.admin} with weight ${now.weight ?? 'none'}`];
  });
}

function named({ version, digest }: ObservedApplication): string {
  return digest === null ? 'absent' : `${version ?? 'unknown'} (${digest.slice(0, 12)})`;
}
