/** When two tellings are the same event: derived ids, and what of the content must agree when an id comes twice. */
import { canonicalJson } from '../domain/canonical-json.ts';
import { isTargetEvent } from '../domain/release/events.ts';
import type { CoreEvent, ReleaseEvent, ReleaseEventType, StoredReleaseEvent, TargetEvent } from '../domain/release/events.ts';
import { StreamForked } from './errors.ts';

/** The stream that tells one release. */
export function releaseStream(release: string): string {
  return `release/${release}`;
}

/** Ids of the events of one operation: `<release>/<opId>/<type>`, from the second of a type on with `/2`, `/3`… */
export function eventIds(release: string, opId: string, types: readonly ReleaseEventType[]): readonly string[] {
  const seen = new Map<ReleaseEventType, number>();
  return types.map((type) => {
    const count = (seen.get(type) ?? 0) + 1;
    seen.set(type, count);
    return `${release}/${opId}/${type}${count === 1 ? '' : `/${count}`}`;
  });
}

const RAISING = ['pool-acquired', 'rollback-started', 'targets-retried', 'release-adopted'] as const;
const ENDING = ['release-succeeded', 'release-failed', 'release-rolled-back', 'release-aborted', 'release-rejected', 'rollback-ended-incomplete'] as const;

/** Events that void every older command on the release's hosts; the store gives their epoch. */
export type RaisingEvent = Extract<CoreEvent, { type: (typeof RAISING)[number] }>;

export function isRaising<E extends ReleaseEvent>(event: E): event is E & RaisingEvent {
  // An adoption raises it only where it asks for one.
  return RAISING.some((type) => type === event.type) && !(event.type === 'release-adopted' && event.data.epoch === null);
}

/** Events after which the release owns nothing any more. */
export function isEnding(event: ReleaseEvent): boolean {
  return ENDING.some((type) => type === event.type);
}

/** Throws StreamForked unless the stored events are exactly the told ones, in number and content. */
export function assertSameStory(release: string, ids: readonly string[], told: readonly ReleaseEvent[], stored: readonly StoredReleaseEvent[]): void {
  told.forEach((event, index) => {
    const id = ids[index] ?? '';
    const found = stored.find((one) => one.id === id);
    if (!found) throw new StreamForked(release, id, 'is missing, though others of the same operation are stored');
    if (identityOf(found) !== identityOf(event)) throw new StreamForked(release, id, 'is stored with other content');
  });
}

/**
 * What must agree. Of a target event only which step of which round it concerns: what was measured (durations, observations, log
 * lines) differs when an activity is run again after its answer was lost, and then the first telling stands.
 */
function identityOf(event: ReleaseEvent): string {
  if (isTargetEvent(event)) return targetIdentity(event);
  const data = isRaising(event) ? { ...event.data, epoch: 0 } : event.data;
  return canonicalJson({ type: event.type, data });
}

function targetIdentity(event: TargetEvent): string {
  const { host, epoch } = event.data;
  const step = 'step' in event.data ? event.data.step : null;
  const journey = 'direction' in event.data ? [event.data.direction, event.data.round] : [];
  return canonicalJson([event.type, host, epoch, step, ...journey]);
}
