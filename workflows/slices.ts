/** Runs a large batch as several slices side by side and adds up what they report. */
import { ChildWorkflowCancellationType, condition, ParentClosePolicy, setHandler, startChild } from '@temporalio/workflow';
import { haltSignal, holdSignal, sliceQuietSignal, sliceWorkflowId } from './messages.ts';
import { slice } from './slice.ts';
import type { ChildWorkflowHandle } from '@temporalio/workflow';
import type { LaneResult } from './lanes.ts';
import type { Run } from './run.ts';
import type { SliceWork } from './slice.ts';

/** Hosts per slice: at eight activities each, its history stays under the size at which the server asks for a new run. */
export const SLICE_MAX = 60;

export async function runSlices(run: Run, work: SliceWork): Promise<LaneResult> {
  const count = Math.ceil(work.hosts.length / SLICE_MAX);
  const size = Math.ceil(work.hosts.length / count);
  const lanes = Math.max(1, Math.floor(work.lanes / count));
  const handles = await Promise.all(
    Array.from({ length: count }, (_, index) => {
      const hosts = work.hosts.slice(index * size, (index + 1) * size);
      const name = `${work.label.replaceAll(' ', '-')}-${run.state.decisions}-${index}`;
      return startChild(slice, {
        workflowId: sliceWorkflowId(run.id, name),
        args: [{ ...work, hosts, lanes }],
        parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
        cancellationType: ChildWorkflowCancellationType.TRY_CANCEL,
        staticSummary: `${work.label} · ${hosts.length} hosts`,
      });
    }),
  );
  const ended = new Set<string>();
  const results = handles.map((handle) => handle.result().finally(() => ended.add(handle.workflowId)));
  const relaying = relay(run, work, handles, ended);
  // A rollback cancels this scope: the results say so, and the relay, which ends for the same reason, must not say it a second time.
  relaying.catch(() => undefined);
  const all = await Promise.all(results);
  await relaying;
  return all.reduce(add);
}

/** Pause, resume and stop reach every slice; each is told only what changed. When all of them are at rest, the release says so. */
async function relay(run: Run, work: SliceWork, handles: readonly ChildWorkflowHandle<typeof slice>[], ended: ReadonlySet<string>): Promise<void> {
  const quiet = new Set<string>();
  let held = false;
  let turn = 0;
  setHandler(sliceQuietSignal, (sliceId, of) => void (of === turn && quiet.add(sliceId)), { description: 'From a slice: it is held, and no host is in work' });
  const stops = (): boolean => run.state.aborting !== null || (work.kind === 'roll' && run.state.situation.status === 'rolling-back');
  const atRest = (): boolean => run.state.paused?.quiet === false && handles.every(({ workflowId }) => ended.has(workflowId) || quiet.has(workflowId));
  const changed = (): boolean => ended.size === handles.length || stops() || (run.state.paused !== null) !== held || atRest();
  for (;;) {
    const deadline = run.state.paused?.deadline ?? null;
    const isChanged = deadline === null ? await condition(changed).then(() => true) : await condition(changed, Math.max(1, Date.parse(deadline) - Date.now()));
    if (ended.size === handles.length) return;
    if (stops()) {
      await Promise.allSettled(handles.map((handle) => handle.signal(haltSignal)));
      return;
    }
    if (!isChanged) await run.expirePause();
    else if (atRest()) await run.decide((state) => (state.paused?.quiet === false ? [{ type: 'quiet-reached', data: {} }] : []));
    else {
      held = run.state.paused !== null;
      turn++;
      quiet.clear();
      await Promise.allSettled(handles.map((handle) => handle.signal(holdSignal, held, turn)));
    }
  }
}

function add(one: LaneResult, other: LaneResult): LaneResult {
  return {
    succeeded: one.succeeded + other.succeeded,
    untouchedOnArrival: one.untouchedOnArrival + other.untouchedOnArrival,
    failed: [...one.failed, ...other.failed],
    untouched: [...one.untouched, ...other.untouched],
  };
}
