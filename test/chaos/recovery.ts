/** How long it took until things went on, read from what a round left behind. */
import type { ChaosRecord, LoggedEvent } from './checker/record.ts';
import type { Struck } from './stack.ts';

export type RecoveryKind = 'worker killed, the other runs → next event of that release' | 'both workers dead → next event of that release' | 'Temporal back → next event' | 'Postgres back → next event' | 'pause acknowledged → quiet' | 'rollback acknowledged → first host fenced';

export interface Recovery {
  readonly kind: RecoveryKind;
  readonly ms: number;
}

export function recoveriesOf(record: ChaosRecord, struck: readonly Struck[], said: readonly { readonly atMs: number; readonly line: string }[]): readonly Recovery[] {
  const { events, client, effects } = record;
  const after = (atMs: number, wanted: (logged: LoggedEvent) => boolean): number | null => events.find((logged) => logged.seenMs > atMs && wanted(logged))?.seenMs ?? null;
  const until = (kind: RecoveryKind, atMs: number, nextMs: number | null): readonly Recovery[] => (nextMs === null ? [] : [{ kind, ms: Math.max(0, nextMs - atMs) }]);
  return [
    ...struck.filter(({ fault }) => fault === 'kill-worker' || fault === 'kill-both').flatMap(({ atMs, release }) => {
      const nextMs = after(atMs, (logged) => logged.release === release);
      const isAlone = nextMs !== null && downTogether(said, atMs, nextMs);
      return until(isAlone ? 'both workers dead → next event of that release' : 'worker killed, the other runs → next event of that release', atMs, nextMs);
    }),
    ...said.flatMap(({ atMs, line }) => {
      const [, name] = /^(Temporal|Postgres) runs again$/.exec(line) ?? [];
      return name === undefined ? [] : until(`${name as 'Temporal' | 'Postgres'} back → next event`, atMs, after(atMs, () => true));
    }),
    ...client.filter(({ kind, op }) => kind === 'ok' && op === 'pause').flatMap(({ atMs, release }) => until('pause acknowledged → quiet', atMs, quietAfter(events, release, atMs))),
    ...client.filter(({ kind, op }) => kind === 'ok' && op === 'rollback').flatMap(({ atMs, release }) => {
      const fencedMs = effects.find((effect) => effect.kind === 'fenced' && effect.opId.startsWith(`${release}/`))?.atMs ?? null;
      return until('rollback acknowledged → first host fenced', atMs, fencedMs);
    }),
  ];
}

/** Whether at some moment between these two no worker was there: who ended and when it ran again is in what the supervisor said. */
function downTogether(said: readonly { readonly atMs: number; readonly line: string }[], fromMs: number, toMs: number): boolean {
  const down = new Set<string>();
  for (const { atMs, line } of said) {
    if (atMs > toMs) return false;
    const [, name, what] = /^(worker \d) (ended|runs again)/.exec(line) ?? [];
    if (name === undefined) continue;
    if (what === 'ended') down.add(name);
    else down.delete(name);
    if (atMs >= fromMs && down.size > 1) return true;
  }
  return false;
}

/** Null when the pause was ended before it was quiet. It may be quiet before its client hears of it. */
function quietAfter(events: readonly LoggedEvent[], release: string | null, atMs: number): number | null {
  const own = events.filter((logged) => logged.release === release);
  const paused = own.findLast(({ event, seenMs }) => event.type === 'paused' && seenMs <= atMs + 1_000);
  const next = own.find(({ event, seenMs }) => seenMs >= (paused?.seenMs ?? atMs) && ['quiet-reached', 'resumed', 'rollback-started', 'abort-started'].includes(event.type));
  return next?.event.type === 'quiet-reached' ? next.seenMs : null;
}

export interface Quantiles {
  readonly n: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export function quantilesOf(numbers: readonly number[]): Quantiles {
  const sorted = numbers.toSorted((a, b) => a - b);
  const at = (part: number): number => sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0;
  return { n: sorted.length, p50: at(0.5), p99: at(0.99), max: sorted.at(-1) ?? 0 };
}
