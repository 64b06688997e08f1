/** Runs a large batch as several slices side by side and adds up what they report. */
import { ChildWorkflowCancellationType, condition, ParentClosePolicy, startChild } from '@temporalio/workflow';
import { haltSignal, holdSignal, sliceWorkflowId } from './messages.ts';
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
  const done = { value: false };
  const relaying = relay(run, handles, done);
  const results = await Promise.all(handles.map((handle) => handle.result())).finally(() => void (done.value = true));
  await relaying;
  return results.reduce(add);
}

/** Pause, resume and stop reach every slice; each is told only what changed. */
async function relay(run: Run, handles: readonly ChildWorkflowHandle<typeof slice>[], done: { readonly value: boolean }): Promise<void> {
  let held = false;
  for (;;) {
    await condition(() => done.value || (run.state.paused !== null) !== held || run.state.aborting !== null);
    if (done.value) return;
    if (run.state.aborting !== null) {
      await Promise.allSettled(handles.map((handle) => handle.signal(haltSignal)));
      return;
    }
    held = run.state.paused !== null;
    await Promise.allSettled(handles.map((handle) => handle.signal(holdSignal, held)));
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
