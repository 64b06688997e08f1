/** Hearing what changed, by LISTEN on a connection of its own. Only ids are heard; a lost connection is replaced, and the gap is told. */
import pg from 'pg';

export interface Listener {
  readonly close: () => Promise<void>;
}

/** `signalbox_call`: hosts for which something new waits; `signalbox_answer`: calls of hosts that were answered. */
export type Channel = 'signalbox_release' | 'signalbox_outbox' | 'signalbox_call' | 'signalbox_answer';

export interface ListenOptions {
  readonly url: string;
  readonly channel: Channel;
  /** id of the release that changed; of what else, the channel says */
  readonly onId: (id: string) => void;
  /** listening began, or began again after a gap: read everything once */
  readonly onGap?: () => void;
}

/** Tells the id of every release whose events or receipts changed. `onGap` after each (re)connection, as changes may have been missed. */
export function listen(url: string, onRelease: (id: string) => void, onGap?: () => void): Listener {
  return listenOn({ url, channel: 'signalbox_release', onId: onRelease, ...(onGap ? { onGap } : {}) });
}

/** Tells that there is something to deliver; also after each (re)connection. */
export function listenOutbox(url: string, onWork: () => void): Listener {
  return listenOn({ url, channel: 'signalbox_outbox', onId: onWork, onGap: onWork });
}

const RECONNECT_MS_MIN = 100;
const RECONNECT_MS_MAX = 5_000;

/** Listens until closed. Errors of the connection are not thrown: it is made again, more slowly each time. */
export function listenOn(options: ListenOptions): Listener {
  let client: pg.Client | null = null;
  let timer: NodeJS.Timeout | null = null;
  let delayMs = RECONNECT_MS_MIN;
  let isClosed = false;

  const again = (): void => {
    if (isClosed || timer) return;
    timer = setTimeout(() => {
      timer = null;
      connected = connect();
    }, delayMs);
    delayMs = Math.min(delayMs * 2, RECONNECT_MS_MAX);
  };

  const connect = async (): Promise<void> => {
    const fresh = new pg.Client({ connectionString: options.url, application_name: 'signalbox-listen', keepAlive: true, connectionTimeoutMillis: 10_000 });
    client = fresh;
    fresh.on('notification', (message) => options.onId(message.payload ?? ''));
    fresh.on('error', () => {});
    fresh.on('end', again);
    try {
      await fresh.connect();
      await fresh.query(`listen ${options.channel}`);
      delayMs = RECONNECT_MS_MIN;
      options.onGap?.();
    } catch {
      await fresh.end().catch(() => {});
      again();
    }
  };

  let connected = connect();
  const close = async (): Promise<void> => {
    isClosed = true;
    if (timer) clearTimeout(timer);
    await connected;
    await client?.end().catch(() => {});
  };
  return { close };
}
