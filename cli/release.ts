/** A release as the API tells it. The command line has its own words for it, so that it needs nothing of the server's code. */

export type Status =
  | 'queued'
  | 'preparing'
  | 'pre-release'
  | 'releasing'
  | 'post-release'
  | 'succeeded'
  | 'rolling-back'
  | 'rolled-back'
  | 'rollback-incomplete'
  | 'failed'
  | 'aborted'
  | 'rejected';

/** GET /v1/releases/{id}. `version` is the stream version and the ETag. */
export interface Release {
  readonly id: string;
  readonly kind: string;
  readonly status: Status;
  readonly phase: string | null;
  readonly paused: Paused | null;
  readonly pool: string;
  readonly environment: string;
  readonly changes: readonly ReleaseChange[];
  readonly strategy: string;
  readonly batches: readonly Batch[];
  /** indices of the batches to come, in their order; servers of an older version tell none */
  readonly toCome?: readonly number[];
  readonly allowedCommands: readonly string[];
  readonly waiting: Waiting | null;
  /** servers of an older version tell none */
  readonly deadline?: Deadline | null;
  /** seconds of machine work left */
  readonly eta: { readonly p50: number; readonly p90: number } | null;
  readonly rollback: Rollback | null;
  /** what every target would go back to; null before preparation has planned it */
  readonly rollbackPlan: RollbackPlan | null;
  readonly debt: readonly Debt[];
  readonly unrestored: readonly FailedTarget[];
  readonly failure: Failure | null;
  readonly warnings: readonly string[];
  /** hosts passed untouched, with the reason */
  readonly skipped: readonly Skipped[];
  /** how the pool changed while the release ran; null until it was looked at */
  readonly compared: PoolComparison | null;
  readonly version: number;
  readonly requestedBy: string;
  readonly reason: string | null;
  readonly createdAt: string;
  readonly finishedAt: string | null;
  readonly rollbackOf: string | null;
}

export interface Deadline {
  readonly which: string;
  readonly at: string;
  readonly then: string;
}

export interface Skipped {
  readonly host: string;
  readonly why: string;
}

export interface PoolComparison {
  readonly left: readonly string[];
  readonly joined: readonly string[];
  /** the release that brings up the hosts that joined */
  readonly scaleOut: string | null;
  readonly note: string | null;
}

export interface ReleaseChange {
  readonly application: string;
  readonly from: string | null;
  readonly to: string;
}

export interface Paused {
  readonly cause: string;
  readonly by: string;
  readonly reason: string;
  readonly since: string;
  readonly deadline: string | null;
  readonly quiet: boolean;
}

export interface Batch {
  readonly index: number;
  readonly kind: string;
  readonly status: string;
  readonly targets: readonly Target[];
}

/** `observedVersion`: what each application answered last. */
export interface Target {
  readonly host: string;
  readonly zone: string;
  readonly status: string;
  readonly step: string | null;
  readonly attempts: number;
  readonly observedVersion: Readonly<Record<string, string>>;
  readonly error: (Failure & { readonly step: string }) | null;
  /** done, but out of traffic by these owners' flags of the host */
  readonly keptOut?: readonly string[];
}

export interface Failure {
  readonly class: string;
  readonly code: string;
  readonly message: string;
  readonly next: string;
  readonly log?: string;
}

export interface FailedTarget {
  readonly host: string;
  readonly step: string;
  readonly failure: Failure;
}

export interface Rollback {
  readonly mode: string;
  readonly cause: string;
  readonly by: string;
  readonly reason: string;
  readonly restored: number;
  readonly untouched: number;
}

export interface RollbackPlan {
  readonly mode: string;
  readonly targets: readonly WayBack[];
}

/** `why` says why not, or what to know. */
export interface WayBack {
  readonly host: string;
  readonly applications: readonly { readonly application: string; readonly version: string | null; readonly digest: string | null }[];
  readonly feasible: boolean;
  readonly why?: string | null;
}

export interface Debt {
  readonly host: string;
  readonly cause: string;
  readonly reason: string;
}

export interface Waiting {
  readonly for: string;
  readonly since: string;
  readonly until: string | null;
  readonly who: string;
  readonly sentence: string;
}

/** One event of a release's stream. */
export interface ReleaseEvent {
  readonly version: number;
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly actor: { readonly kind: string; readonly name: string };
  readonly at: string;
}

const ENDED: ReadonlySet<string> = new Set(['succeeded', 'rolled-back', 'rollback-incomplete', 'failed', 'aborted', 'rejected']);

/** A release that has ended never changes again. */
export function hasEnded(release: Pick<Release, 'status'>): boolean {
  return ENDED.has(release.status);
}

const PEOPLE_WAITS: ReadonlySet<string> = new Set(['resume', 'answer', 'promote', 'sign-off', 'approval']);

/** True when nothing moves until somebody acts: paused, or a wait that only a person ends. */
export function waitsForPerson(release: Release): boolean {
  if (hasEnded(release)) return false;
  return release.paused !== null || (release.waiting !== null && PEOPLE_WAITS.has(release.waiting.for));
}

/** Version text of one target: one application's version as it is, several as `web 2.0.0, worker 1.4.0`. */
export function versionText(observed: Target['observedVersion']): string {
  const entries = Object.entries(observed);
  if (entries.length === 1) return entries[0]?.[1] ?? '';
  return entries.map(([application, version]) => `${application} ${version}`).join(', ');
}

/** `web 1.0.0 on 3 hosts, absent on web-04`: what a rollback leads to, the most frequent first. */
export function wayBackText({ targets }: Pick<RollbackPlan, 'targets'>): string {
  const hosts = new Map<string, string[]>();
  for (const { host, applications } of targets) {
    if (applications.length === 0) continue;
    const goal = applications.map(({ application, version, digest }) => (digest === null ? `${application} absent` : `${application} ${version ?? digest.slice(0, 12)}`)).join(', ');
    hosts.set(goal, [...(hosts.get(goal) ?? []), host]);
  }
  const goals = [...hosts].sort(([, one], [, other]) => other.length - one.length).map(([goal, on]) => `${goal} on ${on.length === 1 ? on[0] : `${on.length} hosts`}`);
  const stuck = targets.filter(({ feasible }) => !feasible).map(({ host }) => host);
  return `${goals.join('; ')}${stuck.length === 0 ? '' : `; not possible on ${stuck.join(', ')}`}`;
}

/** Every target that carries an error, in the order of the batches; those that failed in preparation have no batch yet. */
export function failedTargets(release: Release): FailedTarget[] {
  const failed = new Map<string, FailedTarget>();
  for (const batch of release.batches) {
    for (const { host, error } of batch.targets) if (error !== null) failed.set(host, { host, step: error.step, failure: error });
  }
  for (const target of release.unrestored) failed.set(target.host, target);
  return [...failed.values()];
}

/** Batches as they are done: those to come stand in the order in which they follow. */
export function batchesInOrder({ batches, toCome = [] }: Release): readonly Batch[] {
  const later = toCome.flatMap((index) => batches.find((batch) => batch.index === index) ?? []);
  return [...batches.filter((batch) => !later.includes(batch)), ...later];
}

/** Targets that reached their end, forward or back, and all of them. */
export function progressOf(release: Release): { readonly done: number; readonly all: number } {
  const targets = release.batches.flatMap((batch) => batch.targets);
  const ends = release.rollback === null ? ['succeeded', 'skipped'] : ['restored', 'untouched'];
  return { done: targets.filter((target) => ends.includes(target.status)).length, all: targets.length };
}
