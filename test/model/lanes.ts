/** The lanes of a batch, as the workflow runs them, one act on one host at a time, so that anything may happen between two of them. */
import { failuresLeft } from '../../domain/brake.ts';
import { mayTakeOut } from '../../domain/plan/capacity.ts';
import { planOf, progressOf } from '../../domain/release/evolve.ts';
import { isExpired, notBegun } from '../../domain/release/next-rollback-step.ts';
import { afterEnd, NO_STREAK } from '../../domain/release/streak.ts';
import { afterBack, afterForward, serves, stepsBack } from './truth.ts';
import { record } from './world.ts';
import type { CoreEvent } from '../../domain/release/events.ts';
import type { FailedTarget, Failure, Step } from '../../domain/vocabulary.ts';
import type { BatchStep, Running, Work, World } from './world.ts';

/**
 * How the work on a host goes on. `stays`: in the middle of a step. `sick`: its checks fail, before admit or after it. `unreachable`,
 * `slow`: a step fails. `away`: something of ours is. `drift`: somebody changed the host.
 */
export const ENDS = ['stays', 'good', 'sick', 'sick-in-traffic', 'unreachable', 'slow', 'away', 'drift'] as const;
export type End = (typeof ENDS)[number];

/** `steps`: how many are done before the end; `effect`: the step that fails has had its effect. */
export interface Turn {
  readonly end: End;
  readonly steps: number;
  readonly effect: boolean;
}

const SICK: Failure = { class: 'bad-build', code: 'health-timeout', message: 'sick', next: 'fix it' };
const FAILURES: Readonly<Record<Exclude<End, 'stays' | 'good'>, Failure>> = {
  sick: SICK,
  'sick-in-traffic': { ...SICK, afterAdmit: true },
  unreachable: { class: 'host', code: 'unreachable', message: 'gone', next: 'look' },
  slow: { class: 'host', code: 'step-deadline', message: 'slow', next: 'look' },
  away: { class: 'dependency', code: 'balancer-away', message: 'away', next: 'wait' },
  drift: { class: 'host', code: 'drift', message: 'changed', next: 'look' },
};

export function openLanes(world: World, step: BatchStep): World {
  return { ...world, work: { step, pending: step.hosts, running: [], begun: [], untouched: [], succeeded: 0, untouchedOnArrival: 0, failed: [], streak: progressOf(world.state.situation)?.streak ?? NO_STREAK } };
}

/** Each free lane takes the next host it may; when nobody is left the batch has finished. */
export function fillLanes(world: World): World {
  let now = world;
  for (let { work } = now; work !== null && now.state.paused === null && work.running.length < work.step.lanes && work.pending.length > 0; { work } = now) {
    const [host = '', ...pending] = work.pending;
    if (!mayBegin(now, work, host)) {
      now = { ...now, work: { ...work, pending, untouched: [...work.untouched, host] } };
      continue;
    }
    const isForward = work.step.do === 'roll';
    const begun: Work = { ...work, pending, begun: [...work.begun, host], running: [...work.running, { host, todo: work.step.do === 'roll' ? stepsFor(work.step, host) : null }] };
    now = { ...now, work: begun, touched: isForward && !now.touched.includes(host) ? [...now.touched, host] : now.touched };
    now.watch.onBegin(now, host);
  }
  const { work } = now;
  return work !== null && work.running.length === 0 && work.pending.length === 0 ? batchFinished(now, work) : now;
}

function stepsFor(step: Extract<BatchStep, { do: 'roll' }>, host: string): readonly Step[] {
  if (step.readmitted?.includes(host)) return ['admit'];
  const ignored = step.ignored?.[host];
  return ignored === undefined ? step.steps : step.steps.slice(step.steps.indexOf(ignored) + 1);
}

function mayBegin({ state }: World, work: Work, host: string): boolean {
  const { situation, aborting } = state;
  if (aborting !== null || isExpired(situation)) return false;
  if (work.step.do === 'restore') return true;
  if (work.failed.length > failuresMax(state, work.step)) return false;
  const most = state.request.strategy.tolerance.consecutive ?? null;
  if (most !== null && work.step.part === 'whole' && work.streak.longest > most) return false;
  return !progressOf(situation)?.excluded.includes(host);
}

function failuresMax({ situation, request }: World['state'], step: Extract<BatchStep, { do: 'roll' }>): number {
  if (step.part !== 'whole') return 0;
  const failed = progressOf(situation)?.failed.map(({ host }) => host) ?? [];
  return failuresLeft({ tolerance: request.strategy.tolerance, batches: planOf(situation)?.batches ?? [], failed }, step.hosts);
}

function batchFinished(world: World, work: Work): World {
  const { situation, request } = world.state;
  const { step, succeeded, untouchedOnArrival, failed, untouched, streak } = work;
  if (step.do === 'roll') {
    const counted = (request.strategy.tolerance.consecutive ?? null) === null || step.part !== 'whole' ? {} : { streak };
    const finished: CoreEvent = { type: 'batch-finished', data: { index: step.index, part: step.part, round: step.round, succeeded, failed, untouched, ...counted } };
    return record({ ...world, work: null }, [finished]);
  }
  const notReached = untouched.map((host) => ({ host, step: 'fence' as const, failure: notBegun(situation, host) }));
  return record({ ...world, work: null }, [{ type: 'rollback-batch-finished', data: { index: step.index, restored: succeeded, untouched: untouchedOnArrival, failed: [...failed, ...notReached] } }]);
}

/** null: this cannot happen to that host now. */
export function actInLane(world: World, lane: number, turn: Turn): World | null {
  const { work } = world;
  const running = work?.running[lane];
  if (work === null || running === undefined) return null;
  return work.step.do === 'roll' ? forward(world, running, turn) : back(world, running, turn);
}

function forward(world: World, { host, todo }: Running, turn: Turn): World | null {
  const { work } = world;
  const steps = todo ?? [];
  if (work === null || !canEnd(world, host, steps, turn)) return null;
  const wanted = stepsBefore(steps, turn);
  let now = world;
  let done = 0;
  for (const step of steps.slice(0, wanted)) {
    if (step === 'drain' && !hasRoom(now, host)) break;
    now = changed(now, host, step, 'forward');
    done++;
  }
  const left = steps.slice(done);
  if (turn.end === 'stays' || (turn.end === 'good' && left.length > 0)) return done === 0 ? null : moved(now, { host, todo: left });
  if (turn.end === 'good') return ended(now, host, 'succeeded');
  if (done < wanted && turn.end !== 'slow' && turn.end !== 'unreachable') return null;
  return failedForward(now, host, left, turn);
}

/** Checks are asked at `verify`, or once a host serves; `drift` is looked for at first touch. */
function canEnd({ work }: World, host: string, steps: readonly Step[], { end }: Turn): boolean {
  if (work?.step.do !== 'roll') return false;
  if (end === 'sick') return steps.includes('verify');
  if (end === 'sick-in-traffic') return steps.includes('admit') && !work.step.readmitted?.includes(host);
  if (end === 'drift') return steps[0] === 'drain' && work.step.round === 0;
  return steps.length > 0 || end === 'good';
}

function stepsBefore(steps: readonly Step[], { end, steps: count }: Turn): number {
  if (end === 'good') return steps.length;
  if (end === 'sick') return steps.indexOf('verify');
  if (end === 'sick-in-traffic') return steps.indexOf('admit');
  if (end === 'drift') return 0;
  return count % steps.length;
}

function failedForward(world: World, host: string, left: readonly Step[], { end, effect }: Turn): World | null {
  const [step] = left;
  if (step === undefined || end === 'good' || end === 'stays') return null;
  const hasEffect = effect && step !== 'admit' && (step !== 'drain' || hasRoom(world, host)) && end !== 'drift';
  const before = world.truths[host];
  const truth = before === undefined ? undefined : { ...before, begun: step };
  const begun = hasEffect ? changed(world, host, step, 'forward') : { ...world, truths: { ...world.truths, ...(truth === undefined ? {} : { [host]: truth }) } };
  return ended(begun, host, { host, step, failure: FAILURES[end] });
}

/** The look at the floor that every drain takes first. */
function hasRoom({ truths, plan }: World, host: string): boolean {
  const inService = Object.keys(truths).filter((name) => serves(truths[name] as (typeof truths)[string]));
  return mayTakeOut({ floor: plan?.capacity.floor ?? 0, inService, out: host });
}

function back(world: World, { host, todo }: Running, turn: Turn): World | null {
  const truth = world.truths[host];
  const before = world.before[host];
  if (truth === undefined || before === undefined || turn.end === 'drift' || turn.end === 'away' || turn.end === 'sick-in-traffic') return null;
  if (todo === null && turn.end === 'unreachable') return ended(world, host, { host, step: 'fence', failure: FAILURES.unreachable });
  const fenced: World = { ...world, stray: world.stray.filter((one) => one.host !== host) };
  const steps = todo ?? stepsBack(before, truth);
  if (steps === null) return turn.end === 'good' ? ended(fenced, host, 'untouched') : null;
  if ((turn.end === 'sick' && !steps.includes('verify')) || (steps.length === 0 && turn.end !== 'good')) return null;
  const wanted = stepsBefore(steps, turn);
  if (turn.end === 'stays' && todo !== null && wanted === 0) return null;
  const now = steps.slice(0, wanted).reduce((so, step) => changed(so, host, step, 'back'), fenced);
  const left = steps.slice(wanted);
  if (turn.end === 'stays') return moved(now, { host, todo: left });
  if (turn.end === 'good') return ended(now, host, 'succeeded');
  return ended(now, host, { host, step: left[0] ?? 'verify', failure: FAILURES[turn.end] });
}

function changed(world: World, host: string, step: Step, direction: 'forward' | 'back'): World {
  const [truth, before] = [world.truths[host], world.before[host]];
  if (truth === undefined || before === undefined) throw new Error(`The model has no host ${host}`);
  const after: World = { ...world, truths: { ...world.truths, [host]: direction === 'forward' ? afterForward(truth, step, before) : afterBack(truth, step, before) } };
  world.watch.onAct(world, host, after);
  return after;
}

/** One more act of an activity that nobody waits for any more. The balancer refuses it; the host obeys until it is fenced. */
export function actAstray(world: World, which: number): World | null {
  const stray = world.stray[which];
  if (stray === undefined) return null;
  const [step, ...todo] = stray.todo ?? [];
  const others = world.stray.filter((one) => one !== stray);
  if (step === undefined || step === 'drain' || step === 'admit' || step === 'verify') return { ...world, stray: others };
  return { ...changed(world, stray.host, step, 'forward'), stray: [...others, { host: stray.host, todo }] };
}

function moved(world: World, running: Running): World {
  const { work } = world;
  if (work === null) return world;
  return { ...world, work: { ...work, running: work.running.map((one) => (one.host === running.host ? running : one)) } };
}

function ended(world: World, host: string, end: 'succeeded' | 'untouched' | FailedTarget): World {
  const { work } = world;
  if (work === null) return world;
  return {
    ...world,
    work: {
      ...work,
      running: work.running.filter((one) => one.host !== host),
      streak: afterEnd(work.streak, typeof end === 'object'),
      succeeded: work.succeeded + (end === 'succeeded' ? 1 : 0),
      untouchedOnArrival: work.untouchedOnArrival + (end === 'untouched' ? 1 : 0),
      failed: typeof end === 'object' ? [...work.failed, end] : work.failed,
    },
  };
}
