/**
 * The event stream of one release. The table is the source: a notification only says "look again", so none that is lost, early or
 * repeated changes what a reader gets, and a reconnect with Last-Event-ID costs nothing.
 */
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { readReleaseEvents } from '../db/events.ts';
import type { StoredReleaseEvent } from '../domain/release/events.ts';
import type { ApiDeps } from './deps.ts';

const COMMENT_MS = 15_000;
/** Looks without having been told, for the listener may be reconnecting. */
const LOOK_MS = 3_000;
const PAGE = 200;

const LAST_EVENTS: ReadonlySet<string> = new Set(['release-succeeded', 'release-failed', 'release-rolled-back', 'rollback-ended-incomplete', 'release-aborted', 'release-rejected']);

export interface EventStream {
  readonly release: string;
  /** stream version after which to begin */
  readonly after: number;
  /** the release had ended already when the stream was asked for */
  readonly ended: boolean;
  readonly response: ServerResponse;
  readonly signal: AbortSignal;
}

let open = 0;

/** Streams open in this process, for the metrics. */
export function openStreams(): number {
  return open;
}

/** Returns when the release has ended, the client has gone, or the process drains. */
export async function streamEvents(deps: ApiDeps, stream: EventStream): Promise<void> {
  const bell = new Bell();
  const unsubscribe = deps.notifications.subscribe(stream.release, () => bell.ring());
  open += 1;
  try {
    sendHead(stream.response);
    await follow(deps, stream, bell);
  } catch (error) {
    // Half an answer is out: the connection ends, and the reader comes back with the last id it saw.
    if (!stream.signal.aborted) deps.log.warn({ release: stream.release, err: error }, 'an event stream broke off');
    stream.response.destroy();
  } finally {
    open -= 1;
    unsubscribe();
  }
}

async function follow(deps: ApiDeps, { release, after, ended, response, signal }: EventStream, bell: Bell): Promise<void> {
  let last = after;
  let isOver = ended;
  let quietSinceMs = Date.now();
  while (!signal.aborted) {
    const events = await readReleaseEvents(deps.db, { release, after: last, limit: PAGE });
    for (const event of events) {
      last = event.version;
      isOver ||= LAST_EVENTS.has(event.type);
    }
    if (events.length > 0) {
      await write(response, events.map(message).join(''), signal);
      quietSinceMs = Date.now();
    }
    if (events.length === PAGE) continue;
    if (isOver) {
      response.end(`event: end\ndata: ${JSON.stringify({ release, version: last })}\n\n`);
      return;
    }
    if (Date.now() - quietSinceMs >= COMMENT_MS) {
      await write(response, ': still here\n\n', signal);
      quietSinceMs = Date.now();
    }
    await bell.wait(LOOK_MS, signal);
  }
  response.end();
}

function sendHead(response: ServerResponse): void {
  response.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8', 'Cache-Control': 'no-cache, no-transform', 'X-Accel-Buffering': 'no' });
  response.flushHeaders();
  response.write(': events follow\nretry: 2000\n\n');
}

/** JSON has no raw line breaks, so one data line holds any event. */
function message(event: StoredReleaseEvent): string {
  return `id: ${event.version}\ndata: ${JSON.stringify(event)}\n\n`;
}

/** A slow reader slows its own stream, not the memory of the process. */
async function write(response: ServerResponse, text: string, signal: AbortSignal): Promise<void> {
  if (!response.write(text)) await once(response, 'drain', { signal });
}

/** A ring while nobody waits is remembered once. */
class Bell {
  #isRung = false;
  #wake: (() => void) | null = null;

  ring(): void {
    this.#isRung = true;
    this.#wake?.();
  }

  async wait(longestMs: number, signal: AbortSignal): Promise<void> {
    if (!this.#isRung && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, longestMs);
      signal.addEventListener('abort', () => resolve(), { once: true });
      this.#wake = resolve;
      await promise;
      clearTimeout(timer);
      this.#wake = null;
    }
    this.#isRung = false;
  }
}
