/** A part of a large batch as a workflow of its own, so that no history grows with the pool. It decides nothing: its release does. */
import { condition, setHandler } from '@temporalio/workflow';
import { haltSignal, holdSignal } from './messages.ts';
import { runLanes } from './lanes.ts';
import { restoreTarget, rollTarget } from './target.ts';
import type { LaneResult } from './lanes.ts';
import type { TargetWork } from './target.ts';

export interface SliceWork extends TargetWork {
  readonly kind: 'roll' | 'restore';
  readonly hosts: readonly string[];
  readonly lanes: number;
  /** no further host is begun after more failures than this; null = no limit */
  readonly failuresMax: number | null;
}

export async function slice(work: SliceWork): Promise<LaneResult> {
  let held = false;
  let halted = false;
  setHandler(holdSignal, (hold) => void (held = hold), { description: 'From the release: pause or go on' });
  setHandler(haltSignal, () => void (halted = true), { description: 'From the release: begin no further host' });
  const { kind, hosts, lanes, failuresMax, ...target } = work;
  return runLanes({
    hosts,
    lanes,
    mayBegin: async (_host, failed) => {
      await condition(() => !held || halted);
      return !halted && (failuresMax === null || failed <= failuresMax);
    },
    work: (host) => (kind === 'roll' ? rollTarget(host, target) : restoreTarget(host, target)),
  });
}
