/** Which hosts prove the build first. */
import type { BastionPolicy } from '../inventory.ts';
import { sparedTogether } from './joined.ts';
import { targetsOf } from './standing.ts';
import type { PlanHost, PoolStanding } from './standing.ts';

/** Those of some hosts of a pool that a strategy would have as bastions, in its order. */
export type BastionChoice = (hosts: readonly PlanHost[]) => readonly PlanHost[];

const anyHost: BastionChoice = (hosts) => hosts;

/** The hosts the policy names, in its order; else those with all its labels; else every host. */
export function bastionChoice({ hosts: names = [], label }: Pick<BastionPolicy, 'hosts' | 'label'>): BastionChoice {
  if (names.length > 0) return (hosts) => names.flatMap((name) => hosts.find((host) => host.name === name) ?? []);
  const wanted = Object.entries(label ?? {});
  return (hosts) => hosts.filter(({ labels = {} }) => wanted.every(([key, value]) => labels[key] === value));
}

/** Bastions wanted: none in an environment that the policy skips. */
export function bastionCount({ count, skipIn = [] }: Pick<BastionPolicy, 'count' | 'skipIn'>, environment: string | undefined): number {
  return environment !== undefined && skipIn.includes(environment) ? 0 : count;
}

/**
 * Hosts that could be bastions together, best first: those in service in the order of the choice, as far as the floor, and that of every
 * other pool that counts, lets them be out all at once while the bastion bakes, then those out of service. When nothing stands above the
 * floor only hosts that come back into service qualify: the bastion is then also the repair the rest has to wait for.
 */
export function bastionCandidates(standing: PoolStanding, choose: BastionChoice = anyHost): PlanHost[] {
  const { live, returning, staying, spare, repairFirst, members } = standing;
  if (repairFirst) return sparedTogether(targetsOf(choose(returning)), members);
  const serving = sparedTogether(targetsOf(choose(live)), members).slice(0, Math.max(0, spare));
  return sparedTogether(targetsOf([...serving, ...choose(returning), ...choose(staying)]), members);
}

/** As many as the strategy says in this environment; where hosts are passed untouched, no more than are left of those it chooses among. */
export function bastionsWanted(policy: BastionPolicy, environment: string | undefined, { live, returning, staying, hostsTotal }: PoolStanding): number {
  const wanted = bastionCount(policy, environment);
  const all = [...live, ...returning, ...staying];
  return targetsOf(all).length < hostsTotal ? Math.min(wanted, targetsOf(bastionChoice(policy)(all)).length) : wanted;
}

/** The most bastions this pool allows: at least one host must be left to release to. */
export function bastionsMax(standing: PoolStanding, choose: BastionChoice = anyHost): number {
  return Math.min(bastionCandidates(standing, choose).length, standing.hostsTotal - 1);
}
