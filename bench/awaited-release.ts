/** One release from its POST to its good end, as a CI job would follow it; a bad end is told with the sentence of each target that failed. */
import { setTimeout as delay } from 'node:timers/promises';
import { isTerminal } from '../domain/vocabulary.ts';
import type { DemoApi } from '../examples/demo/api.ts';
import type { Status } from '../domain/vocabulary.ts';
import type { StoredReleaseEvent } from '../domain/release/events.ts';

const RELEASE_TIMEOUT_MS = 300_000;
const POLL_MS = 200;
const EVENTS_PER_PAGE = 200;

export interface AwaitedRelease {
  readonly status: Status;
  readonly createdAt: string;
  readonly finishedAt: string | null;
}

/** Throws when the release ends in any other way than `succeeded`, for then it measures nothing. */
export async function awaitSuccess(api: DemoApi, id: string): Promise<{ readonly createdAtMs: number; readonly finishedAtMs: number }> {
  const deadline = Date.now() + RELEASE_TIMEOUT_MS;
  while (Date.now() < deadline) {
    await delay(POLL_MS);
    const { status, createdAt, finishedAt } = await api.get<AwaitedRelease>(`/v1/releases/${id}`);
    if (!isTerminal(status)) continue;
    if (status !== 'succeeded' || finishedAt === null) throw new Error(`Release ${id} ended ${status}: ${failuresIn(await eventsOf(api, id)).join('; ') || 'no target failed'}`);
    return { createdAtMs: Date.parse(createdAt), finishedAtMs: Date.parse(finishedAt) };
  }
  throw new Error(`Release ${id} has not ended within ${RELEASE_TIMEOUT_MS / 1000} s.`);
}

export async function eventsOf(api: DemoApi, id: string): Promise<readonly StoredReleaseEvent[]> {
  const events: StoredReleaseEvent[] = [];
  for (;;) {
    const page = await api.get<{ readonly items: readonly StoredReleaseEvent[]; readonly next: string | null }>(`/v1/releases/${id}/events?after=${events.at(-1)?.version ?? 0}&limit=${EVENTS_PER_PAGE}`);
    events.push(...page.items);
    if (page.next === null) return events;
  }
}

function failuresIn(events: readonly StoredReleaseEvent[]): readonly string[] {
  return events.flatMap(({ type, data }) => (type === 'target-step-failed' ? [`${data.host} at ${data.step}: ${data.failure.message}${data.failure.log === undefined ? '' : ` (${data.failure.log})`}`] : []));
}
