/** I8: once a rollback was acknowledged nothing goes forward any more: on each host from its fence on, on hosts without one from the receipt. */
import { isStepEffect, operationOf } from './record.ts';
import type { Found, Rule } from './judge.ts';
import type { ChaosRecord, ClientEntry } from './record.ts';

export const rollbacks: Rule = {
  id: 'I8',
  promise: 'After the receipt of a rollback no forward effect on any host, ever, counted per host from its fence.',
  judge: (record) => record.client.filter(({ kind, op }) => kind === 'ok' && op === 'rollback').flatMap((rollback) => forwardAfter(record, rollback)),
};

function forwardAfter({ events, effects }: ChaosRecord, { release, mark, atMs }: ClientEntry): readonly Found[] {
  const started = events.find(({ event }) => event.type === 'rollback-started' && event.data.reason === mark);
  if (started === undefined || started.event.type !== 'rollback-started') return [];
  const { epoch, batches } = started.event.data;
  const touched = new Set(batches.flat());
  const fencedMs = (host: string): number => effects.find((effect) => effect.kind === 'fenced' && effect.host === host && effect.epoch >= epoch)?.atMs ?? Number.POSITIVE_INFINITY;
  const forward = effects.filter((effect) => effect.kind === 'done' && isStepEffect(effect) && isForwardOf(effect.opId, release));
  // A host in none of the batches is never fenced: nothing had been begun on it, and nothing may be begun any more.
  return forward.filter((effect) => effect.atMs > (touched.has(effect.host) ? Math.max(atMs, fencedMs(effect.host)) : atMs))
    .map((effect) => ({ what: `${effect.what} went forward on ${effect.host} after the rollback of release ${release} was acknowledged`, atMs: effect.atMs }));
}

function isForwardOf(opId: string, release: string | null): boolean {
  const operation = operationOf(opId);
  return operation.release === release && operation.direction === 'forward';
}
