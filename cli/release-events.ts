/** The events of a release, page by page. */
import type { Client } from './client.ts';
import type { ReleaseEvent } from './release.ts';

interface EventPage {
  readonly items: readonly ReleaseEvent[];
  readonly next?: string | null;
}

const PAGE = 200;

/** Every event after the stream version `after`, in order. */
export async function readEventsAfter(client: Client, id: string, after: number, signal?: AbortSignal): Promise<ReleaseEvent[]> {
  const events: ReleaseEvent[] = [];
  for (let from = after; ; ) {
    const path = `/v1/releases/${encodeURIComponent(id)}/events?after=${from}&limit=${PAGE}`;
    const page = await client.get<EventPage>(path, signal === undefined ? {} : { signal });
    events.push(...page.items);
    const last = page.items[page.items.length - 1];
    if (last === undefined || page.items.length < PAGE) return events;
    from = last.version;
  }
}
