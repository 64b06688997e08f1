/** What Temporal wrote down about a workflow and its children: how many events, and each activity with its times. */
import { defaultPayloadConverter } from '@temporalio/common';
import type { Client } from '@temporalio/client';
import type { ScheduledActivity } from './release-shape.ts';

export interface TimedActivity extends ScheduledActivity {
  /** epoch milliseconds */
  readonly scheduledMs: number;
  readonly startedMs: number;
  readonly closedMs: number;
  /** 1 = the first try succeeded */
  readonly attempt: number;
}

export interface RecordedHistory {
  /** of the workflow and all its children together */
  readonly events: number;
  /** of the longest single run */
  readonly eventsOfRunMax: number;
  /** in the order they were scheduled; those of children after those of their parent */
  readonly activities: readonly TimedActivity[];
}

type History = Awaited<ReturnType<ReturnType<Client['workflow']['getHandle']>['fetchHistory']>>;
type HistoryEvent = NonNullable<NonNullable<History['events']>[number]>;

/** Reads the whole history of a finished workflow, children and earlier runs included. */
export async function readHistory(client: Client, workflowId: string, runId?: string): Promise<RecordedHistory> {
  const events = (await client.workflow.getHandle(workflowId, runId).fetchHistory()).events ?? [];
  const children = events.flatMap(({ childWorkflowExecutionStartedEventAttributes: child }) => child?.workflowExecution?.workflowId ?? []);
  const before = events[0]?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId;
  const below = [...(before ? [await readHistory(client, workflowId, before)] : []), ...(await Promise.all(children.map((child) => readHistory(client, child))))];
  return {
    events: below.reduce((sum, child) => sum + child.events, events.length),
    eventsOfRunMax: Math.max(events.length, ...below.map((child) => child.eventsOfRunMax)),
    activities: [...activitiesIn(events), ...below.flatMap(({ activities }) => activities)],
  };
}

function activitiesIn(events: readonly HistoryEvent[]): readonly TimedActivity[] {
  const started = new Map<string, HistoryEvent>();
  const closed = new Map<string, HistoryEvent>();
  for (const event of events) {
    const start = event.activityTaskStartedEventAttributes?.scheduledEventId;
    if (start) started.set(String(start), event);
    const completed = event.activityTaskCompletedEventAttributes?.scheduledEventId;
    if (completed) closed.set(String(completed), event);
  }
  return events.flatMap((event) => {
    const scheduled = event.activityTaskScheduledEventAttributes;
    if (!scheduled) return [];
    const id = String(event.eventId);
    const start = started.get(id);
    return [{
      type: scheduled.activityType?.name ?? '?',
      host: hostIn(scheduled.input?.payloads?.[0]),
      scheduledMs: timeOf(event),
      startedMs: timeOf(start),
      closedMs: timeOf(closed.get(id)),
      attempt: start?.activityTaskStartedEventAttributes?.attempt ?? 0,
    }];
  });
}

/** Activities on one target say which in their input. */
function hostIn(payload: Parameters<typeof defaultPayloadConverter.fromPayload>[0] | undefined): string | null {
  if (payload === undefined) return null;
  const input = defaultPayloadConverter.fromPayload<unknown>(payload);
  if (typeof input !== 'object' || input === null || !('host' in input)) return null;
  return typeof input.host === 'string' ? input.host : null;
}

function timeOf(event: HistoryEvent | undefined): number {
  const time = event?.eventTime;
  return time ? Number(time.seconds) * 1000 + (time.nanos ?? 0) / 1e6 : Number.NaN;
}
