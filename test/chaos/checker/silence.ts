/** I10: every release comes to an end or says that it is paused, in time, and on the way there it is never silent for long. */
import { isEnding } from './owners.ts';
import type { Found, Rule } from './judge.ts';
import type { ChaosRecord, LoggedEvent } from './record.ts';

export const SILENCE_MS_MAX = 60_000;

export const silence: Rule = {
  id: 'I10',
  promise: 'Every release is terminal or paused before its deadline, and nothing is silent for more than 60 s.',
  judge: (record) => [...Map.groupBy(record.events, ({ release }) => release)].flatMap(([release, own]) => {
    const events = own.toSorted((a, b) => a.event.version - b.event.version);
    return [...gaps(release, events, record.endedMs), ...late(release, events, record)];
  }),
};

/** A release that is queued or paused says what it waits for and who can end it; it needs not say it again. */
function gaps(release: string, events: readonly LoggedEvent[], endedMs: number): readonly Found[] {
  return events.flatMap((logged, index) => {
    const next = events[index + 1]?.seenMs ?? (isEnding(logged) ? logged.seenMs : endedMs);
    if (next - logged.seenMs <= SILENCE_MS_MAX || isResting(events.slice(0, index + 1))) return [];
    return [{ what: `release ${release} was silent for ${Math.round((next - logged.seenMs) / 1000)} s after ${logged.event.type}`, atMs: logged.seenMs }];
  });
}

function late(release: string, events: readonly LoggedEvent[], { endedMs, deadlineMs }: ChaosRecord): readonly Found[] {
  const beganMs = events[0]?.seenMs ?? endedMs;
  const last = events.find(isEnding);
  if (last === undefined && isResting(events)) return [];
  const took = (last?.seenMs ?? endedMs) - beganMs;
  if (last !== undefined && took <= deadlineMs) return [];
  if (last === undefined) return [{ what: `release ${release} never ended: its last event is ${events.at(-1)?.event.type}`, atMs: endedMs }];
  return [{ what: `release ${release} took ${Math.round(took / 1000)} s to end, its deadline is ${Math.round(deadlineMs / 1000)} s`, atMs: last.seenMs }];
}

function isResting(events: readonly LoggedEvent[]): boolean {
  const last = events.findLast(({ event }) => ['paused', 'release-queued', 'resumed', 'pool-acquired', 'rollback-started', 'abort-started', 'pause-expired'].includes(event.type))?.event.type;
  return last === 'paused' || last === 'release-queued';
}
