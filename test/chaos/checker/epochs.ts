/** I4: nobody outdated acts. A stale balancer write that is reversed soon is counted and published; it breaks the rule when it stands. */
import { isStepEffect } from './record.ts';
import type { Found, Rule } from './judge.ts';
import type { ChaosRecord, Effect } from './record.ts';

/** a stale balancer write must be reversed within this */
export const STALE_WRITE_MS_MAX = 2_000;

export const epochs: Rule = {
  id: 'I4',
  promise: 'No effect with an epoch lower than one seen before on that host.',
  judge: (record) => staleEffects(record).filter((effect) => !isReversed(record, effect)).map(sentence),
};

/** For the report: stale balancer writes that got through and were reversed in time. */
export function staleWritesReversed(record: ChaosRecord): number {
  return staleEffects(record).filter((effect) => isReversed(record, effect)).length;
}

/** A fence counts as seen from its end; an effect in the same 10 ms of the clock may have come before. */
function staleEffects({ effects }: ChaosRecord): readonly Effect[] {
  return [...Map.groupBy(effects, ({ host }) => host).values()].flatMap((own) => {
    const raised = own.filter(({ kind }) => kind !== 'begun');
    return own.filter((effect) => effect.kind === 'done' && isStepEffect(effect) && raised.some(({ atMs, epoch }) => atMs < effect.atMs && epoch > effect.epoch));
  });
}

function isReversed({ effects, samples }: ChaosRecord, { what, host, atMs, mark, epoch }: Effect): boolean {
  if (what !== 'drain' && what !== 'admit') return false;
  const untilMs = atMs + STALE_WRITE_MS_MAX;
  const rewritten = effects.some((other) => other.host === host && other.kind === 'done' && other.epoch > epoch && other.atMs >= atMs && other.atMs <= untilMs && (other.what === 'drain' || other.what === 'admit'));
  const shown = samples.some((sample) => sample.atMs > atMs && sample.atMs <= untilMs && sample.servers.some((server) => server.host === host && server.admin !== mark));
  return rewritten || shown;
}

function sentence({ what, opId, epoch, host, atMs }: Effect): Found {
  return { what: `${what} of ${opId} took effect on ${host} under epoch ${epoch}, which was void`, atMs };
}
