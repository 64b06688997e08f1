/**
 * What failures lead to: nothing while they are tolerated, else the brake, and then a rollback, a hold, or a question to a person. A hook
 * with an unknown outcome is always a question, whatever the strategy says and tolerates; behind what cannot be undone a rollback becomes a
 * hold.
 */
import { bastionBrake, brakeOver } from '../brake.ts';
import { isDrift } from '../drift.ts';
import { isUnknown } from './answer.ts';
import { crossed, crossingsOf } from './crossings.ts';
import { startRollback } from './start-rollback.ts';
import type { CountedVerdict } from '../brake.ts';
import type { LatePolicy } from '../inventory.ts';
import type { FailedTarget } from '../vocabulary.ts';
import type { CoreEvent } from './events.ts';
import type { ReleaseState, Rolling } from './state.ts';

type Applied = Extract<CountedVerdict, { applied: true }>;

interface Consequence {
  readonly then: 'rollback' | 'hold' | 'ask';
  readonly sentence: string;
}

/** Empty when the failures are tolerated or the brake already spoke about them. `nowMs` in epoch milliseconds. */
export function brakeEvents(state: ReleaseState, situation: Rolling, nowMs: number): readonly CoreEvent[] {
  const { progress } = situation;
  if (progress.braked || progress.failed.length === 0) return [];
  const skipped = progress.failed.filter(({ failure }) => failure.notNow === 'skip');
  // The strategy has nothing to say about hosts that were not let go: they are left out, and the others are judged as if these had never been begun.
  if (skipped.length > 0) return [{ type: 'targets-skipped', data: { hosts: skipped.map(({ host }) => host), reason: skipped.map(({ failure }) => failure.message).join(' ') } }];
  const unknown = progress.failed.filter(isUnknown).map(({ host }) => host);
  if (unknown.length > 0) {
    const sentence = `A hook was cut off on ${unknown.join(', ')}, and nobody knows whether it took effect.`;
    return [{ type: 'brake-applied', data: { index: progress.batch, hosts: unknown, sentence, then: 'ask' } }, asking(state, situation, null)];
  }
  const kept = progress.failed.filter(({ failure }) => failure.notNow === 'hold');
  if (kept.length > 0) return holdFor(progress.batch, kept);
  const verdict = judge(state, situation, progress.failed);
  if (!verdict.applied) return [];
  const held = judge(state, situation, progress.failed.filter((failed) => !isSilent(failed))).applied ? null : heldCause(progress.failed);
  const { hosts } = verdict;
  const { then, sentence } = held === null ? reversible(state, situation, { then: consequence(state, situation, verdict), sentence: verdict.sentence }) : { then: 'hold' as const, sentence: verdict.sentence };
  const applied: CoreEvent = { type: 'brake-applied', data: { index: progress.batch, hosts, sentence, then } };
  if (then === 'rollback') {
    const { mode } = state.request.strategy.rollback;
    return [applied, startRollback(state, { cause: causeOf(situation), reason: `${sentence} Failed: ${hosts.join(', ')}.`, mode, inWork: [] })];
  }
  if (then === 'ask') return [applied, asking(state, situation, nowMs)];
  return [applied, { type: 'paused', data: { cause: held ?? 'brake', reason: sentence, deadline: null, then: 'stay' } }];
}

/** Whatever is tolerated: nothing went wrong, and a resume asks again. */
function holdFor(index: number, kept: readonly FailedTarget[]): readonly CoreEvent[] {
  const [hosts, sentence] = [kept.map(({ host }) => host), kept.map(({ failure }) => failure.message).join(' ')];
  return [{ type: 'brake-applied', data: { index, hosts, sentence, then: 'hold' } }, { type: 'paused', data: { cause: 'dependency', reason: sentence, deadline: null, then: 'stay' } }];
}

function judge(state: ReleaseState, situation: Rolling, failed: readonly FailedTarget[]): CountedVerdict {
  const { progress, plan } = situation;
  const hosts = failed.map(({ host }) => host);
  if (causeOf(situation) === 'bastion') {
    const verdict = bastionBrake(failed);
    return verdict.applied ? { ...verdict, hosts } : verdict;
  }
  return brakeOver({ tolerance: state.request.strategy.tolerance, batches: plan.batches, batch: progress.batch, failed: hosts, streak: progress.streak?.longest ?? 0 });
}

function causeOf({ progress }: Rolling): 'bastion' | 'tolerance' {
  return progress.part === 'whole' ? 'tolerance' : 'bastion';
}

function consequence({ request: { strategy } }: ReleaseState, situation: Rolling, verdict: Applied): 'rollback' | 'hold' | 'ask' {
  const cause = causeOf(situation);
  if (strategy.onFailure !== 'rollback') return strategy.onFailure;
  if (!strategy.rollback.on.includes(cause)) return 'hold';
  return cause === 'tolerance' && strategy.late != null && isLate(strategy.late, situation, verdict) ? 'ask' : 'rollback';
}

/** What cannot be undone is not undone by itself. */
function reversible(state: ReleaseState, { progress }: Rolling, wanted: Consequence): Consequence {
  const crossings = wanted.then === 'rollback' ? crossingsOf(state, progress.begun) : [];
  if (crossings.length === 0) return wanted;
  return { then: 'hold', sentence: `${wanted.sentence} It is not taken back by itself, because ${crossed(crossings)}.` };
}

/**
 * Near the end a few failures say little against a build that so many hosts run already, and undoing them all would cost more than asking.
 * Hosts that were passed run it, too: the share is of the whole pool, and they are part of it.
 */
function isLate({ afterPercent, failuresMax }: LatePolicy, { plan, progress }: Rolling, { excess }: Applied): boolean {
  const out = new Set([...progress.failed.map(({ host }) => host), ...progress.excluded]);
  const finished = progress.begun.filter((host) => !out.has(host)).length + (plan.skipped?.length ?? 0);
  return finished * 100 >= afterPercent * plan.capacity.hosts && excess <= failuresMax;
}

/** `nowMs` null: the question has no deadline, for no strategy can answer it. */
function asking({ request: { strategy } }: ReleaseState, { progress }: Rolling, nowMs: number | null): CoreEvent {
  const { deadlineHours, then } = strategy.pause;
  const [unknown, failed] = [progress.failed.filter(isUnknown), progress.failed.filter((target) => !isUnknown(target))];
  const asked = [
    ...(failed.length === 0 ? [] : [`Answer for each failed target: retry, ignore, exclude or fail. Failed: ${named(failed)}`]),
    ...(unknown.length === 0 ? [] : [`Answer for each target with a hook that was cut off: done, not-done, retry, exclude or fail. Cut off: ${named(unknown)}`]),
  ];
  const until = nowMs === null ? { deadline: null, then: 'stay' as const } : { deadline: new Date(nowMs + deadlineHours * 3_600_000).toISOString(), then };
  return { type: 'paused', data: { cause: 'ask', reason: asked.join('. '), ...until } };
}

function named(failed: readonly FailedTarget[]): string {
  return failed.map(({ host, step }) => `${host} (${step})`).join(', ');
}

/** Our own dependency, or somebody's hand on the host: such a failure says nothing about the build. */
function isSilent({ failure }: FailedTarget): boolean {
  return failure.class === 'dependency' || isDrift(failure);
}

/** What the brake would not have spoken about without its silent failures holds the release, whatever the strategy. */
function heldCause(failed: readonly FailedTarget[]): 'dependency' | 'drift' {
  return failed.some(({ failure }) => failure.class === 'dependency') ? 'dependency' : 'drift';
}
