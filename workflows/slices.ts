/** Runs a large batch as several slices that together keep to its lanes and its tolerance, and adds up what they report. */
import { ChildWorkflowCancellationType, condition, ParentClosePolicy, patched, setHandler, startChild } from '@temporalio/workflow';
import { planSlices, SLICE_MAX } from '../domain/plan/slices.ts';
import { isExpired } from '../domain/release/next-rollback-step.ts';
import { NO_STREAK } from '../domain/release/streak.ts';
import { timerSummary } from './details.ts';
import { haltSignal, holdSignal, sliceFailuresSignal, sliceHeldSignal, sliceQuietSignal, sliceWorkflowId, WORKFLOW_TASK_TIMEOUT } from './messages.ts';
import { slice } from './slice.ts';
import type { ChildWorkflowHandle } from '@temporalio/workflow';
import type { Streak } from '../domain/release/streak.ts';
import type { LaneResult } from './lanes.ts';
import type { Run } from './run.ts';
import type { SliceWork } from './slice.ts';

type Handle = ChildWorkflowHandle<typeof slice>;

/** A slice that has not answered by then, for no worker runs it, holds up nobody's stop. */
const HELD_WITHIN = '10s';

/** The slices of one batch while they run. */
interface Slices {
  readonly run: Run;
  readonly work: SliceWork;
  readonly parts: readonly (readonly string[])[];
  /** the slice that each slot runs, or ran last */
  readonly handles: Handle[];
  readonly ended: Set<string>;
  /** slices that heard of the hold at hand, and those of them that are at rest */
  readonly still: Set<string>;
  readonly quiet: Set<string>;
  /** failed hosts so far, by slice */
  readonly failures: Map<string, number>;
  /** number of the last change of the pause that a slice was told of */
  readonly told: Map<string, number>;
  /** index of the next part without a slice */
  next: number;
  /** slices that are asked for and do not run yet */
  starting: number;
  turn: number;
  held: boolean;
  /** all were told to begin no further host */
  halted: boolean;
}

export async function runSlices(run: Run, work: SliceWork): Promise<LaneResult> {
  const planned = planSlices({ hosts: work.hosts, lanes: work.lanes, hostsMax: SLICE_MAX });
  const slots = planned.slots.length === planned.slices.length || patched('slices-share-lanes') ? planned.slots : planned.slices.map(() => 1);
  const slices: Slices = {
    run, work, parts: planned.slices, handles: [], ended: new Set(), still: new Set(), quiet: new Set(), failures: new Map(), told: new Map(),
    next: slots.length, starting: slots.length, turn: 0, held: false, halted: false,
  };
  if (work.kind === 'roll' && isStopped(slices)) return untouched(work.hosts);
  setHandler(sliceHeldSignal, (sliceId, of) => void (of === slices.turn && slices.still.add(sliceId)), { description: 'From a slice: it begins no further host while it is held' });
  setHandler(sliceQuietSignal, (sliceId, of) => void (of === slices.turn && slices.quiet.add(sliceId)), { description: 'From a slice: it is held, and no host is in work' });
  setHandler(sliceFailuresSignal, (sliceId, failed) => void slices.failures.set(sliceId, failed), { description: 'From a slice: how many of its hosts have failed so far' });
  run.still = () => condition(() => isStill(slices), HELD_WITHIN);
  try {
    return await runSlots(slices, slots);
  } finally {
    run.still = null;
  }
}

async function runSlots(slices: Slices, slots: readonly number[]): Promise<LaneResult> {
  slices.handles.push(...(await Promise.all(slots.map((lanes, slot) => startSlice(slices, slot, lanes)))));
  slices.starting = 0;
  const results = slots.map((lanes, slot) => runSlot(slices, slot, lanes));
  const relaying = relay(slices);
  // A rollback cancels this scope: the results say so, and the relay, which ends for the same reason, must not say it a second time.
  relaying.catch(() => undefined);
  const all = await Promise.all(results);
  await relaying;
  return all.reduce(add);
}

async function startSlice({ run, work, parts, told, turn }: Slices, index: number, lanes: number): Promise<Handle> {
  const hosts = parts[index] ?? [];
  const workflowId = sliceWorkflowId(run.id, `${work.label.replaceAll(' ', '-')}-${run.state.decisions}-${index}`);
  told.set(workflowId, turn);
  return startChild(slice, {
    workflowId,
    workflowTaskTimeout: WORKFLOW_TASK_TIMEOUT,
    args: [{ ...work, hosts, lanes }],
    parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
    cancellationType: ChildWorkflowCancellationType.TRY_CANCEL,
    staticSummary: `${work.label} · ${hosts.length} hosts`,
  });
}

/** One slice after the other, until no part is left; while the release is paused none is begun. */
async function runSlot(slices: Slices, slot: number, lanes: number): Promise<LaneResult> {
  const { run, parts, handles, ended } = slices;
  let sum = untouched([]);
  for (;;) {
    const handle = handles[slot] as Handle;
    sum = add(sum, await handle.result().finally(() => ended.add(handle.workflowId)));
    if (slices.next >= parts.length) return sum;
    await condition(() => !isHeld(run) || isStopped(slices));
    const index = slices.next++;
    if (index >= parts.length) return sum;
    if (isStopped(slices)) {
      sum = add(sum, untouched(parts.slice(index).flat()));
      slices.next = parts.length;
      return sum;
    }
    slices.starting++;
    const begun = await startSlice(slices, index, lanes).finally(() => slices.starting--);
    handles[slot] = begun;
    // The relay may have told everybody to stop while this one was not there yet.
    if (isStopped(slices)) await begun.signal(haltSignal).catch(() => undefined);
  }
}

/** Nothing new is begun: the release ends, or more hosts of all slices together have failed than the brake leaves. */
function isStopped({ run, work, failures }: Slices): boolean {
  if (run.state.aborting !== null || isExpired(run.state.situation) || (work.kind === 'roll' && run.state.situation.status === 'rolling-back')) return true;
  return failures.size > 0 && work.failuresMax !== null && [...failures.values()].reduce((sum, failed) => sum + failed, 0) > work.failuresMax;
}

/** Also while a stop is being decided: what its receipt promises must be true when it is stored. */
function isHeld({ state, stopping }: Run): boolean {
  return state.paused !== null || stopping > 0;
}

/** No slice begins a further host. */
function isStill({ handles, ended, still, starting, halted }: Slices): boolean {
  return halted || (starting === 0 && handles.every(({ workflowId }) => ended.has(workflowId) || still.has(workflowId)));
}

/** Pause, resume and stop reach every slice; each is told only what changed. When all of them are at rest, the release says so. */
async function relay(slices: Slices): Promise<void> {
  const { run, parts, handles, ended, quiet, told } = slices;
  const isDone = (): boolean => slices.next >= parts.length && slices.starting === 0 && handles.every(({ workflowId }) => ended.has(workflowId));
  const atRest = (): boolean => run.state.paused?.quiet === false && slices.starting === 0 && handles.every(({ workflowId }) => ended.has(workflowId) || quiet.has(workflowId));
  const untold = (): readonly Handle[] => (slices.held ? handles.filter(({ workflowId }) => !ended.has(workflowId) && told.get(workflowId) !== slices.turn) : []);
  const changed = (): boolean => isDone() || isStopped(slices) || isHeld(run) !== slices.held || atRest() || untold().length > 0;
  for (;;) {
    const deadline = run.hasPauseClock ? null : (run.state.paused?.deadline ?? null);
    const isChanged = deadline === null ? await condition(changed).then(() => true) : await condition(changed, Math.max(1, Date.parse(deadline) - Date.now()), { summary: timerSummary(run.state) });
    if (isDone()) return;
    if (isStopped(slices)) {
      await Promise.allSettled(handles.map((handle) => handle.signal(haltSignal)));
      slices.halted = true;
      return;
    }
    if (!isChanged) await run.expirePause();
    else if (atRest()) await run.sayQuiet();
    else await tellHold(slices, untold());
  }
}

/** A change of the pause is told to every slice; a slice that began since is told alone. */
async function tellHold(slices: Slices, late: readonly Handle[]): Promise<void> {
  const { run, handles, still, quiet, told } = slices;
  const isNew = isHeld(run) !== slices.held;
  if (isNew) {
    slices.held = isHeld(run);
    slices.turn++;
    still.clear();
    quiet.clear();
  }
  const { held, turn } = slices;
  const audience = isNew ? [...handles] : late;
  for (const { workflowId } of audience) told.set(workflowId, turn);
  await Promise.allSettled(audience.map((handle) => handle.signal(holdSignal, held, turn)));
}

function untouched(hosts: readonly string[]): LaneResult {
  return { succeeded: 0, untouchedOnArrival: 0, failed: [], untouched: hosts, streak: NO_STREAK };
}

function add(one: LaneResult, other: LaneResult): LaneResult {
  return {
    succeeded: one.succeeded + other.succeeded,
    untouchedOnArrival: one.untouchedOnArrival + other.untouchedOnArrival,
    failed: [...one.failed, ...other.failed],
    untouched: [...one.untouched, ...other.untouched],
    streak: longer(one.streak, other.streak),
  };
}

/** A slice of an older build reports none. */
function longer(one: Streak | undefined, other: Streak | undefined): Streak {
  return { last: other?.last ?? 0, longest: Math.max(one?.longest ?? 0, other?.longest ?? 0) };
}
