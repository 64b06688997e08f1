/** How long it took until things went on, read from what a round left behind. */
import type { ChaosRecord, LoggedEvent } from './checker/record.ts';
import type { Struck } from './stack.ts';

/**
 * "At work" is when the work began that the next event tells of: a step that takes five seconds was taken up five seconds before it says so.
 * Where another process died before things went on, the time is told apart: it is not that of the one death.
 */
export const RECOVERY_KINDS = [
  'worker killed, the other runs → that release at work',
  'Temporal back → at work',
  'Postgres back → at work',
  'more than one of them dead → at work',
  'pause acknowledged → quiet',
  'rollback acknowledged → first host fenced',
] as const;
export type RecoveryKind = (typeof RECOVERY_KINDS)[number];

export interface Recovery {
  readonly kind: RecoveryKind;
  readonly ms: number;
}

export function recoveriesOf(record: ChaosRecord, struck: readonly Struck[], said: readonly { readonly atMs: number; readonly line: string }[]): readonly Recovery[] {
  const { events, client, effects } = record;
  const after = (atMs: number, wanted: (logged: LoggedEvent) => boolean): LoggedEvent | undefined => events.find((logged) => logged.seenMs > atMs && wanted(logged));
  const until = (kind: RecoveryKind, atMs: number, nextMs: number | null): readonly Recovery[] => (nextMs === null ? [] : [{ kind, ms: Math.max(0, nextMs - atMs) }]);
  const atWork = (kind: RecoveryKind, atMs: number, next: LoggedEvent | undefined): readonly Recovery[] => {
    if (next === undefined) return [];
    return until(isDisturbed(said, atMs, next.seenMs) ? 'more than one of them dead → at work' : kind, atMs, next.seenMs - tookMs(next));
  };
  return [
    ...struck.filter(({ fault }) => fault === 'kill-worker' || fault === 'kill-both').flatMap(({ atMs, release }) => atWork('worker killed, the other runs → that release at work', atMs, after(atMs, (logged) => logged.release === release))),
    ...said.flatMap(({ atMs, line }) => {
      const [, name] = /^(Temporal|Postgres) runs again$/.exec(line) ?? [];
      return name === undefined ? [] : atWork(`${name as 'Temporal' | 'Postgres'} back → at work`, atMs, after(atMs, () => true));
    }),
    ...client.filter(({ kind, op }) => kind === 'ok' && op === 'pause').flatMap(({ atMs, release }) => until('pause acknowledged → quiet', atMs, quietAfter(events, release, atMs))),
    ...client.filter(({ kind, op }) => kind === 'ok' && op === 'rollback').flatMap(({ atMs, release }) => {
      const fencedMs = effects.find((effect) => effect.kind === 'fenced' && effect.opId.startsWith(`${release}/`))?.atMs ?? null;
      return until('rollback acknowledged → first host fenced', atMs, fencedMs);
    }),
  ];
}

/** What the attempt took that the event tells of. */
function tookMs({ event: { data } }: LoggedEvent): number {
  return 'durationMs' in data && typeof data.durationMs === 'number' ? data.durationMs : 0;
}

/** Whether at some moment between these two a server was away, or no worker there: who ended and ran again is in what the supervisor said. */
function isDisturbed(said: readonly { readonly atMs: number; readonly line: string }[], fromMs: number, toMs: number): boolean {
  const down = new Set<string>();
  for (const { atMs, line } of said) {
    if (atMs > toMs) break;
    const [, name, what] = /^(worker \d|Temporal|Postgres) (ended|runs again)/.exec(line) ?? [];
    if (name === undefined) continue;
    if (atMs > fromMs && isAway(down)) return true;
    if (what === 'ended') down.add(name);
    else down.delete(name);
    if (atMs > fromMs && isAway(down)) return true;
  }
  return isAway(down);
}

function isAway(down: ReadonlySet<string>): boolean {
  return down.has('Temporal') || down.has('Postgres') || (down.has('worker 1') && down.has('worker 2'));
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
