/** Looks on from outside while a round runs: the log as it grows, and every pool at its balancer ten times a second. */
import { setTimeout as delay } from 'node:timers/promises';
import { createTraffic } from '../../drivers/traffic/factory.ts';
import { toStoredEvent } from '../../db/stored-events.ts';
import { nowMs } from './clock.ts';
import type { Database } from '../../db/client.ts';
import type { TrafficSpec } from '../../domain/traffic-spec.ts';
import type { BalancerSample, LoggedEvent } from './checker/record.ts';
import type { ChaosPool } from './fleet.ts';

export interface Watched {
  readonly pool: ChaosPool;
  readonly traffic: TrafficSpec;
}

const EVENTS_EVERY_MS = 40;
const SAMPLES_EVERY_MS = 100;
/** numbers are given before commit, so an event may come behind one with a higher number */
const OVERTAKEN_MAX = 500;

export class Observer {
  readonly events: LoggedEvent[] = [];
  readonly samples: BalancerSample[] = [];
  readonly #db: Database;
  readonly #seen = new Set<number>();
  readonly #ending = new AbortController();
  readonly #loops: readonly Promise<void>[];
  #last = 0;

  constructor(db: Database, watched: readonly Watched[]) {
    this.#db = db;
    this.#loops = [
      this.#repeat(EVENTS_EVERY_MS, () => this.look()),
      ...watched.map(({ pool, traffic }) => this.#repeat(SAMPLES_EVERY_MS, () => this.#sample(pool, traffic))),
    ];
  }

  async end(): Promise<void> {
    this.#ending.abort();
    await Promise.all(this.#loops);
  }

  /** Reads what was stored since the last look. Throws while the database is away. */
  async look(): Promise<void> {
    const { rows } = await this.#db.pool.query<Row>(`select position, stream, version, id, type, data, actor, at from events where stream like 'release/%' and position > $1 order by position`, [this.#last - OVERTAKEN_MAX]);
    const seenMs = nowMs();
    for (const { position, stream, ...row } of rows) {
      if (this.#seen.has(position)) continue;
      this.#seen.add(position);
      this.#last = Math.max(this.#last, position);
      this.events.push({ release: stream.slice('release/'.length), position, seenMs, event: toStoredEvent(row) });
    }
  }

  async #sample({ pool, hosts }: ChaosPool, traffic: TrafficSpec): Promise<void> {
    const states = await createTraffic(traffic).observe(hosts, this.#ending.signal);
    this.samples.push({ pool, atMs: nowMs(), servers: states.map(({ admin, inService }, index) => ({ host: hosts[index] ?? '', admin, inService })) });
  }

  async #repeat(everyMs: number, look: () => Promise<void>): Promise<void> {
    while (!this.#ending.signal.aborted) {
      // What is away right now is looked at again.
      await look().catch(() => undefined);
      await delay(everyMs, undefined, { signal: this.#ending.signal }).catch(() => undefined);
    }
  }
}

interface Row {
  readonly position: number;
  readonly stream: string;
  readonly version: number;
  readonly id: string;
  readonly type: string;
  readonly data: unknown;
  readonly actor: LoggedEvent['event']['actor'];
  readonly at: string;
}
