/**
 * I6: enough hosts serve, at every sample. A rollback that met the floor says so in its drain and may then go one host below it: that is
 * a rule of the product, not a breach. Which build serves is judged too: one that was never verified on that host counts for nothing.
 */
import type { Rule } from './judge.ts';
import type { BalancerSample, ChaosRecord, LoggedEvent } from './record.ts';

/** events are seen a moment after they are stored */
const SEEN_LATE_MS = 500;

export const floor: Rule = {
  id: 'I6',
  promise: 'Hosts in service that run a verified build are never fewer than the floor, at every sample.',
  judge: (record) => record.pools.flatMap(({ pool, floor: least }) => {
    const drains = admittedBelow(record.events);
    const low = record.samples.filter((sample) => sample.pool === pool && serving(record, sample) < least - (drains.some(({ host, fromMs, untilMs }) => sample.atMs >= fromMs && sample.atMs <= untilMs && sample.servers.some((server) => server.host === host)) ? 1 : 0));
    const [first] = low;
    if (first === undefined) return [];
    return [{ what: `pool ${pool} had ${serving(record, first)} of ${first.servers.length} hosts in service, its floor is ${least} (${low.length} samples, the first at ${first.atMs})`, atMs: first.atMs }];
  }),
};

function serving(record: ChaosRecord, { servers, atMs }: BalancerSample): number {
  return servers.filter(({ host, inService }) => inService && isVerified(record, host, atMs)).length;
}

/** The last thing begun with the host's process, and whether a verify has succeeded since. A host that nothing was started on is as it was. */
function isVerified({ events, effects }: ChaosRecord, host: string, atMs: number): boolean {
  const started = effects.findLast((effect) => effect.host === host && effect.kind === 'done' && effect.what === 'start' && effect.atMs <= atMs);
  if (started === undefined) return true;
  return events.some(({ event, seenMs }) => event.type === 'target-step-succeeded' && event.data.host === host && event.data.step === 'verify' && seenMs >= started.atMs && seenMs <= atMs + SEEN_LATE_MS);
}

/** From a drain on the way back that met the floor until its host was admitted again. */
function admittedBelow(events: readonly LoggedEvent[]): readonly { readonly host: string; readonly fromMs: number; readonly untilMs: number }[] {
  return events.flatMap(({ event, seenMs, release }) => {
    if (event.type !== 'target-step-succeeded' || event.data.step !== 'drain' || event.data.result.floorMet !== true) return [];
    const { host } = event.data;
    const back = events.find((later) => later.seenMs >= seenMs && later.release === release && later.event.type === 'target-step-succeeded' && later.event.data.host === host && later.event.data.step === 'admit');
    const begun = events.findLast((earlier) => earlier.seenMs <= seenMs && earlier.release === release && earlier.event.type === 'target-fenced' && earlier.event.data.host === host);
    return [{ host, fromMs: begun?.seenMs ?? seenMs, untilMs: (back?.seenMs ?? Number.POSITIVE_INFINITY) + SEEN_LATE_MS }];
  });
}
