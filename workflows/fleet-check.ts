/** A look at every host of the inventory, chunk by chunk in a few lanes; a large fleet takes several runs, so that no history grows with it. */
import { continueAsNew, setWorkflowOptions, workflowInfo } from '@temporalio/workflow';
import { checking, counting } from './proxies.ts';
import type { FleetChunks } from '../activities/fleet-check.ts';

export interface FleetCheckInput {
  /** its id in the log; absent: the schedule began it, and it is named like its workflow */
  readonly check?: string;
  /** hosts up to this name were looked at by runs before; only after continue-as-new */
  readonly after?: string;
  readonly counts?: FleetCheckCounts;
}

export interface FleetCheckCounts {
  readonly hosts: number;
  readonly dead: number;
  /** of which nothing could be said */
  readonly unjudged: number;
}

/** Some 20 events each: a run stays below a thousand. */
const CHUNKS_PER_RUN = 40;
/** Chunks under way at once, over all workers. */
const LANES = 4;

// It belongs to no release: whichever build is there goes on with it, so that an upgrade never leaves one behind that keeps the next from
// beginning. Workers that tell Temporal of no builds may say nothing of it.
setWorkflowOptions(() => (workflowInfo().currentDeploymentVersion?.deploymentName ? { versioningBehavior: 'AUTO_UPGRADE' } : {}), fleetCheck);
export async function fleetCheck({ check = workflowInfo().workflowId, after = '', counts: before = { hosts: 0, dead: 0, unjudged: 0 } }: FleetCheckInput = {}): Promise<FleetCheckCounts> {
  const { ranges, more } = await counting('plan').planFleetCheck({ check, after, chunks: CHUNKS_PER_RUN });
  const counts = await lookAt(ranges, before);
  const last = ranges.at(-1);
  if (more && last !== undefined) await continueAsNew<typeof fleetCheck>({ check, after: last.upTo, counts });
  await counting('finish').finishCheck({ check, counts });
  return counts;
}

async function lookAt(ranges: FleetChunks['ranges'], before: FleetCheckCounts): Promise<FleetCheckCounts> {
  let sum = before;
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < ranges.length) {
      const range = ranges[next++] as FleetChunks['ranges'][number];
      const seen = await checking(`hosts up to ${range.upTo}`).checkHosts({ range });
      sum = { hosts: sum.hosts + seen.hosts, dead: sum.dead + seen.dead, unjudged: sum.unjudged + seen.unjudged };
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return sum;
}
