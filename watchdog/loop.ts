/** The loop around the rounds. API and workers run it, so that it also sees the death of the other; one of them at a time has the turn. */
import { setTimeout as delay } from 'node:timers/promises';
import { takeWatchdogTurn } from '../db/watchdog-turn.ts';
import { round } from './round.ts';
import type { RoundDeps, Turns } from './round.ts';

export interface WatchdogDeps extends RoundDeps {
  /** who looks, for people: `api` or `worker`, and which of them */
  readonly by: string;
  readonly log: { warn(fields: object, message: string): void };
  /** default 10 s: what is found is found within a minute, also when a turn or two fail */
  readonly everyMs?: number;
}

export interface Watchdog {
  /** waits for the round at hand */
  readonly stop: () => Promise<void>;
}

const EVERY_MS = 10_000;
/** Asked more often than it comes, so that whoever is left takes over at once. */
const ASK_PER_TURN = 4;

export function startWatchdog({ db, eyes, by, log, everyMs = EVERY_MS }: WatchdogDeps): Watchdog {
  const stopping = new AbortController();
  const turns: Turns = { release: null, head: null };
  const loop = (async () => {
    while (!stopping.signal.aborted) {
      const turn = { part: 'rounds', everyMs, by } as const;
      await takeWatchdogTurn(db, turn, (signal) => round({ db, eyes }, turns, AbortSignal.any([signal, stopping.signal]))).catch((err: unknown) => log.warn({ err: String(err) }, 'The watchdog could not look; trying again'));
      await delay(everyMs / ASK_PER_TURN, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  })();
  return {
    stop: async () => {
      stopping.abort();
      await loop;
    },
  };
}
