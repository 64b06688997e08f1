/**
 * How far a workflow knows the log, read from Temporal's own record of it and never asked of the workflow: a query that reaches a worker
 * together with news for the same workflow has that worker take the news before their task (sdk-core 1.24, history_update.rs: what follows
 * the last started task is taken as a task of its own). What it then answers in that task cannot be replayed, and the release stands.
 */
import type { Client } from '@temporalio/client';

/** As Temporal's API gives it. */
export type HistoryEvent = NonNullable<NonNullable<Awaited<ReturnType<Client['workflowService']['getWorkflowExecutionHistoryReverse']>>['history']>['events']>[number];
type Payloads = NonNullable<HistoryEvent['activityTaskCompletedEventAttributes']>['result'];

/** How far a workflow's own knowledge goes, for who compares it with the log. */
export interface WorkflowHead {
  /** stream version of the last decision that its history tells of */
  readonly version: number;
  /** null before it had its pool */
  readonly epoch: number | null;
}

/** What is known so far; null: not met yet. */
export interface Sought {
  readonly version: number | null;
  readonly epoch: number | null;
}

export const NOTHING_MET: Sought = { version: null, epoch: null };

/** @param events newest first, the ones behind those that led to `met` */
export function headIn(events: readonly HistoryEvent[], met: Sought = NOTHING_MET): Sought {
  return events.flatMap(valuesOf).reduce<Sought>(meet, met);
}

/** Null while not even a version was met: the release is not open yet. */
export function headOf({ version, epoch }: Sought): WorkflowHead | null {
  return version === null ? null : { version, epoch };
}

/** What went into the workflow and its activities, and what came back. */
function valuesOf(event: HistoryEvent): readonly unknown[] {
  const { workflowExecutionStartedEventAttributes: started, activityTaskScheduledEventAttributes: asked, activityTaskCompletedEventAttributes: done } = event;
  return [done?.result, asked?.input, started?.input].flatMap(decoded);
}

function decoded(payloads: Payloads): readonly unknown[] {
  return (payloads?.payloads ?? []).flatMap(({ data }) => {
    try {
      return data ? [JSON.parse(Buffer.from(data).toString('utf8')) as unknown] : [];
    } catch {
      return [];
    }
  });
}

/** The newest epoch, and the highest version: activities may come back in another order than they were asked. */
function meet({ version, epoch }: Sought, value: unknown): Sought {
  const { versions, epochs } = toldBy(value);
  const highest = Math.max(version ?? 0, ...versions);
  return { version: highest === 0 ? null : highest, epoch: epoch ?? epochs.at(-1) ?? null };
}

interface Told {
  readonly versions: readonly number[];
  readonly epochs: readonly number[];
}

/** Stored events in the order of the log, what a decision or a step is asked with, and what one run or workflow hands to the next. */
function toldBy(value: unknown): Told {
  if (Array.isArray(value) || isStored(value)) {
    const stored = [value].flat().filter(isStored);
    return { versions: stored.map(({ version }) => version), epochs: stored.flatMap(({ data }) => numbers(data['epoch'])) };
  }
  if (!isObject(value)) return { versions: [], epochs: [] };
  const { carried, state, seen, version, epoch } = value;
  if (isObject(carried)) return toldBy(carried);
  if (isObject(state)) return { versions: numbers(version), epochs: numbers(state['epoch']) };
  return { versions: numbers(seen), epochs: numbers(epoch) };
}

interface StoredLike {
  readonly version: number;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Other lists hold versions too, of applications: those are texts. */
function isStored(value: unknown): value is StoredLike {
  return isObject(value) && typeof value['type'] === 'string' && typeof value['version'] === 'number' && isObject(value['data']);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function numbers(value: unknown): readonly number[] {
  return typeof value === 'number' ? [value] : [];
}
