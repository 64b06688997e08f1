/** Where the time of one release of Signalbox went, read from its own events. Pure. */
import type { StoredReleaseEvent } from '../../domain/release/events.ts';

/** One kind of work on targets; `ms` holds every target's duration. */
export interface StepTimes {
  readonly step: string;
  readonly ms: readonly number[];
}

/** From one moment of the release to the next. */
export interface Stretch {
  readonly what: string;
  readonly ms: number;
}

/** Durations the activities measured themselves, so without what Temporal takes around them. */
export function stepTimes(events: readonly StoredReleaseEvent[]): readonly StepTimes[] {
  const times = new Map<string, number[]>();
  const add = (step: string, ms: number): void => void times.set(step, [...(times.get(step) ?? []), ms]);
  for (const event of events) {
    if (event.type === 'target-staged') add('stage', event.data.durationMs);
    if (event.type === 'target-step-succeeded') add(event.data.step, event.data.durationMs);
  }
  return [...times].map(([step, ms]) => ({ step, ms }));
}

/** The parts of the release one after the other; together they are its wall time from the first event to the last. */
export function stretches(events: readonly StoredReleaseEvent[]): readonly Stretch[] {
  const found: Stretch[] = [];
  let sinceMs = Date.parse(events[0]?.at ?? '');
  for (const event of events) {
    const what = endOf(event);
    if (what === null) continue;
    const atMs = Date.parse(event.at);
    found.push({ what, ms: atMs - sinceMs });
    sinceMs = atMs;
  }
  return found;
}

/** What ended with this event; null when nothing of the whole release did. */
function endOf(event: StoredReleaseEvent): string | null {
  switch (event.type) {
    case 'pool-acquired':
      return 'acquire the pool';
    case 'targets-observed':
      return 'observe all';
    case 'plan-made':
      return 'plan';
    case 'targets-staged':
      return 'stage all';
    case 'batch-started':
      return 'between batches';
    case 'batch-finished':
      return event.data.part === 'whole' ? `batch ${event.data.index}` : `bastion ${event.data.part}`;
    case 'audit-finished':
      return 'audit and clean';
    case 'release-succeeded':
      return 'finish';
    default:
      return null;
  }
}

/**
 * What the batches' wall time holds beside work: per batch its length less the durations of the target that worked longest, added up,
 * which is what queues, the server and the workflow take between the steps.
 */
export function betweenStepsMs(events: readonly StoredReleaseEvent[]): number {
  let total = 0;
  let begun: { readonly atMs: number; readonly hosts: readonly string[] } | null = null;
  let worked = new Map<string, number>();
  for (const event of events) {
    if (event.type === 'batch-started') {
      begun = { atMs: Date.parse(event.at), hosts: event.data.hosts };
      worked = new Map();
    }
    if (event.type === 'target-step-succeeded') worked.set(event.data.host, (worked.get(event.data.host) ?? 0) + event.data.durationMs);
    if (event.type === 'batch-finished' && begun !== null) {
      const longest = Math.max(0, ...worked.values());
      total += Date.parse(event.at) - begun.atMs - longest;
      begun = null;
    }
  }
  return total;
}
