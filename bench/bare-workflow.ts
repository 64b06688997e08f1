/** What Temporal costs by itself: the activities of a release, as many, in the same order and the same lanes, doing nothing. */
import { proxyActivities } from '@temporalio/workflow';
import type { BareActivities, Segment } from './release-shape.ts';

const { step } = proxyActivities<BareActivities>({ startToCloseTimeout: '20s' });

export async function bare(segments: readonly Segment[]): Promise<void> {
  for (const segment of segments) await runSegment(segment);
}

async function runSegment({ targets, steps, lanes }: Segment): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < targets) {
      next++;
      for (let done = 0; done < steps; done++) await step();
    }
  };
  await Promise.all(Array.from({ length: Math.min(lanes, targets) }, lane));
}
