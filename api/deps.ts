/** What the API is given to work with. main.ts makes the real ones; tests pass the same kinds of parts. */
import type { Config } from '../config.ts';
import type { Bells } from '../db/bells.ts';
import type { Database } from '../db/client.ts';

export interface Log {
  error(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  info(fields: object, message: string): void;
  debug(fields: object, message: string): void;
}

/** Tells that something of a release was stored; carries no content. Returns the way to stop listening. */
export interface Notifications {
  subscribe(release: string, onChange: () => void): () => void;
}

export interface ApiDeps {
  readonly db: Database;
  readonly config: Config;
  readonly notifications: Notifications;
  /** rung for a host when work for its agent may have come */
  readonly agentBells: Bells;
  readonly temporalReachable: () => Promise<boolean>;
  readonly log: Log;
  /** aborted when the process shuts down: streams and waits end, readiness says no */
  readonly drainSignal?: AbortSignal;
  /** default 4 GiB */
  readonly packageFileBytesMax?: number;
  /** the longest that a request with `waitSeconds` is kept waiting; default: as long as it asks */
  readonly waitMsMax?: number;
  /** the longest that an agent's poll is kept waiting; default: as long as it asks */
  readonly pollMsMax?: number;
  readonly now?: () => Date;
}
