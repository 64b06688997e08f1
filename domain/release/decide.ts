/**
 * What an operator's command does to a release: events, or a refusal that names what is allowed instead. Pure and synchronous, so
 * the same answer is given by the workflow, by its update validators and, ahead of time, by the API.
 */
import { answered, unanswered, unfitting } from './answer.ts';
import { crossed, crossingsOf } from './crossings.ts';
import { asksForPromotion, awaitsPromotion } from './promotion.ts';
import { anyJump, jumpTo } from './jump.ts';
import { isSignOffOpen } from './sign-off.ts';
import { batchesBack, hostsBack, startRollback } from './start-rollback.ts';
import { isOwnWay, ownWayBack, wayText } from '../strategy-way-back.ts';
import { COMMAND_TYPES } from './commands.ts';
import { planOf } from './evolve.ts';
import { isTerminal } from '../vocabulary.ts';
import type { Command, CommandType, Refusal } from './commands.ts';
import type { Crossing } from './crossings.ts';
import type { Choice, CoreEvent } from './events.ts';
import type { Progress, ReleaseState } from './state.ts';

export interface DecideContext {
  /** ISO 8601 UTC */
  readonly now: string;
  /** targets whose lane is running right now */
  readonly inWork: readonly string[];
  /** hosts begun in the batch at hand, finished ones included */
  readonly begunNow: readonly string[];
}

export type Decision = { readonly events: readonly CoreEvent[] } | { readonly refusal: Refusal };

export function decide(state: ReleaseState, command: Command, context: DecideContext): Decision {
  const decision = refuseAcross(state, command, decideOnly(state, command, context));
  return 'code' in decision ? { refusal: { ...decision, allowed: allowedCommands(state) } } : { events: decision.events };
}

/** The commands that would not be refused now. Ended releases may allow a rollback or retry, which then is a new release. */
export function allowedCommands(state: ReleaseState): readonly CommandType[] {
  if (isTerminal(state.situation.status)) return allowedAfterEnd(state);
  return COMMAND_TYPES.filter((type) => 'events' in decideOnly(state, probe(type, state), { now: state.createdAt, inWork: [], begunNow: [] }));
}

type Only = { readonly events: readonly CoreEvent[] } | Omit<Refusal, 'allowed'>;

function decideOnly(state: ReleaseState, command: Command, context: DecideContext): Only {
  if (isTerminal(state.situation.status)) return refuse('finished', `The release ended as ${state.situation.status}; its record does not change any more.`);
  switch (command.type) {
    case 'pause':
      return pause(state, command.reason, context.now);
    case 'resume':
      return resume(state, command.reason);
    case 'abort':
      return state.aborting ? refuse('already-done', 'The release is being aborted already.') : just({ type: 'abort-started', data: { reason: command.reason } });
    case 'rollback':
      return rollback(state, command, context);
    case 'retry':
      return retry(state, command.targets, command.reason);
    case 'skip':
      return skip(state, command.targets, command.reason, context.begunNow);
    case 'promote':
      return promote(state, command.reason);
    case 'answer':
      return answer(state, command.choices, command.reason);
    case 'approve':
    case 'reject':
      return signOff(state, command.type, command.reason);
    case 'jump':
      return jump(state, command.to, command.reason);
    default:
      return unknownCommand(command);
  }
}

/** Going back across what cannot be undone takes a word of its own, whichever command leads there. An abort says it by itself. */
function refuseAcross(state: ReleaseState, command: Command, decision: Only): Only {
  if ('code' in decision || command.acrossIrreversible === true) return decision;
  const crossings = crossingsOf(state, decision.events.flatMap(hostsBack));
  return crossings.length === 0 ? decision : acrossRefusal(crossings);
}

/** A rollback that nobody has said this about does not happen. */
export function acrossRefusal(crossings: readonly Crossing[]): Omit<Refusal, 'allowed'> {
  return refuse('irreversible', `Here ${crossed(crossings)}. What is put back must bear what it left behind; if it does, send the same again with acrossIrreversible (--across-irreversible).`);
}

function pause(state: ReleaseState, reason: string, now: string): Only {
  if (state.paused) return refuse('already-paused', `The release is paused since ${state.paused.since}: ${state.paused.reason}`);
  if (state.aborting) return aborting();
  const { deadlineHours, then } = state.request.strategy.pause;
  const deadline = new Date(Date.parse(now) + deadlineHours * 3_600_000).toISOString();
  return just({ type: 'paused', data: { cause: 'operator', reason, deadline, then } });
}

function resume(state: ReleaseState, reason: string): Only {
  if (!state.paused) return refuse('not-paused', 'The release is not paused.');
  const progress = rolling(state);
  if (progress && progress.failed.length > 0 && progress.braked) {
    if (state.paused.cause === 'dependency') return retry(state, null, reason);
    const what = state.paused.cause === 'ask' ? 'answer for each of them' : 'retry or skip them';
    return refuse('not-allowed', `The brake holds because of ${names(progress)}: ${what}, or roll back.`);
  }
  return just({ type: 'resumed', data: { reason } });
}

function rollback(state: ReleaseState, command: Extract<Command, { type: 'rollback' }>, { inWork, begunNow }: DecideContext): Only {
  const { situation } = state;
  const mode = command.mode ?? 'regular';
  const own = ownWayBack(state.request);
  if (command.to != null && !isOwnWay(command.to, state.request.changes, own)) {
    return refuse('not-allowed', `The release is still running, and rolling it back returns each host to ${wayText(own)}. Roll it back first; once it has ended, ask for the rollback to ${command.to} again.`);
  }
  if (situation.status !== 'rolling-back') return just(startRollback(state, { cause: 'operator', reason: command.reason, mode, inWork, begunNow }));
  if (mode === 'regular' || situation.rollback.mode === 'emergency') return refuse('already-done', `The release is rolling back since ${situation.rollback.since}.`);
  const left = situation.rollback.batches.slice(situation.rollback.index).flat();
  const batches = batchesBack(state, { mode, inWork, only: left });
  return just({ type: 'rollback-escalated', data: { batches, reason: command.reason } });
}

function retry(state: ReleaseState, targets: readonly string[] | null, reason: string): Only {
  if (state.aborting) return aborting();
  const progress = rolling(state);
  if (!progress || progress.failed.length === 0) return refuse('nothing-to-do', 'No target has failed.');
  if (progress.stage !== 'settled') return refuse('not-allowed', 'The batch is still in work; pause first, or wait until it has settled.');
  const failed = progress.failed.map(({ host }) => host);
  const hosts = targets ?? failed;
  const unknown = hosts.filter((host) => !failed.includes(host));
  if (unknown.length > 0) return refuse('unknown-target', `${unknown.join(', ')} did not fail; failed are ${failed.join(', ')}.`);
  return just({ type: 'targets-retried', data: { hosts, round: progress.round + 1, reason, epoch: 0 } });
}

function skip(state: ReleaseState, targets: readonly string[] | null, reason: string, begunNow: readonly string[]): Only {
  if (state.aborting) return aborting();
  const progress = rolling(state);
  if (!progress) return refuse('not-allowed', 'Targets can be skipped while batches are rolling.');
  const failed = progress.failed.map(({ host }) => host);
  const hosts = targets ?? failed;
  if (hosts.length === 0) return refuse('nothing-to-do', 'No target has failed; name the targets to skip.');
  const passed = planOf(state.situation)?.skipped?.map(({ host }) => host) ?? [];
  const known = new Set(state.request.hosts.map(({ name }) => name).filter((host) => !passed.includes(host)));
  const unknown = hosts.filter((host) => !known.has(host) || progress.excluded.includes(host));
  if (unknown.length > 0) return refuse('unknown-target', `${unknown.join(', ')} is not a target of this release that is still to do.`);
  const tooLate = hosts.filter((host) => (begunNow.includes(host) && !failed.includes(host)) || (progress.begun.includes(host) && !failed.includes(host)));
  if (tooLate.length > 0) return refuse('not-allowed', `${tooLate.join(', ')} is in work or done; only failed targets and those not begun can be skipped.`);
  const events: CoreEvent[] = [{ type: 'targets-skipped', data: { hosts, reason } }];
  if (!state.paused || !progress.braked) return { events };
  const left = progress.failed.filter(({ host }) => !hosts.includes(host));
  if (left.length === 0) events.push({ type: 'resumed', data: { reason } });
  return { events: [...events, ...answered(state, { ...progress, failed: left }, {}, reason)] };
}

/** An answer counts for the host it names and for no other. */
function answer(state: ReleaseState, choices: Readonly<Record<string, Choice>>, reason: string): Only {
  if (state.aborting) return aborting();
  const progress = rolling(state);
  if (!progress || !state.paused || !progress.braked || progress.failed.length === 0) return refuse('nothing-to-do', 'No failed target waits for an answer.');
  const asked = unanswered(progress);
  const hosts = Object.keys(choices);
  const strangers = hosts.filter((host) => !asked.includes(host));
  if (hosts.length === 0 || strangers.length > 0) {
    const which = hosts.length === 0 ? 'No target is named' : `${strangers.join(', ')} waits for no answer`;
    return refuse('unknown-target', `${which}; asked for: ${asked.join(', ')}.`);
  }
  const wrong = unfitting(progress, choices);
  if (wrong.length > 0) return refuse('not-allowed', wrong.join(' '));
  return { events: [{ type: 'failures-answered', data: { choices, reason } }, ...answered(state, progress, choices, reason)] };
}

function signOff(state: ReleaseState, type: 'approve' | 'reject', reason: string): Only {
  if (state.aborting) return aborting();
  const { situation } = state;
  const isOpen = (situation.status === 'pre-release' || situation.status === 'releasing') && isSignOffOpen(state, situation);
  if (!isOpen) return refuse('nothing-to-do', 'Nothing waits for a sign-off.');
  if (type === 'approve') return just({ type: 'bastion-signed-off', data: { reason } });
  const back = startRollback(state, { cause: 'rejected', reason: `The bastion was rejected: ${reason}`, mode: state.request.strategy.rollback.mode, inWork: [] });
  return { events: [{ type: 'bastion-rejected', data: { reason } }, back] };
}

/** It arranges only what has not begun, so it needs nobody to stand still and ends no pause. */
function jump(state: ReleaseState, to: number, reason: string): Only {
  if (state.aborting) return aborting();
  const jumped = jumpTo(state, to, reason);
  return 'code' in jumped ? jumped : just(jumped);
}

function promote(state: ReleaseState, reason: string): Only {
  const { situation } = state;
  if (state.aborting) return aborting();
  if (state.paused) return refuse('not-allowed', 'The release is paused; resume it first.');
  if (situation.status !== 'pre-release' && situation.status !== 'releasing' && situation.status !== 'post-release') return refuse('nothing-to-do', 'No bake is running and no batch waits.');
  const { progress } = situation;
  const events: CoreEvent[] = [];
  const index = progress.bake?.index ?? progress.batch;
  if (progress.stage === 'baking') events.push({ type: 'bake-finished', data: { index, cause: 'promoted', reason } });
  if (progress.stage === 'resting') events.push({ type: 'rest-finished', data: { index, cause: 'promoted', reason } });
  // One word ends the bake and promotes what it was for.
  const asks = progress.stage === 'baking' ? asksForPromotion : awaitsPromotion;
  if (situation.status !== 'post-release' && asks(state.request.strategy, situation)) events.push({ type: 'batch-promoted', data: { index: progress.batch, reason } });
  return events.length > 0 ? { events } : refuse('nothing-to-do', 'No bake or rest is running and no batch waits for promotion.');
}

function allowedAfterEnd(state: ReleaseState): readonly CommandType[] {
  const { situation } = state;
  if (situation.status === 'rollback-incomplete') return ['retry'];
  // A rollback that ended well can itself be taken one further back.
  if (situation.status === 'rolled-back' && state.request.kind === 'rollback') return ['rollback'];
  const touched = 'progress' in situation && situation.progress !== null && situation.progress.begun.length > 0;
  return touched && (situation.status === 'succeeded' || situation.status === 'aborted') ? ['rollback'] : [];
}

function rolling(state: ReleaseState): Progress | null {
  const { situation } = state;
  return situation.status === 'pre-release' || situation.status === 'releasing' ? situation.progress : null;
}

function names(progress: Progress): string {
  return progress.failed.map(({ host }) => host).join(', ');
}

function aborting(): Only {
  return refuse('not-allowed', 'The release is being aborted and starts nothing new.');
}

function just(event: CoreEvent): Only {
  return { events: [event] };
}

function refuse(code: Refusal['code'], message: string): Omit<Refusal, 'allowed'> {
  return { code, message };
}

function probe(type: CommandType, state: ReleaseState): Command {
  const base = { id: 'probe', by: { kind: 'signalbox', name: 'signalbox' }, reason: 'probe' } as const;
  if (type === 'rollback') return { ...base, type, mode: 'emergency' };
  if (type === 'retry' || type === 'skip') return { ...base, type, targets: null };
  if (type === 'jump') return { ...base, type, to: anyJump(state) ?? 0 };
  if (type !== 'answer') return { ...base, type };
  const progress = rolling(state);
  return { ...base, type, choices: Object.fromEntries((progress ? unanswered(progress) : []).slice(0, 1).map((host) => [host, 'exclude'])) };
}

function unknownCommand(command: never): never {
  throw new Error(`decide does not know the command ${JSON.stringify(command)}`);
}
