/** How long each kind of statement takes, from being sent to being answered, over all pools of a database. */
import type pg from 'pg';
import type { Database } from '../db/client.ts';

export interface QueryTimes {
  /** forgets what was measured before */
  readonly reset: () => void;
  /** largest total first */
  readonly table: () => readonly { readonly statement: string; readonly count: number; readonly totalMs: number }[];
}

/** Call before the first query: connections opened earlier are not measured. */
export function timeQueries({ pool, locks }: Database): QueryTimes {
  const measured = new Map<string, { count: number; totalMs: number }>();
  const add = (statement: string, tookMs: number): void => {
    const known = measured.get(statement) ?? { count: 0, totalMs: 0 };
    measured.set(statement, { count: known.count + 1, totalMs: known.totalMs + tookMs });
  };
  for (const each of [pool, locks.turns, locks.fences]) each.on('connect', (client) => timeClient(client, add));
  return {
    reset: () => measured.clear(),
    table: () => [...measured].map(([statement, times]) => ({ statement, ...times })).toSorted((one, other) => other.totalMs - one.totalMs),
  };
}

type Query = (...args: readonly unknown[]) => unknown;

function timeClient(client: pg.PoolClient, add: (statement: string, tookMs: number) => void): void {
  const query = client.query.bind(client) as Query;
  const timed: Query = (...args) => {
    const startedMs = performance.now();
    const statement = statementOf(args[0]);
    const done = (): void => add(statement, performance.now() - startedMs);
    const callback = args.at(-1);
    if (typeof callback === 'function') {
      return query(...args.slice(0, -1), (...answer: readonly unknown[]) => {
        done();
        callback(...answer);
      });
    }
    const answer = query(...args);
    if (answer instanceof Promise) void answer.then(done, done);
    return answer;
  };
  Object.defineProperty(client, 'query', { value: timed });
}

/** The name of a prepared statement, else its beginning. */
export function statementOf(query: unknown): string {
  const { name, text } = typeof query === 'string' ? { name: undefined, text: query } : (query as { readonly name?: string; readonly text?: string });
  return name ?? (text ?? '?').trim().replace(/\s+/g, ' ').slice(0, 48);
}
