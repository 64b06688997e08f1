/** How long the machine part of what is left will take; waits for people are not in it. */
import { planOf, progressOf } from './evolve.ts';
import type { ReleaseState } from './state.ts';

/** Seconds of work left: the middle estimate and a careful one. */
export interface Eta {
  readonly p50: number;
  readonly p90: number;
}

/** Until measured durations are folded in, a target is taken to cost 4 s, and 30 s on a bad day. */
const TARGET_SECONDS = { p50: 4, p90: 30 } as const;

export function etaOf({ situation, request }: ReleaseState): Eta | null {
  const plan = planOf(situation);
  if (plan === null || 'finishedAt' in situation) return null;
  const eta = (seconds: number): number => {
    const batches = situation.status === 'rolling-back'
      ? situation.rollback.batches.slice(situation.rollback.index).map((hosts) => ({ hosts, lanes: request.strategy.batches.maxParallel, bakeSeconds: 0 }))
      : plan.batches.slice(progressOf(situation)?.batch ?? 0);
    const work = batches.reduce((sum, { hosts, lanes, bakeSeconds }) => sum + Math.ceil(hosts.length / Math.max(1, lanes)) * seconds + bakeSeconds, 0);
    return work + (situation.status === 'rolling-back' ? 0 : request.strategy.postRelease.watchSeconds);
  };
  return { p50: eta(TARGET_SECONDS.p50), p90: eta(TARGET_SECONDS.p90) };
}
