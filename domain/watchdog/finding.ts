/** Findings: differences between what the log says and what is observed. Each says what, why it matters, and the one command that repairs it. */

/**
 * What `signalbox repair` does about a finding.
 * - `adopt-release`: starts its workflow again from the log.
 * - `free-lock`: frees pool and hosts of a release that does not exist.
 * - `assert-again`: has the worker write again what the release wants of the balancer.
 * - `bring-in`: puts a drained server back into service.
 * - `adopt-host`: makes a host obey again that was put back by hand.
 * - `keep-alive`: a service that was left alone because it only died again is started again from now on.
 */
export const REPAIR_VERBS = ['adopt-release', 'free-lock', 'assert-again', 'bring-in', 'adopt-host', 'keep-alive'] as const;
export type RepairVerb = (typeof REPAIR_VERBS)[number];

/** What a repair needs to know; which members are there follows from the verb. */
export interface FindingAbout {
  readonly release?: string;
  readonly host?: string;
  readonly pool?: string;
  readonly application?: string;
  readonly server?: string;
  readonly weight?: number | null;
  /** text of the marker that break-glass left */
  readonly marker?: string;
  /** a workflow runs that cannot go on: it is ended first */
  readonly terminate?: boolean;
  /** epochs up to this one were given out, though the log does not know */
  readonly epochAbove?: number;
}

export interface NewFinding {
  /** the same difference always has the same id, so that it is open once */
  readonly id: string;
  readonly kind: string;
  readonly subject: string;
  readonly sentence: string;
  /** the command that repairs it */
  readonly repair: string;
  /** why it matters */
  readonly matters?: string;
  /** absent: `signalbox repair` can do nothing about it */
  readonly verb?: RepairVerb;
  readonly about?: FindingAbout;
}

/** Kinds the watchdog looks for; findings of other kinds are told by whoever meets them. */
export const WATCHDOG_KINDS = [
  'orphaned-release',
  'stuck-release',
  'log-behind',
  'orphaned-lock',
  'unexplained-drain',
  'traffic-differs',
  'balancer-differs',
  'no-workers',
  'site-silent',
  'host-differs',
  'break-glass',
] as const;
export type WatchdogKind = (typeof WATCHDOG_KINDS)[number];

/** The command that carries a finding's own repair out. */
export function repairCommand(id: string): string {
  return `signalbox repair ${id} --reason ...`;
}

/** What a look at one part found. What nobody could judge this time keeps the finding it has. */
export interface Look {
  readonly kinds: readonly string[];
  readonly found: readonly NewFinding[];
  /** true for findings (by id) that this look says nothing about */
  readonly isUnjudged: (id: string) => boolean;
}

/** Ids of open findings that are no longer so: of a kind that was looked for, judged, and not found. */
export function closedBy({ kinds, found, isUnjudged }: Look, open: readonly Pick<NewFinding, 'id' | 'kind'>[]): readonly string[] {
  const still = new Set(found.map(({ id }) => id));
  return open.filter(({ id, kind }) => kinds.includes(kind) && !still.has(id) && !isUnjudged(id)).map(({ id }) => id);
}
