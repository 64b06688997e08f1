/** One watcher at a time, over all processes, and no two rounds closer together than they need be. */
import { sql } from 'kysely';
import pg from 'pg';
import { holding, limited } from './holding.ts';
import type { Database, Queryable } from './client.ts';

/** `rounds` are the looks at the log and Temporal, `hosts` those at machines and `rules` those at balancers, which only workers reach. */
export type WatchdogPart = 'rounds' | 'hosts' | 'rules';

const LOCKS: Readonly<Record<WatchdogPart, number>> = { rounds: 7_325_018, hosts: 7_325_019, rules: 7_325_023 };

/** A frozen holder is cut off by the database after 15 s; a living one gives up before. */
const TURN_MS_MAX = 12_000;

export interface WatchdogTurn {
  readonly part: WatchdogPart;
  /** nothing is done when a turn of anybody ended less than this ago */
  readonly everyMs: number;
  /** who asks, for people */
  readonly by: string;
}

/** Somebody else has the turn, or had it just now. */
class NotNow extends Error {
  override readonly name = 'NotNow';
}

/**
 * Runs `look` while nobody else has this part's turn; false when somebody has it or had it just now. `signal` aborts after 12 s. Throws
 * what `look` throws, and HeldTooLong when it takes longer: the next turn then comes as if this one had not been.
 */
export async function takeWatchdogTurn(db: Database, { part, everyMs, by }: WatchdogTurn, look: (signal: AbortSignal) => Promise<void>): Promise<boolean> {
  const last = `(select at > now() - interval '${Math.trunc(everyMs)} milliseconds' from watchdog_turns where part = ${pg.escapeLiteral(part)})`;
  const take = ['begin', `select pg_try_advisory_xact_lock(${LOCKS[part]}) as mine, coalesce(${last}, false) as "isRecent"`];
  const check = ([row]: readonly { readonly mine: boolean; readonly isRecent: boolean }[]): void => {
    if (row?.mine !== true || row.isRecent) throw new NotNow();
  };
  try {
    await holding(db.locks.turns, { take, check }, async () => {
      await limited('the watchdog', TURN_MS_MAX, look);
      await sql`insert into watchdog_turns (part, by) values (${part}, ${by}) on conflict (part) do update set at = now(), by = excluded.by`.execute(db.kysely);
    });
    return true;
  } catch (error) {
    if (error instanceof NotNow) return false;
    throw error;
  }
}

export interface TurnTaken {
  readonly part: WatchdogPart;
  readonly by: string;
  readonly ageMs: number;
}

/** Who last came to the end of a turn, and how long ago. */
export async function lastTurns(db: Queryable): Promise<readonly TurnTaken[]> {
  const { rows } = await sql<TurnTaken>`select part, by, (extract(epoch from now() - at) * 1000)::float8 as "ageMs" from watchdog_turns where part in ('rounds', 'hosts') order by part`.execute(db.kysely);
  return rows;
}
