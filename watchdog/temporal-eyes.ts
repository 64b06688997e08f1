/** What Temporal itself says of single workflows, never its lists, which lag behind. Only looks; changes nothing. */
import { Client, Connection, WorkflowNotFoundError } from '@temporalio/client';
import { siteQueue } from '../domain/site.ts';
import { releaseWorkflowId } from '../workflows/messages.ts';
import { headIn, headOf, NOTHING_MET } from './workflow-head.ts';
import type { WorkflowSight } from '../domain/watchdog/releases.ts';
import type { HistoryEvent, WorkflowHead } from './workflow-head.ts';

export interface TemporalEyes {
  /** where they look: findings of another namespace would be nonsense */
  readonly namespace: string;
  /** does it answer, and hand out work */
  readonly answers: (signal: AbortSignal) => Promise<boolean>;
  /** `withHead`: also look in its history how far it knows the log. No worker is needed for it */
  readonly look: (release: string, withHead: boolean, signal: AbortSignal) => Promise<WorkflowSight>;
  /** since a worker of the site last asked for a call, in ms; null: none did in the last minutes */
  readonly siteAskedAgoMs: (site: string, signal: AbortSignal) => Promise<number | null | 'unknown'>;
  readonly close: () => Promise<void>;
}

const ANSWER_MS = 3_000;
/** By default gRPC waits up to two minutes between tries: after an outage nobody would look. */
const RECONNECT_MS_MAX = 1_000;
/** Temporal's number for the half of a queue that holds activities. */
const ACTIVITY_QUEUE = 2;
/** From here on it is worth asking why it fails. */
const ATTEMPTS_TOLD = 3;
const PAGE = 100;

/**
 * Connects on first use. The caller closes it. Nothing is tried again: the next round asks anew, and a retry that comes behind the closing
 * of the line would end the whole process.
 */
export function openEyes({ temporalAddress, namespace, taskQueue }: { readonly temporalAddress: string; readonly namespace: string; readonly taskQueue: string }): TemporalEyes {
  const connection = Connection.lazy({ address: temporalAddress, connectTimeout: ANSWER_MS, interceptors: [], channelArgs: { 'grpc.initial_reconnect_backoff_ms': 200, 'grpc.max_reconnect_backoff_ms': RECONNECT_MS_MAX } });
  const client = new Client({ connection, namespace });
  const answers = (): Promise<boolean> => within(client, () => client.workflowService.describeTaskQueue({ namespace, taskQueue: { name: taskQueue } })).then(() => true, () => false);
  return {
    namespace,
    answers: (signal) => unlessAborted(signal, answers(), false),
    look: (release, withHead, signal) => unlessAborted(signal, look(client, release, withHead), { seen: 'unknown' }),
    siteAskedAgoMs: (site, signal) => unlessAborted(signal, askedAgoMs(client, siteQueue(taskQueue, site)), 'unknown'),
    // A line that was never connected has nothing to close.
    close: () => connection.close().catch(() => undefined),
  };
}

/** Who ends does not wait for a server that is away. */
async function unlessAborted<T>(signal: AbortSignal, asking: Promise<T>, otherwise: T): Promise<T> {
  const { promise, resolve } = Promise.withResolvers<T>();
  const give = (): void => resolve(otherwise);
  signal.addEventListener('abort', give, { once: true });
  if (signal.aborted) give();
  try {
    return await Promise.race([asking, promise]);
  } finally {
    signal.removeEventListener('abort', give);
  }
}

function within<T>(client: Client, ask: () => Promise<T>): Promise<T> {
  return client.withDeadline(Date.now() + ANSWER_MS, ask);
}

async function look(client: Client, release: string, withHead: boolean): Promise<WorkflowSight> {
  const handle = client.workflow.getHandle(releaseWorkflowId(release));
  try {
    const run = await within(client, () => handle.describe());
    if (run.status.name !== 'RUNNING') return { seen: 'closed', status: run.status.name.toLowerCase() };
    const attempt = run.raw.pendingWorkflowTask?.attempt ?? null;
    const isFailing = attempt !== null && attempt >= ATTEMPTS_TOLD;
    const [failure, head] = await Promise.all([isFailing ? lastFailure(client, release) : null, withHead && !isFailing ? readHead(client, release) : null]);
    return { seen: 'running', attempt, failure, head };
  } catch (error) {
    return error instanceof WorkflowNotFoundError ? { seen: 'absent' } : { seen: 'unknown' };
  }
}

/** By the machine's own clock: a difference of some seconds to Temporal's does not matter here. */
async function askedAgoMs(client: Client, queue: string): Promise<number | null | 'unknown'> {
  try {
    const { pollers } = await within(client, () => client.workflowService.describeTaskQueue({ namespace: client.options.namespace, taskQueue: { name: queue }, taskQueueType: ACTIVITY_QUEUE }));
    const asked = (pollers ?? []).map(({ lastAccessTime }) => Number(lastAccessTime?.seconds ?? 0) * 1000);
    return asked.length === 0 ? null : Math.max(0, Date.now() - Math.max(...asked));
  } catch {
    return 'unknown';
  }
}

/** What the workflow code failed with; null when that cannot be told. */
async function lastFailure(client: Client, release: string): Promise<string | null> {
  try {
    const { events } = await pageBack(client, release, { size: 20 });
    const failed = events.find(({ workflowTaskFailedEventAttributes: found }) => found != null);
    return failed?.workflowTaskFailedEventAttributes?.failure?.message ?? null;
  } catch {
    return null;
  }
}

/** As a rule the newest page tells. Null when it cannot be read now, and before the release is open. */
async function readHead(client: Client, release: string): Promise<WorkflowHead | null> {
  let met = NOTHING_MET;
  let token: Uint8Array | null = null;
  try {
    do {
      const page: HistoryPage = await pageBack(client, release, { size: PAGE, token });
      met = headIn(page.events, met);
      token = page.next;
    } while (token !== null && (met.version === null || met.epoch === null));
    return headOf(met);
  } catch {
    return null;
  }
}

interface HistoryPage {
  /** newest first */
  readonly events: readonly HistoryEvent[];
  /** null: that was the beginning */
  readonly next: Uint8Array | null;
}

async function pageBack(client: Client, release: string, { size, token = null }: { readonly size: number; readonly token?: Uint8Array | null }): Promise<HistoryPage> {
  const execution = { workflowId: releaseWorkflowId(release) };
  const { history, nextPageToken } = await within(client, () =>
    client.workflowService.getWorkflowExecutionHistoryReverse({ namespace: client.options.namespace, execution, maximumPageSize: size, ...(token === null ? {} : { nextPageToken: token }) }));
  return { events: history?.events ?? [], next: nextPageToken?.length ? nextPageToken : null };
}
