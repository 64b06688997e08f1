/**
 * The way back as it stands before anything is touched: what each target would get, by which steps, and whether it can. It is frozen in
 * an event; a rollback that comes later is measured by it, and one that is a release of its own does exactly what it says.
 */
import { isInForce } from './release/target.ts';
import { serversOf, withTraffic } from './traffic-beneath.ts';
import type { RollbackMode } from './inventory.ts';
import type { Observation, ObservedApplication } from './release/target.ts';
import { wayText } from './strategy-way-back.ts';
import { STEPS } from './vocabulary.ts';
import type { Failure, Step } from './vocabulary.ts';

export interface RollbackPlan {
  readonly mode: RollbackMode;
  readonly batchPercent: number;
  /** `previous`: each target to what was observed on it; else, per application, a version or `previous` of what runs now */
  readonly to: 'previous' | Readonly<Record<string, string>>;
  readonly targets: readonly TargetWayBack[];
}

/** `steps` are those of a target that was released to its end; one that came less far needs fewer. */
export interface TargetWayBack {
  readonly host: string;
  readonly applications: readonly Install[];
  readonly steps: readonly Step[];
  readonly feasible: boolean;
  /** why it is not feasible, else what an operator should know; null: nothing */
  readonly why: string | null;
}

/** What is linked for one application; `digest` null: nothing (absent). */
export interface Install {
  readonly application: string;
  readonly version: string | null;
  readonly digest: string | null;
  readonly config: string | null;
}

/** The way back of one target to what was observed on it. `quarantined` are package ids nobody should go onto. */
export function wayBackOf(host: string, preImage: Observation, quarantined: ReadonlySet<string> = new Set()): TargetWayBack {
  const notes = preImage.applications.flatMap((seen) => noteOn(seen, quarantined));
  const why = [...preImage.applications.flatMap(obstacleOf), ...notes];
  return {
    host,
    applications: preImage.applications.map(installOf),
    steps: stepsBack(preImage),
    feasible: why.length === notes.length,
    why: why.length === 0 ? null : why.join(' '),
  };
}

/** The way of one target to other installs than those observed on it. */
export function wayTo(host: string, preImage: Observation, goals: readonly Install[]): TargetWayBack {
  const image = goalImage(preImage, goals);
  const why = image.applications.flatMap((wanted) => obstacleOf(preImage.applications.includes(wanted) ? untold(wanted) : wanted));
  return { host, applications: image.applications.map(installOf), steps: stepsBack(image), feasible: why.length === 0, why: why.length === 0 ? null : why.join(' ') };
}

/** The host was asked for configurations it ran before; the one it runs now need not be among them. */
function untold({ configs: _configs, ...seen }: ObservedApplication): ObservedApplication {
  return seen;
}

/** Process of an application that is to be started: no running one is equal to it. */
const TO_START = { pid: 0, startTicks: 0, bootId: '' } as const;

/** True of a goal that was never observed: whatever runs there now is not yet it. */
export function isToStart({ applications }: Observation): boolean {
  return applications.some(({ process }) => process?.pid === TO_START.pid);
}

/**
 * What a target shall show when it has gone back to `goals`: applications named there as they say and running, all else as observed. A
 * drain that an earlier release of ours left behind is lifted, as the next good release would.
 */
export function goalImage(preImage: Observation, goals: readonly Install[]): Observation {
  return {
    ...withTraffic(preImage, ({ leftBy, traffic }) => (leftBy === undefined ? traffic : { ...traffic, admin: leftBy.admin, weight: leftBy.weight, inService: true })),
    applications: preImage.applications.map((seen) => {
      const goal = goals.find(({ application }) => application === seen.application);
      if (goal === undefined || isSameInstall(goal, seen)) return seen;
      const { version, digest, config } = goal;
      if (seen.serves !== undefined) return { ...seen, version, digest, config, serves: digest !== null };
      return { ...seen, version, digest, config, process: digest === null ? null : TO_START };
    }),
  };
}

export function isSameInstall(one: Pick<Install, 'digest' | 'config'>, other: Pick<Install, 'digest' | 'config'>): boolean {
  return one.digest === other.digest && one.config === other.config;
}

/** Why a release that may roll back must not start; null when every target could be brought back. */
export function infeasibleFailure({ targets }: RollbackPlan): Failure | null {
  const stuck = targets.filter(({ feasible }) => !feasible);
  const [first] = stuck;
  if (first === undefined) return null;
  return {
    class: 'refused',
    code: 'rollback-infeasible',
    message: `${listed(stuck)} could not be brought back, so nothing was touched. ${first.host}: ${first.why ?? ''}`,
    next: 'Put the release back on the host, or consent to a release without a way back: a strategy whose rollback.on is [].',
  };
}

/** What an operator should read before starting: targets without a way back, and ways back with a catch. */
export function rollbackWarnings({ to, targets }: RollbackPlan): readonly string[] {
  const stuck = targets.filter(({ feasible }) => !feasible);
  const catches = targets.filter(({ feasible, why }) => feasible && why !== null);
  return [
    ...(to === 'previous' ? [] : [`A rollback brings the hosts that this release touched to ${wayText(to)}; hosts it did not touch keep what they run.`]),
    ...(stuck.length === 0 ? [] : [`${listed(stuck)} could not be brought back by a rollback. ${stuck[0]?.host ?? ''}: ${stuck[0]?.why ?? ''}`]),
    ...(catches.length === 0 ? [] : [`A rollback has a catch on ${listed(catches)}. ${catches[0]?.host ?? ''}: ${catches[0]?.why ?? ''}`]),
  ];
}

const NAMES_MAX = 5;

function listed(targets: readonly TargetWayBack[]): string {
  const names = targets.slice(0, NAMES_MAX).map(({ host }) => host).join(', ');
  return targets.length > NAMES_MAX ? `${names} and ${targets.length - NAMES_MAX} more` : names;
}

function installOf({ application, version, digest, config }: ObservedApplication): Install {
  return { application, version, digest, config };
}

/** Nothing ran: it is stopped, unlinked and stays out of traffic. */
function stepsBack(preImage: Observation): readonly Step[] {
  const { applications } = preImage;
  const ran = applications.some(isInForce);
  const steps = ran ? STEPS : (['drain', 'stop', 'switch'] as const);
  return ran || serversOf(preImage).some(({ traffic }) => traffic.inService || traffic.admin === 'ready') ? steps : steps.filter((step) => step !== 'drain');
}

/** A first install has no old release that could be missing. */
function obstacleOf(seen: ObservedApplication): readonly string[] {
  const { application, version, digest, config, kept, configs } = seen;
  if (digest === null) return [];
  if (kept !== undefined && !kept.includes(digest)) return [`The release ${nameOf(application, version, digest)} is not kept on this host any more.`];
  const isGone = configs === undefined ? version === null : config !== null && !configs.includes(config);
  if (isInForce(seen) && (config === null || isGone)) return [`The run configuration of ${nameOf(application, version, digest)} is not on this host any more.`];
  return [];
}

function noteOn({ application, version, digest, unmanaged }: ObservedApplication, quarantined: ReadonlySet<string>): readonly string[] {
  if (unmanaged && digest === null) return [`${application} ran unmanaged before: a rollback leaves it stopped.`];
  return version !== null && quarantined.has(`${application}@${version}`) ? [`${application} ${version}, which runs here, is quarantined.`] : [];
}

function nameOf(application: string, version: string | null, digest: string): string {
  return `${application} ${version ?? digest.slice(0, 12)}`;
}
