/** A part of a large batch as a workflow of its own, so that no history grows with the pool. It decides nothing: its release does. */
import { allHandlersFinished, condition, getExternalWorkflowHandle, patched, setHandler, workflowInfo } from '@temporalio/workflow';
import { haltSignal, holdSignal, sliceFailuresSignal, sliceHeldSignal, sliceQuietSignal } from './messages.ts';
import { runLanes } from './lanes.ts';
import { restoreTarget, rollTarget } from './target.ts';
import type { Streak } from '../domain/release/streak.ts';
import type { Ends, LaneResult } from './lanes.ts';
import type { TargetWork } from './target.ts';

export interface SliceWork extends TargetWork {
  readonly kind: 'roll' | 'restore';
  readonly hosts: readonly string[];
  readonly lanes: number;
  /** no further host is begun after more failures than this, in all slices together; null = no limit */
  readonly failuresMax: number | null;
  /** failures in a row before the first host, and how many are tolerated; absent: nobody counts. Each slice counts the order of its own hosts */
  readonly streak?: Streak;
  readonly streakMax?: number;
}

/** No further host is begun: the brake will speak. */
export function isTooMany({ kind, failuresMax, streakMax }: SliceWork, { failed, unknown, streak }: Ends): boolean {
  return (kind === 'roll' && unknown > 0) || (failuresMax !== null && failed > failuresMax) || (streakMax !== undefined && streak.longest > streakMax);
}

export async function slice(work: SliceWork): Promise<LaneResult> {
  let held = false;
  let halted = false;
  let inWork = 0;
  let failures = 0;
  const { workflowId, parent } = workflowInfo();
  const hold = async (on: boolean, turn: number): Promise<void> => {
    held = on;
    if (held && parent && patched('slices-say-held')) await getExternalWorkflowHandle(parent.workflowId).signal(sliceHeldSignal, workflowId, turn);
    await condition(() => !held || inWork === 0);
    if (held && parent) await getExternalWorkflowHandle(parent.workflowId).signal(sliceQuietSignal, workflowId, turn);
  };
  /** The others are stopped by the release as soon as all slices together have too many failures. */
  const tellFailure = async (): Promise<void> => {
    failures++;
    if (parent && patched('slices-tell-failures')) await getExternalWorkflowHandle(parent.workflowId).signal(sliceFailuresSignal, workflowId, failures);
  };
  setHandler(holdSignal, hold, { description: 'From the release: pause or go on' });
  setHandler(haltSignal, () => void (halted = true), { description: 'From the release: begin no further host' });
  const { kind, hosts, lanes, failuresMax: _all, streak, streakMax: _inARow, ...target } = work;
  const result = await runLanes({
    hosts,
    lanes,
    streak,
    mayBegin: async (_host, ends) => {
      await condition(() => !held || halted);
      return !halted && !isTooMany(work, ends);
    },
    work: async (host) => {
      inWork++;
      try {
        const end = await (kind === 'roll' ? rollTarget(host, target) : restoreTarget(host, target));
        if (kind === 'roll' && typeof end === 'object') await tellFailure();
        return end;
      } finally {
        inWork--;
      }
    },
  });
  await condition(allHandlersFinished);
  return result;
}
