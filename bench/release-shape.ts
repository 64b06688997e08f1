/** The shape of a release as Temporal sees it: which activities follow one another, and which run side by side. */

/** `targets` times `steps` activities; the steps of one target follow one another, `lanes` targets run side by side. */
export interface Segment {
  readonly targets: number;
  readonly steps: number;
  readonly lanes: number;
}

export type BareActivities = { step: () => Promise<void> };

/** One scheduled activity; `host` null when it works for the whole release. */
export interface ScheduledActivity {
  readonly type: string;
  readonly host: string | null;
}

/**
 * Folds the activities of a release, in the order they were scheduled, into segments: whatever works on single hosts between two
 * activities of the whole release ran side by side. Throws when hosts of one segment had different numbers of steps.
 */
export function shapeOf(activities: readonly ScheduledActivity[], lanes: number): readonly Segment[] {
  const segments: Segment[] = [];
  let group = new Map<string, number>();
  const close = (): void => {
    if (group.size > 0) segments.push({ targets: group.size, steps: equalSteps(group), lanes: Math.min(lanes, group.size) });
    group = new Map();
  };
  for (const { host } of activities) {
    if (host !== null) {
      group.set(host, (group.get(host) ?? 0) + 1);
      continue;
    }
    close();
    segments.push({ targets: 1, steps: 1, lanes: 1 });
  }
  close();
  return segments;
}

export function activitiesOf(segments: readonly Segment[]): number {
  return segments.reduce((sum, { targets, steps }) => sum + targets * steps, 0);
}

/** The most activities any single host took, 0 without any. */
export function activitiesPerTargetMax(activities: readonly ScheduledActivity[]): number {
  const byHost = Map.groupBy(activities.filter(({ host }) => host !== null), ({ host }) => host);
  return Math.max(0, ...[...byHost.values()].map((own) => own.length));
}

function equalSteps(group: ReadonlyMap<string, number>): number {
  const counts = new Set(group.values());
  const [steps, ...others] = counts;
  if (steps === undefined || others.length > 0) {
    throw new Error(`Hosts of one batch took different numbers of activities (${[...counts].join(', ')}): a step was repeated or failed. Run the bench again on a quiet machine.`);
  }
  return steps;
}
