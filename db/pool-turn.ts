/**
 * Turns at traffic entries: counting who is in service and taking hosts out must be one act, over all processes and over all pools behind
 * the same entries, for several of them may count the same hosts. A host that stands behind several entries is taken out under the turns
 * of all of them. Locks are always taken in the order of their numbers, so that no two turns can wait for one another in a circle.
 */
import pg from 'pg';
import { HeldTooLong } from './errors.ts';
import { holding, limited } from './holding.ts';
import type { Database } from './client.ts';

/** the class of advisory locks that are turns at an entry */
const POOL_TURN = 7_325_003;

/** All three together stay below the time for which a lock is waited for (14 s), and after which a holder is cut off (15 s). */
const ROUNDS_MS = 1_000;
const COUNT_MS_MAX = 4_000;
const TAKE_MS_MAX = 8_000;

export interface PoolTurn<T> {
  /** names of the traffic entries (entryOf of domain/traffic-entry.ts), each once, in any order */
  readonly entries: readonly string[];
  /** all whose service is counted, in any words: turns that say the same share a count */
  readonly counted: readonly string[];
  /** names of those in service now */
  readonly count: (signal: AbortSignal) => Promise<ReadonlySet<string>>;
  /** decides on the count before its first await, and removes from it what it takes out: the next one decides on what is left */
  readonly take: (inService: Set<string>, signal: AbortSignal) => Promise<T>;
}

interface Waiting {
  /** those with the same can be decided on one count */
  readonly scope: string;
  /** null when it failed, which was told */
  readonly count: () => Promise<Set<string> | null>;
  /** answers whether the lock is still good for others; never throws */
  readonly take: (inService: Set<string>) => Promise<boolean>;
  readonly failed: (error: unknown) => void;
}

/** The turns that this process is asked for. */
export class PoolTurns {
  readonly #locks: pg.Pool;
  /** sets of entries whose turns are being taken, each with those who wait */
  readonly #underWay = new Map<string, Waiting[]>();

  constructor(locks: pg.Pool) {
    this.#locks = locks;
  }

  take<T>(turn: PoolTurn<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const entries = [...new Set(turn.entries)].toSorted();
    const key = JSON.stringify(entries);
    const subject = `traffic entry ${entries.join(', ')}`;
    const mine: Waiting = {
      scope: turn.counted.join('\n'),
      count: () => limited(subject, COUNT_MS_MAX, turn.count).then((names) => new Set(names), (error: unknown) => (reject(error), null)),
      take: (inService) => limited(subject, TAKE_MS_MAX, async (signal) => turn.take(inService, signal)).then(
        (taken) => (resolve(taken), true),
        // Work that was given up may still be going on: nobody else must rely on this lock.
        (error: unknown) => (reject(error), !(error instanceof HeldTooLong)),
      ),
      failed: reject,
    };
    const waiting = this.#underWay.get(key);
    if (waiting === undefined) void this.#takeAll(key, entries, mine);
    else waiting.push(mine);
    return promise;
  }

  async #takeAll(key: string, entries: readonly string[], first: Waiting): Promise<void> {
    const waiting = [first];
    this.#underWay.set(key, waiting);
    while (waiting.length > 0) await this.#underOneLock(entries, waiting);
    this.#underWay.delete(key);
  }

  /** Round after round for a second. Locks that cannot be had fail all who wait for them. */
  async #underOneLock(entries: readonly string[], waiting: Waiting[]): Promise<void> {
    let hasBegun = false;
    try {
      await holding(this.#locks, { take: ['begin', lockOf(entries)], check: () => undefined }, async () => {
        hasBegun = true;
        const untilMs = performance.now() + ROUNDS_MS;
        while (waiting.length > 0 && performance.now() < untilMs) {
          if (!(await takeRound(waiting))) throw new Error('This lock must not be used again.');
        }
      });
    } catch (error) {
      // Once begun, every turn has told its caller how it ended.
      if (!hasBegun) for (const { failed } of waiting.splice(0)) failed(error);
    }
  }
}

/** By number, not by name: two names may have the same one, and then an order of names would be none of locks. */
function lockOf(entries: readonly string[]): string {
  const names = entries.map((entry) => pg.escapeLiteral(entry)).join(', ');
  return `select pg_advisory_xact_lock(${POOL_TURN}, number) from (select distinct hashtext(entry) as number from unnest(array[${names}]::text[]) as entry order by 1) as numbers`;
}

/** One count for all who wait now for the same hosts as the first: they decide on it one after the other and then act side by side. */
async function takeRound(waiting: Waiting[]): Promise<boolean> {
  const [first] = waiting;
  const inService = await first?.count();
  if (first === undefined || inService == null) {
    waiting.shift();
    return true;
  }
  const together = waiting.splice(0);
  const others = together.filter(({ scope }) => scope !== first.scope);
  waiting.push(...others);
  const areGood = await Promise.all(together.filter(({ scope }) => scope === first.scope).map(({ take }) => take(inService)));
  return areGood.every(Boolean);
}

/**
 * Counts and takes while nobody else does so at any of these entries, in any process; turns at the same ones this process is asked for
 * meanwhile follow under the same locks, for a second at most. Fences may be taken inside, turns not. Throws HeldTooLong when counting takes longer than 4 s or
 * taking longer than 8 s, and the database's error when the lock cannot be had; a lock that is lost meanwhile is not told, since what was
 * taken out is out.
 */
export function withPoolTurn<T>(db: Database, turn: PoolTurn<T>): Promise<T> {
  return db.turns.take(turn);
}
