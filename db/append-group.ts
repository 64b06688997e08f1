/** Group commit: target events of one release that come while an append of it is under way go together in the next one. */
import pg from 'pg';
import { NoticePace } from './notice-pace.ts';

/** One target event with the new state of its target, as the database takes it. */
export interface TargetRow {
  readonly host: string;
  readonly epoch: number;
  readonly id: string;
  readonly type: string;
  readonly schema: number;
  /** canonical JSON */
  readonly data: string;
  readonly actor: string;
  /** ISO 8601 UTC */
  readonly at: string;
  /** version of the target's row that `state` was folded on */
  readonly expected: number;
  readonly state: string;
  /** nothing is stored of it behind a pause or an abort */
  readonly unlessStopped?: true;
}

interface Waiting {
  readonly row: TargetRow;
  readonly stored: (version: number | null) => void;
  readonly failed: (error: unknown) => void;
}

/** Bounds the size of one statement: an event may carry some kilobytes of log. */
const GROUP_MAX = 50;

/** Classes of SQLSTATE that speak of the values given, not of the database: data exceptions and violated constraints. */
const FAULT_OF_VALUES = /^2[23]/;

export class AppendGroups {
  readonly #pool: pg.Pool;
  /** releases with an append under way, each with those that wait for it */
  readonly #underWay = new Map<string, Waiting[]>();
  readonly #notices = new NoticePace((release) => this.#pool.query({ name: 'tell-of-release', text: `select pg_notify('signalbox_release', $1)`, values: [release] }));

  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  /**
   * The version the event was stored as; null, and nothing stored of it, when the target has moved past `expected`, the epoch is void,
   * the id is known, or the release was stopped before an event that may not follow a stop. Throws the database's error; whether the event was stored is then unknown, as after any lost connection.
   */
  append(release: string, row: TargetRow): Promise<number | null> {
    const { promise, resolve: stored, reject: failed } = Promise.withResolvers<number | null>();
    const waiting = this.#underWay.get(release);
    if (waiting === undefined) void this.#appendAll(release, { row, stored, failed });
    else waiting.push({ row, stored, failed });
    return promise;
  }

  async #appendAll(release: string, first: Waiting): Promise<void> {
    const waiting = [first];
    this.#underWay.set(release, waiting);
    while (waiting.length > 0) await this.#appendGroup(release, waiting.splice(0, GROUP_MAX));
    this.#underWay.delete(release);
  }

  /** Values the database cannot take must not harm the others of their group: then each goes alone. */
  async #appendGroup(release: string, group: readonly Waiting[]): Promise<void> {
    try {
      const versions = await this.#store(release, group.map(({ row }) => row));
      for (const [index, { stored }] of group.entries()) stored(versions[index] ?? null);
    } catch (error) {
      if (group.length > 1 && error instanceof pg.DatabaseError && FAULT_OF_VALUES.test(error.code ?? '')) {
        for (const one of group) await this.#appendGroup(release, [one]);
      } else {
        for (const { failed } of group) failed(error);
      }
    }
  }

  async #store(release: string, rows: readonly TargetRow[]): Promise<readonly (number | null)[]> {
    const result = await this.#pool.query<{ versions: readonly (number | null)[] | null }>({
      name: 'append-target-events',
      text: 'select append_target_events($1, $2, $3) as versions',
      values: [release, JSON.stringify(rows), this.#notices.isDue(release)],
    });
    return result.rows[0]?.versions ?? [];
  }
}
