/** I1: what a client was told about its command is what the log says. */
import type { Rule } from './judge.ts';
import type { ChaosRecord, ClientEntry, LoggedEvent } from './record.ts';

export const commands: Rule = {
  id: 'I1',
  promise: 'Every ok command has exactly one event, every fail none, every info at most one; every accepted one is answered.',
  judge: (record) => record.client.filter(({ kind }) => kind !== 'invoke').flatMap((entry) => {
    if (entry.kind === 'info' && entry.accepted) return [{ what: `${entry.op} ${entry.mark} was accepted and never answered`, atMs: entry.atMs }];
    const found = eventsOf(record, entry);
    const [least, most] = { ok: [1, 1], fail: [0, 0], info: [0, 1], invoke: [0, 1] }[entry.kind] as [number, number];
    if (found >= least && found <= most) return [];
    return [{ what: `${entry.op} ${entry.mark} ended ${entry.kind} for its client and has ${found} events`, atMs: entry.atMs }];
  }),
};

/** A release that has ended is taken back by another one, which is asked for in the same words. */
const LEADS_TO: Readonly<Record<ClientEntry['op'], readonly string[]>> = {
  release: ['release-requested'], pause: ['paused'], resume: ['resumed'], rollback: ['rollback-started', 'release-requested'], abort: ['abort-started'], skip: ['targets-skipped'], retry: ['targets-retried', 'release-requested'],
};

function eventsOf({ events }: ChaosRecord, { op, mark }: ClientEntry): number {
  return events.filter(({ event }) => LEADS_TO[op].includes(event.type) && 'reason' in event.data && event.data.reason === mark && !isOwnWork(event)).length;
}

/** A release that was asked for in order to take another one back begins to do so in the words of its request. */
function isOwnWork(event: LoggedEvent['event']): boolean {
  return event.type === 'rollback-started' && event.data.cause === 'release';
}
