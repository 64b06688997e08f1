/**
 * Follows one release to its end. The event stream says *that* something happened (and feeds the plain lines), the release itself
 * says *how it stands*; a slow poll beside the stream keeps the watch true where a proxy holds streams back. An API that restarts
 * costs a reconnect with Last-Event-ID, never an event.
 */
import { backoffMs, pause } from './backoff.ts';
import type { Client } from './client.ts';
import { readMessages } from './event-stream.ts';
import { ProblemAnswer } from './problem.ts';
import { readEventsAfter } from './release-events.ts';
import { hasEnded, waitsForPerson } from './release.ts';
import type { Release, ReleaseEvent } from './release.ts';

export interface FollowOptions {
  readonly id: string;
  /** 0 = no limit */
  readonly timeoutMs: number;
  /** end the watch as soon as only a person can go on */
  readonly stopForPerson: boolean;
  /** events after this stream version are told; null = only what happens from now on */
  readonly after: number | null;
  /** aborted by Ctrl-C or SIGTERM: detaches */
  readonly interrupted: AbortSignal;
  readonly listener: FollowListener;
}

export interface FollowListener {
  onRelease(release: Release): void;
  onEvents(events: readonly ReleaseEvent[]): void;
  onTrouble(message: string): void;
}

/** How the watch ended. Only after `ended` is anything known about the outcome. `release` null: interrupted before the first answer. */
export interface Ending {
  readonly how: 'ended' | 'waiting' | 'timed-out' | 'detached';
  readonly release: Release | null;
}

const POLL_MS = 5000;
const GATHER_MS = 100;
/** The server sends a comment every 15 s: three missed ones mean a dead connection. */
const SILENCE_MS = 45_000;

/** Throws what the client throws: ProblemAnswer for a refusal, Complaint (unreachable) when the server stays away. */
export async function follow(client: Client, options: FollowOptions): Promise<Ending> {
  const stop = new AbortController();
  const detach = (): void => stop.abort(new Stopped('detached'));
  if (options.interrupted.aborted) detach();
  options.interrupted.addEventListener('abort', detach);
  const timer = options.timeoutMs > 0 ? setTimeout(() => stop.abort(new Stopped('timed-out')), options.timeoutMs) : null;
  const watch = new Watch(client, options, stop.signal);
  try {
    return await watch.run();
  } catch (error) {
    if (!(error instanceof Stopped)) throw error;
    return { how: error.how, release: watch.release };
  } finally {
    if (timer !== null) clearTimeout(timer);
    options.interrupted.removeEventListener('abort', detach);
    stop.abort(new Stopped('detached'));
  }
}

class Stopped extends Error {
  readonly how: 'timed-out' | 'detached';

  constructor(how: 'timed-out' | 'detached') {
    super(how);
    this.how = how;
  }
}

class Watch {
  release: Release | null = null;
  readonly #client: Client;
  readonly #options: FollowOptions;
  readonly #stop: AbortSignal;
  readonly #feed: Feed;
  #told = 0;

  constructor(client: Client, options: FollowOptions, stop: AbortSignal) {
    this.#client = client;
    this.#options = options;
    this.#stop = stop;
    this.#feed = new Feed(client, options, stop);
  }

  async run(): Promise<Ending> {
    let release = await this.#look();
    this.#told = this.#options.after ?? release.version;
    if (!hasEnded(release)) void this.#feed.run(this.#told);
    for (;;) {
      if (hasEnded(release)) {
        await this.#tellRest(release);
        return { how: 'ended', release };
      }
      if (this.#options.stopForPerson && waitsForPerson(release)) return { how: 'waiting', release };
      await this.#feed.wait(POLL_MS);
      if (this.#stop.aborted) throw this.#stop.reason;
      this.#tell(this.#feed.take());
      release = await this.#look();
    }
  }

  async #look(): Promise<Release> {
    const path = `/v1/releases/${encodeURIComponent(this.#options.id)}`;
    const before = this.release;
    const headers = before === null ? {} : { 'if-none-match': `"${before.version}"` };
    const answer = await this.#client.request<Release>('GET', path, { headers, signal: this.#stop });
    const release = answer.status === 304 && before !== null ? before : answer.body;
    this.release = release;
    if (release !== before) this.#options.listener.onRelease(release);
    return release;
  }

  #tell(events: readonly ReleaseEvent[]): void {
    const fresh = events.filter((event) => event.version > this.#told);
    if (fresh.length === 0) return;
    this.#told = fresh[fresh.length - 1]?.version ?? this.#told;
    this.#options.listener.onEvents(fresh);
  }

  /** The poll may see the end before the stream has told of it. */
  async #tellRest(release: Release): Promise<void> {
    this.#tell(this.#feed.take());
    if (this.#told < release.version) this.#tell(await readEventsAfter(this.#client, release.id, this.#told, this.#stop));
  }
}

/** Reads the event stream in the background and reconnects for as long as the watch lives. */
class Feed {
  readonly #client: Client;
  readonly #options: FollowOptions;
  readonly #stop: AbortSignal;
  #events: ReleaseEvent[] = [];
  #wake: (() => void) | null = null;

  constructor(client: Client, options: FollowOptions, stop: AbortSignal) {
    this.#client = client;
    this.#options = options;
    this.#stop = stop;
  }

  take(): ReleaseEvent[] {
    const taken = this.#events;
    this.#events = [];
    return taken;
  }

  /** Until events are there (plus a moment, so that a burst is looked at once) or `longestMs` have passed. */
  async wait(longestMs: number): Promise<void> {
    if (this.#events.length === 0) {
      const waited = new AbortController();
      this.#wake = () => waited.abort();
      await pause(longestMs, AbortSignal.any([waited.signal, this.#stop]));
      this.#wake = null;
    }
    await pause(GATHER_MS, this.#stop);
  }

  async run(after: number): Promise<void> {
    let lastId = after;
    for (let failures = 0; !this.#stop.aborted; failures += 1) {
      try {
        for await (const event of this.#connect(lastId)) {
          lastId = event.version;
          failures = -1;
          this.#events.push(event);
          this.#wake?.();
        }
      } catch (error) {
        if (this.#stop.aborted) return;
        if (error instanceof ProblemAnswer && error.problem.status < 500) return;
        if (failures === 1) this.#options.listener.onTrouble('The event stream broke off; trying again.');
      }
      // A break may mean that the server restarted and things moved on meanwhile: worth a look before the next poll.
      this.#wake?.();
      await pause(backoffMs(Math.max(0, failures)), this.#stop);
    }
  }

  async *#connect(lastId: number): AsyncGenerator<ReleaseEvent> {
    const silence = new AbortController();
    const watchdog = setTimeout(() => silence.abort(new Error('nothing heard for 45 s')), SILENCE_MS);
    try {
      const signal = AbortSignal.any([silence.signal, this.#stop]);
      const bytes = await this.#client.openStream(`/v1/releases/${encodeURIComponent(this.#options.id)}/events`, lastId, signal);
      for await (const message of readMessages(bytes, () => watchdog.refresh())) {
        const event = readEvent(message.data);
        if (event !== null) yield event;
      }
    } finally {
      clearTimeout(watchdog);
    }
  }
}

/** Null for messages that are no events of the release, such as a server's farewell. */
function readEvent(data: string): ReleaseEvent | null {
  try {
    const value = JSON.parse(data) as Partial<ReleaseEvent> | null;
    return typeof value?.version === 'number' && typeof value.type === 'string' ? (value as ReleaseEvent) : null;
  } catch {
    return null;
  }
}
