/** Times in which something of Signalbox's own was away, and the arithmetic with them. Nothing that happened meanwhile is held against a release. */

/** From `fromMs` to `toMs`, epoch milliseconds; empty when it ends where it begins. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** What was away, as a person would name it. */
export interface Outage extends Span {
  readonly what: string;
}

/** The same moments, in order, without overlaps and without empty spans. */
export function united(spans: readonly Span[]): readonly Span[] {
  const merged: Span[] = [];
  for (const { fromMs, toMs } of spans.filter((span) => span.toMs > span.fromMs).toSorted((a, b) => a.fromMs - b.fromMs)) {
    const last = merged.at(-1);
    if (last !== undefined && fromMs <= last.toMs) merged[merged.length - 1] = { fromMs: last.fromMs, toMs: Math.max(last.toMs, toMs) };
    else merged.push({ fromMs, toMs });
  }
  return merged;
}

/** Moments that lie in one of each, united. */
export function overlap(one: readonly Span[], other: readonly Span[]): readonly Span[] {
  return united(one.flatMap((a) => other.map((b) => ({ fromMs: Math.max(a.fromMs, b.fromMs), toMs: Math.min(a.toMs, b.toMs) }))));
}

/** Milliseconds that the spans cover together; what lies in two of them counts once. */
export function coveredMs(spans: readonly Span[]): number {
  return united(spans).reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0);
}
