/**
 * What a release does next. The workflow asks, does it, and asks again; nobody else decides what comes after what. A `record` step
 * only writes decisions down; a wait always says until when and for what.
 */
import { batchesLeft, waitsAfter } from './batch-order.ts';
import { crossingsOf } from './crossings.ts';
import { brakeEvents } from './failure-policy.ts';
import { asksForPromotion } from './promotion.ts';
import { isSignOffOpen } from './sign-off.ts';
import { bakeEndMs } from './progress.ts';
import { nextRollbackStep } from './next-rollback-step.ts';
import { hostsBack, notJoined, outOfService, startRollback } from './start-rollback.ts';
import { isTerminal, STEPS } from '../vocabulary.ts';
import type { Step } from '../vocabulary.ts';
import type { Waits } from '../plan/waits.ts';
import type { CoreEvent, Debt, Part, Resumed } from './events.ts';
import type { DecideContext } from './decide.ts';
import type { PostRelease, Preparing, Progress, ReleaseState, Rolling, Situation } from './state.ts';

export type NextStep =
  | { readonly do: 'record'; readonly events: readonly CoreEvent[] }
  | { readonly do: 'acquire' }
  | { readonly do: 'observe'; readonly hosts: readonly string[] }
  | { readonly do: 'plan' }
  | { readonly do: 'stage'; readonly hosts: readonly string[] }
  | { readonly do: 'roll'; readonly index: number; readonly part: Part; readonly round: number; readonly hosts: readonly string[]; readonly lanes: number; readonly steps: readonly Step[]; readonly ignored?: Readonly<Record<string, Step>>; readonly readmitted?: readonly string[]; readonly resumed?: Readonly<Record<string, Resumed>>; readonly hookRounds?: Readonly<Record<string, number>> }
  | { readonly do: 'restore'; readonly index: number; readonly hosts: readonly string[]; readonly lanes: number }
  | { readonly do: 'compare' }
  | { readonly do: 'audit'; readonly hosts: readonly string[] }
  | { readonly do: 'wait'; readonly for: WaitReason; readonly untilMs: number | null }
  | { readonly do: 'done' };

export type WaitReason = 'pool' | 'resume' | 'promote' | 'sign-off' | 'bake' | 'rest';

/** What a batch has begun that the log does not know yet; between batches nothing. */
export type AtWork = Pick<DecideContext, 'inWork' | 'begunNow'>;

const NOBODY: AtWork = { inWork: [], begunNow: [] };

/** `nowMs` is the workflow's clock, epoch milliseconds. Always yields a step; in a terminal state `done`. */
export function nextStep(state: ReleaseState, nowMs: number, atWork: AtWork = NOBODY): NextStep {
  const { situation } = state;
  if (isTerminal(situation.status)) return { do: 'done' };
  if (state.paused !== null) return whilePaused(state, nowMs, atWork);
  if (situation.status === 'rolling-back') return nextRollbackStep(state, situation, nowMs);
  if (state.aborting !== null && !isBatchAtHand(situation)) return abortStep(state, state.aborting.reason);
  switch (situation.status) {
    case 'queued':
      return situation.behind === null ? { do: 'acquire' } : { do: 'wait', for: 'pool', untilMs: null };
    case 'preparing':
      return prepareStep(state, situation);
    case 'pre-release':
    case 'releasing':
      return rollStep(state, situation, nowMs);
    case 'post-release':
      return postReleaseStep(situation, state, nowMs);
    default:
      return { do: 'done' };
  }
}

/** An abort waits for the end of the batch at hand: only then the log knows which of its hosts are finished and which are out of service. */
function isBatchAtHand(situation: Situation): boolean {
  return (situation.status === 'pre-release' || situation.status === 'releasing') && situation.progress.stage === 'rolling';
}

/** A pause never ends by itself; at its deadline the strategy says what to do instead. */
function whilePaused(state: ReleaseState, nowMs: number, atWork: AtWork): NextStep {
  const paused = state.paused;
  if (paused === null) return { do: 'done' };
  if (paused.deadline === null) return { do: 'wait', for: 'resume', untilMs: null };
  const untilMs = Date.parse(paused.deadline);
  if (nowMs < untilMs) return { do: 'wait', for: 'resume', untilMs };
  const expired: CoreEvent = { type: 'pause-expired', data: { then: paused.then } };
  const reason = `The pause "${paused.reason}" reached its deadline ${paused.deadline}`;
  if (paused.then === 'abort') return { do: 'record', events: [expired, { type: 'abort-started', data: { reason } }] };
  if (paused.then !== 'rollback' || state.situation.status === 'rolling-back') return { do: 'record', events: [expired] };
  const back = startRollback(state, { cause: 'pause-deadline', reason, mode: state.request.strategy.rollback.mode, ...atWork });
  // Nobody is there to say that it may go back across what cannot be undone.
  return { do: 'record', events: crossingsOf(state, hostsBack(back)).length > 0 ? [{ type: 'pause-expired', data: { then: 'stay' } }] : [expired, back] };
}

function abortStep(state: ReleaseState, reason: string): NextStep {
  const { situation } = state;
  if (situation.status !== 'pre-release' && situation.status !== 'releasing' && situation.status !== 'post-release') return { do: 'record', events: [{ type: 'release-aborted', data: { reason } }] };
  const only = outOfService(situation.progress, bastionOf(situation));
  return { do: 'record', events: [startRollback(state, { cause: 'abort', reason, mode: 'regular', inWork: [], then: 'aborted', only })] };
}

function prepareStep(state: ReleaseState, preparing: Preparing): NextStep {
  if (preparing.failed.length > 0) return { do: 'record', events: [preparationFailed(preparing)] };
  if (preparing.inService === null) return { do: 'observe', hosts: state.request.hosts.map(({ name }) => name) };
  if (preparing.plan === null) return { do: 'plan' };
  if (state.request.kind === 'rollback') {
    const reason = state.request.reason ?? `rollback of ${state.request.rollbackOf ?? 'an earlier release'}`;
    return { do: 'record', events: [startRollback(state, { cause: 'release', reason, mode: state.request.mode ?? 'regular', inWork: [] })] };
  }
  if (preparing.plan.batches.length === 0) return { do: 'record', events: [{ type: 'release-succeeded', data: { debt: [] } }] };
  if (!preparing.staged) return { do: 'stage', hosts: preparing.plan.batches.flatMap(({ hosts }) => hosts) };
  return { do: 'record', events: [{ type: 'phase-entered', data: { phase: 'pre-release' } }] };
}

/** Nothing was touched yet, so a release that cannot be prepared simply fails and names every host that stopped it. */
function preparationFailed(preparing: Preparing): CoreEvent {
  const [first] = preparing.failed;
  const hosts = preparing.failed.map(({ host }) => host).join(', ');
  const failure = first?.failure;
  return {
    type: 'release-failed',
    data: {
      failure: {
        class: failure?.class ?? 'host',
        code: failure?.code ?? 'preparation-failed',
        message: `Preparation failed on ${hosts}; no traffic was moved. ${first?.host ?? ''}: ${failure?.message ?? ''}`,
        next: failure?.next ?? 'Repair the hosts and start the release again.',
      },
    },
  };
}

function rollStep(state: ReleaseState, situation: Rolling, nowMs: number): NextStep {
  const { progress, plan } = situation;
  const waits = waitsAfter(state.request.strategy, situation, progress.batch);
  if (situation.status === 'pre-release' && progress.part === 'whole') return enter('release');
  if (progress.stage === 'ready') return startBatch(progress, progress.batch, progress.part, progress.hosts);
  const batch = plan.batches[progress.batch];
  if (batch === undefined) return enter('post-release');
  if (progress.stage === 'rolling') {
    const { hosts, part, round } = progress;
    return { do: 'roll', index: batch.index, part, round, hosts, lanes: batch.lanes, steps: stepsOf(part), ...particularsOf(progress) };
  }
  if (progress.stage === 'settled') {
    const braked = brakeEvents(state, situation, nowMs);
    if (braked.length > 0) return { do: 'record', events: braked };
    if (progress.hosts.length > 0 && !progress.braked) return startBatch(progress, progress.batch, progress.part, progress.hosts);
    if (progress.part !== 'join' && waits.bakeSeconds > 0) {
      return { do: 'record', events: [{ type: 'bake-started', data: { index: batch.index, seconds: waits.bakeSeconds } }] };
    }
  }
  if (progress.stage === 'baking') return bakeStep(progress, nowMs);
  if (progress.stage === 'resting') return restStep(progress, nowMs);
  if (asksForPromotion(state.request.strategy, situation)) return { do: 'wait', for: 'promote', untilMs: null };
  if (isSignOffOpen(state, situation)) return { do: 'wait', for: 'sign-off', untilMs: null };
  return afterBatch(situation, waits);
}

/** What is said of single hosts. Only those of this round count: one whose failure was ignored in an earlier batch is not run again. */
function particularsOf({ hosts, ignored, readmitted = [], resumed, hookRounds }: Progress): Pick<Progress, 'ignored' | 'readmitted' | 'resumed' | 'hookRounds'> {
  const ofHosts = <T>(all: Readonly<Record<string, T>> = {}): Readonly<Record<string, T>> | null => {
    const entries = Object.entries(all).filter(([host]) => hosts.includes(host));
    return entries.length === 0 ? null : Object.fromEntries(entries);
  };
  const [now, on, rounds] = [ofHosts(ignored), ofHosts(resumed), ofHosts(hookRounds)];
  const again = readmitted.filter((host) => hosts.includes(host));
  return { ...(now === null ? {} : { ignored: now }), ...(again.length === 0 ? {} : { readmitted: again }), ...(on === null ? {} : { resumed: on }), ...(rounds === null ? {} : { hookRounds: rounds }) };
}

/** The bastion joins when the release phase begins; after it, and after every batch, the next one with hosts left follows, rested or at once. */
function afterBatch({ status, plan, progress }: Rolling, { pauseSeconds, manual }: Waits): NextStep {
  if (status === 'pre-release') return enter('release');
  if (progress.part === 'install') {
    const out = new Set([...progress.excluded, ...progress.failed.map(({ host }) => host)]);
    const joining = (plan.batches[0]?.hosts ?? []).filter((host) => !out.has(host));
    if (joining.length > 0) return startBatch(progress, 0, 'join', joining);
  }
  const excluded = new Set(progress.excluded);
  const [next] = batchesLeft(plan, progress);
  if (next === undefined) return enter('post-release');
  // Whoever was asked to promote has looked already.
  if (pauseSeconds > 0 && !manual && progress.stage !== 'rested') {
    return { do: 'record', events: [{ type: 'rest-started', data: { index: progress.batch, seconds: pauseSeconds } }] };
  }
  return startBatch({ ...progress, round: 0 }, next.index, 'whole', next.hosts.filter((host) => !excluded.has(host)));
}

function startBatch(progress: Progress, index: number, part: Part, hosts: readonly string[]): NextStep {
  return { do: 'record', events: [{ type: 'batch-started', data: { index, part, round: progress.round, hosts } }] };
}

function enter(phase: 'release' | 'post-release'): NextStep {
  return { do: 'record', events: [{ type: 'phase-entered', data: { phase } }] };
}

function bakeStep(progress: Progress, nowMs: number): NextStep {
  const { bake } = progress;
  if (bake === null || nowMs >= bakeEndMs(bake)) {
    return { do: 'record', events: [{ type: 'bake-finished', data: { index: bake?.index ?? progress.batch, cause: 'time', reason: null } }] };
  }
  return { do: 'wait', for: 'bake', untilMs: bakeEndMs(bake) };
}

function restStep({ bake, batch }: Progress, nowMs: number): NextStep {
  if (bake !== null && nowMs < bakeEndMs(bake)) return { do: 'wait', for: 'rest', untilMs: bakeEndMs(bake) };
  return { do: 'record', events: [{ type: 'rest-finished', data: { index: bake?.index ?? batch, cause: 'time', reason: null } }] };
}

/** Hosts that the log says run the new version; failed, skipped and ignored ones are debt and not audited. */
function inServiceByLog({ begun, failed, excluded, ignored = {} }: Progress): readonly string[] {
  const out = new Set([...failed.map(({ host }) => host), ...excluded, ...Object.keys(ignored)]);
  return begun.filter((host) => !out.has(host));
}

function postReleaseStep({ progress, plan, mismatches }: PostRelease, state: ReleaseState, nowMs: number): NextStep {
  const { watchSeconds } = state.request.strategy.postRelease;
  if (progress.stage === 'ready' && watchSeconds > 0) {
    return { do: 'record', events: [{ type: 'bake-started', data: { index: plan.batches.length, seconds: watchSeconds } }] };
  }
  if (progress.stage === 'baking') return bakeStep(progress, nowMs);
  if (mismatches === null && plan.comparesPool && !state.compared) return { do: 'compare' };
  if (mismatches === null) return { do: 'audit', hosts: inServiceByLog(progress).filter((host) => !state.compared?.left.includes(host)) };
  if (mismatches.length > 0) {
    const reason = `What was observed differs from the log on ${mismatches.map(({ host }) => host).join(', ')}`;
    return { do: 'record', events: [{ type: 'paused', data: { cause: 'audit', reason, deadline: null, then: 'stay' } }] };
  }
  const failed: readonly Debt[] = progress.failed.map(({ host, failure }) => ({ host, cause: 'failed', reason: failure.message }));
  const owed = [...progress.debt, ...failed];
  return { do: 'record', events: [{ type: 'release-succeeded', data: { debt: [...owed, ...leftDebt(state, owed)] } }] };
}

/** Hosts that left the pool meanwhile; one that was debt before stays what it was. */
function leftDebt({ compared, request }: ReleaseState, owed: readonly Debt[]): readonly Debt[] {
  const left = compared?.left.filter((host) => !owed.some((debt) => debt.host === host)) ?? [];
  return left.map((host) => ({ host, cause: 'left', reason: `It was taken out of pool ${request.pool} while the release ran.` }));
}

/** A bastion is installed and proven first and admitted only when it joins. */
export function stepsOf(part: Part): readonly Step[] {
  if (part === 'install') return STEPS.filter((step) => step !== 'admit');
  return part === 'join' ? ['admit'] : STEPS;
}

function bastionOf({ plan, progress }: Rolling | PostRelease): readonly string[] {
  return notJoined(progress, plan.batches[0]?.hosts ?? []);
}
