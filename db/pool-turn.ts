/**
 * Turns at a traffic entry: counting who is in service and taking hosts out must be one act, over all processes and over all pools behind
 * the entry, for several of them may count the same hosts. One lock per turn, so that turns of pools that share hosts cannot wait for one
 * another in a circle.
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
  /** names the traffic entry (entryOf of domain/joined-pool.ts) */
  readonly entry: string;
  /** all whose service is counted: turns that count the same ones share a count */
  readonly hosts: readonly string[];
  /** names of the hosts in service now */
  readonly count: (signal: AbortSignal) => Promise<ReadonlySet<string>>;
  /** decides on the count before its first await, and removes from it the host it takes out: the next one decides on what is left */
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
  /** entries whose turns are being taken, each with those who wait */
  readonly #underWay = new Map<string, Waiting[]>();

  constructor(locks: pg.Pool) {
    this.#locks = locks;
  }

  take<T>(turn: PoolTurn<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const { entry } = turn;
    const subject = `traffic entry ${entry}`;
    const mine: Waiting = {
      scope: turn.hosts.join(' '),
      count: () => limited(subject, COUNT_MS_MAX, turn.count).then((names) => new Set(names), (error: unknown) => (reject(error), null)),
      take: (inService) => limited(subject, TAKE_MS_MAX, async (signal) => turn.take(inService, signal)).then(
        (taken) => (resolve(taken), true),
        // Work that was given up may still be going on: nobody else must rely on this lock.
        (error: unknown) => (reject(error), !(error instanceof HeldTooLong)),
      ),
      failed: reject,
    };
    const waiting = this.#underWay.get(entry);
    if (waiting === undefined) void this.#takeAll(entry, mine);
    else waiting.push(mine);
    return promise;
  }

  async #takeAll(entry: string, first: Waiting): Promise<void> {
    const waiting = [first];
    this.#underWay.set(entry, waiting);
    while (waiting.length > 0) await this.#underOneLock(entry, waiting);
    this.#underWay.delete(entry);
  }

  /** Round after round for a second. A lock that cannot be had fails all who wait for it. */
  async #underOneLock(entry: string, waiting: Waiting[]): Promise<void> {
    const lock = `select pg_advisory_xact_lock(${POOL_TURN}, hashtext(${pg.escapeLiteral(entry)}))`;
    let hasBegun = false;
    try {
      await holding(this.#locks, { take: ['begin', lock], check: () => undefined }, async () => {
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
 * Counts and takes while nobody else does so at this entry, in any process; turns this process is asked for meanwhile follow under the
 * same lock, for a second at most. Fences may be taken inside, turns not. Throws HeldTooLong when counting takes longer than 4 s or
 * taking longer than 8 s, and the database's error when the lock cannot be had; a lock that is lost meanwhile is not told, since what was
 * taken out is out.
 */
export function withPoolTurn<T>(db: Database, turn: PoolTurn<T>): Promise<T> {
  return db.turns.take(turn);
}
