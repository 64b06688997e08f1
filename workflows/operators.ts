/**
 * Everything people can send to a running release. Registered before the first await, so that nothing is lost; refusals are decided
 * synchronously and write no history. Log order decides between operators.
 */
import { ApplicationFailure, CancellationScope, condition, patched, setHandler } from '@temporalio/workflow';
import { decide } from '../domain/release/decide.ts';
import { isTerminal, TEMPORAL_OPERATOR } from '../domain/vocabulary.ts';
import { endsWork } from './pause-clock.ts';
import { acquire } from './prepare.ts';
import { abortSignal, commandUpdate, pauseSignal, poolGrantedSignal, resumeSignal, rollbackSignal, supersededSignal } from './messages.ts';
import type { Command, Refusal } from '../domain/release/commands.ts';
import type { CoreEvent } from '../domain/release/events.ts';
import type { ReleaseState } from '../domain/release/state.ts';
import type { CommandApplied } from './messages.ts';
import type { Run } from './run.ts';

export interface Operators {
  /** waits for the pool, or for a command */
  untilGranted: (seen: number) => Promise<void>;
}

export function listenToOperators(run: Run): Operators {
  let granted = false;
  const operators: Operators = {
    untilGranted: async (seen) => {
      await run.untilChanged(seen, { untilMs: null, summary: '' }, () => granted);
      if (!granted) return;
      granted = false;
      await acquire(run);
    },
  };
  setHandler(commandUpdate, (command) => CancellationScope.nonCancellable(() => apply(run, command)), {
    description: 'Pause, resume, roll back, abort, retry, skip, promote or jump, as the API sends it',
    validator: (command) => validate(run, command),
  });
  const fromTemporal = (type: 'pause' | 'resume' | 'rollback' | 'abort') => (note?: unknown): void => signalled(run, type, note);
  setHandler(pauseSignal, fromTemporal('pause'), { description: 'Start nothing new; targets in work reach a safe point' });
  setHandler(resumeSignal, fromTemporal('resume'), { description: 'Go on after a pause' });
  setHandler(rollbackSignal, fromTemporal('rollback'), { description: 'Put every touched host back as it was' });
  setHandler(abortSignal, fromTemporal('abort'), { description: 'Stop; finished targets keep the new version' });
  setHandler(poolGrantedSignal, () => void (granted = true), { description: 'From Signalbox: the pool is free' });
  setHandler(supersededSignal, (by) => void CancellationScope.nonCancellable(() => supersede(run, by)), { description: 'From Signalbox: a newer release took this place in the queue' });
  CancellationScope.current().cancelRequested.catch(() => signalled(run, 'rollback', 'Cancel was requested in Temporal'));
  return operators;
}

/**
 * Synchronous on purpose: a refusal by the validator leaves no trace in the history. Before the release is open, and while a decision
 * is being written that the operator may have seen already, everything is let in and decided in its turn.
 */
function validate(run: Run, command: Command): void {
  if (!run.isOpen || run.isDeciding || run.handled.has(command.id)) return;
  const decision = decide(run.state, command, run.context());
  if ('refusal' in decision) throw refused(decision.refusal);
}

async function apply(run: Run, command: Command): Promise<CommandApplied> {
  await condition(() => run.isOpen);
  if (run.handled.has(command.id)) return { applied: true, events: [] };
  let refusal: Refusal | null = null;
  const choose = (state: ReleaseState): readonly CoreEvent[] => {
    const decision = decide(state, command, run.context());
    if ('events' in decision) return decision.events;
    refusal = decision.refusal;
    return [];
  };
  const events = await holding(run, command, () => run.decide(choose, command.by, command.id));
  if (refusal !== null) throw refused(refusal);
  run.handled.add(command.id);
  if (endsWork(run, events) || cutsRestores(run)) run.interrupt();
  return { applied: true, events: events.map(({ type }) => type) };
}

/** A stop promises that nothing further is begun from the moment its receipt says `applied`, which is the moment it is stored: what other workflows begin is held before. */
async function holding<T>(run: Run, { type }: Command, decideIt: () => Promise<T>): Promise<T> {
  if ((type !== 'pause' && type !== 'abort') || run.still === null || !patched('slices-held-before-stop')) return decideIt();
  run.stopping++;
  try {
    await run.still();
    return await decideIt();
  } finally {
    run.stopping--;
  }
}

/** A release begun by an older build takes its restores out of their lanes at every command, also at a pause: replayed, it must do so again. */
function cutsRestores({ state }: Run): boolean {
  return state.situation.status === 'rolling-back' && !patched('restores-reach-their-end');
}

/** Signals have no answer: what is refused leaves the release as it is. */
function signalled(run: Run, type: 'pause' | 'resume' | 'rollback' | 'abort', note: unknown): void {
  const reason = typeof note === 'string' && note !== '' ? note.slice(0, 500) : 'sent from Temporal';
  const base = { id: `temporal/${run.revision}/${type}`, by: TEMPORAL_OPERATOR, reason } as const;
  const command: Command = type === 'rollback' ? { ...base, type, mode: null } : { ...base, type };
  const act = async (): Promise<void> => {
    await condition(() => run.isOpen);
    if (!isTerminal(run.state.situation.status)) await apply(run, command);
  };
  CancellationScope.nonCancellable(act).catch(() => undefined);
}

async function supersede(run: Run, by: string): Promise<void> {
  await condition(() => run.isOpen);
  await run.decide((state) =>
    state.situation.status === 'queued' ? [{ type: 'release-rejected', data: { code: 'superseded', reason: `Release ${by} took this one's place in the queue of pool ${state.request.pool}.` } }] : [],
  );
}

function refused(refusal: Refusal): ApplicationFailure {
  return ApplicationFailure.create({ message: refusal.message, type: 'Refused', nonRetryable: true, details: [refusal] });
}
