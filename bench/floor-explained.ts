/** Where the difference between a release and the bare workflow goes: by process, by waiting and working, by activity, by statement. */
import { median } from './statistics.ts';
import type { Compared, Measured } from './floor.ts';
import type { TimedActivity } from './release-history.ts';

const STATEMENTS_MAX = 12;

export function explain({ release, bare }: Compared, statements: readonly { readonly statement: string; readonly count: number; readonly totalMs: number }[], runs: number): void {
  console.log('  CPU, ms per run     worker  Temporal  Postgres');
  for (const [name, side] of [['release', release], ['bare', bare]] as const) console.log(`    ${name.padEnd(16)} ${cpuLine(side)}`);
  console.log('  activities, ms each          count   waiting   working');
  for (const [type, release_] of byType(release)) console.log(`    ${type.padEnd(22)} ${timesLine(release_, runs)}`);
  for (const [type, bare_] of byType(bare)) console.log(`    bare: ${type.padEnd(16)} ${timesLine(bare_, runs)}`);
  console.log('  statements of one release    count   ms each  ms in all');
  for (const { statement, count, totalMs } of statements.slice(0, STATEMENTS_MAX)) {
    console.log(`    ${statement.padEnd(50)} ${(count / runs).toFixed(0).padStart(6)} ${(totalMs / count).toFixed(2).padStart(8)} ${(totalMs / runs).toFixed(0).padStart(8)}`);
  }
}

function cpuLine(side: readonly Measured[]): string {
  return (['worker', 'temporal', 'postgres'] as const).map((name) => median(side.map(({ cpu }) => cpu[name])).toFixed(0).padStart(9)).join('');
}

function byType(side: readonly Measured[]): readonly (readonly [string, readonly TimedActivity[]])[] {
  return [...Map.groupBy(side.flatMap(({ history }) => history.activities), ({ type }) => type)];
}

/** Waiting: from the decision to do it until a worker began; working: until it was done. */
function timesLine(activities: readonly TimedActivity[], runs: number): string {
  const waiting = median(activities.map(({ scheduledMs, startedMs }) => startedMs - scheduledMs));
  const working = median(activities.map(({ startedMs, closedMs }) => closedMs - startedMs));
  return `${(activities.length / runs).toFixed(0).padStart(9)} ${waiting.toFixed(2).padStart(9)} ${working.toFixed(2).padStart(9)}`;
}
