/** One target as people read it: one word for where it stands, and the error with what to do next. */
import { progressOf } from './evolve.ts';
import type { FlagOwner } from '../flags.ts';
import type { Failure, Step } from '../vocabulary.ts';
import type { ReleaseState } from './state.ts';
import { nextAfter } from './target.ts';
import type { Journey, TargetState } from './target.ts';

export type TargetStatus =
  | 'pending'
  | 'observed'
  | 'staged'
  | 'in-work'
  | 'installed'
  | 'succeeded'
  | 'failed'
  | 'skipped'
  | 'restoring'
  | 'restored'
  | 'untouched'
  | 'unrestored';

/** `attempts` counts rounds begun; `observedVersion` is what each application answered last, not what was intended. */
export interface TargetView {
  readonly host: string;
  readonly zone: string;
  readonly status: TargetStatus;
  readonly step: Step | null;
  readonly attempts: number;
  readonly observedVersion: Readonly<Record<string, string>>;
  readonly error: (Failure & { readonly step: string }) | null;
  /** done, and yet out of traffic: these owners' flags of the host were down when it was to be admitted */
  readonly keptOut?: readonly FlagOwner[];
}

export function targetView(core: ReleaseState, host: string, target: TargetState | undefined): TargetView {
  if (target === undefined) return { host, zone: '', status: 'pending', step: null, attempts: 0, observedVersion: {}, error: null };
  const journey = target.fenced !== null || target.back.begun !== null ? target.back : target.forward;
  const failure = target.back.failure ?? target.forward.failure;
  return {
    host,
    zone: target.zone,
    status: statusOf(core, target),
    step: stepAt(journey),
    attempts: target.forward.begun === null ? 0 : target.forward.round + 1,
    observedVersion: target.observedVersion,
    error: failure === null ? null : { ...failure.failure, step: failure.step },
    ...(journey.keptOut === undefined ? {} : { keptOut: journey.keptOut }),
  };
}

/** The step at hand, or the last one done. */
function stepAt(journey: Journey): Step | null {
  if (journey.begun === null && journey.done.length === 0) return null;
  return journey.done.at(-1) === 'admit' ? 'admit' : nextAfter(journey);
}

function statusOf(core: ReleaseState, target: TargetState): TargetStatus {
  const back = wayBack(core, target);
  if (back !== null) return back;
  if (progressOf(core.situation)?.excluded.includes(target.host)) return 'skipped';
  return wayForward(target, target.forward);
}

function wayForward(target: TargetState, { failure, done, begun }: Journey): TargetStatus {
  if (failure !== null) return 'failed';
  if (done.includes('admit')) return 'succeeded';
  if (done.includes('verify')) return 'installed';
  if (begun !== null) return 'in-work';
  if (target.staged) return 'staged';
  return target.preImage === null ? 'pending' : 'observed';
}

/** null while this target has no part in a rollback. */
function wayBack(core: ReleaseState, target: TargetState): TargetStatus | null {
  const { situation } = core;
  const rollback = 'rollback' in situation ? situation.rollback : null;
  if (rollback === null) return null;
  const index = rollback.batches.findIndex((hosts) => hosts.includes(target.host));
  if (index < 0) return null;
  const unrestored = [...rollback.unrestored, ...('unrestored' in situation ? situation.unrestored : [])];
  if (unrestored.some(({ host }) => host === target.host)) return 'unrestored';
  const over = index < rollback.index || (index === rollback.index && rollback.stage === 'settled') || situation.status !== 'rolling-back';
  if (over) return target.fenced?.untouched ? 'untouched' : 'restored';
  return target.fenced === null ? null : 'restoring';
}
