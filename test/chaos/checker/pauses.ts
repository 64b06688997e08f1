/** I7: a pause that was acknowledged holds. Hosts in work go on to a safe point; no other host is begun. */
import { isStepEffect, operationOf } from './record.ts';
import type { Found, Rule } from './judge.ts';
import type { ChaosRecord, ClientEntry } from './record.ts';

export const pauses: Rule = {
  id: 'I7',
  promise: 'No effect between the receipt of a pause and what ends it, except on hosts begun before.',
  judge: (record) => record.client.filter(({ kind, op }) => kind === 'ok' && op === 'pause').flatMap((pause) => begunIn(record, pause)),
};

function begunIn(record: ChaosRecord, { release, atMs }: ClientEntry): readonly Found[] {
  const untilMs = endOfPause(record, release, atMs);
  const own = record.effects.filter((effect) => isStepEffect(effect) && operationOf(effect.opId).release === release).toSorted((a, b) => a.atMs - b.atMs);
  const before = new Set(own.filter((effect) => effect.atMs <= atMs).map(keyOf));
  const late = own.filter((effect) => effect.kind === 'done' && effect.atMs > atMs && effect.atMs < untilMs && !before.has(keyOf(effect)));
  return late.map((effect) => ({ what: `${effect.what} on ${effect.host} took effect ${effect.atMs - atMs} ms after the pause of release ${release} was acknowledged, and nothing had been begun there before`, atMs: effect.atMs }));

  function keyOf({ opId }: { readonly opId: string }): string {
    const { host, direction, round } = operationOf(opId);
    return `${host} ${direction} ${round}`;
  }
}

/** Whatever may lead on: invoking it is enough, for it may be applied before its client hears of it. */
function endOfPause({ client, events }: ChaosRecord, release: string | null, atMs: number): number {
  const asked = client.filter((entry) => entry.kind === 'invoke' && entry.release === release && entry.atMs >= atMs && entry.op !== 'pause').map((entry) => entry.atMs);
  const decided = events.filter((logged) => logged.release === release && logged.seenMs >= atMs && ['resumed', 'rollback-started', 'abort-started', 'pause-expired'].includes(logged.event.type)).map(({ seenMs }) => seenMs);
  // An event may have been stored a moment before it was seen; what began in that moment is not held against the pause.
  return Math.min(Number.POSITIVE_INFINITY, ...asked, ...decided.map((ms) => ms - SEEN_LATE_MS));
}

const SEEN_LATE_MS = 500;
