/** Starts the workflow of a release again, from its log. A message that comes twice finds the workflow it started. */
import { WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError } from '@temporalio/client';
import { getRepair, settleRepair } from '../db/repairs.ts';
import { loadReleaseRequest } from '../db/requests.ts';
import { hasEnded } from '../db/watchdog-facts.ts';
import { RELEASE_WORKFLOW, releaseWorkflowId } from '../workflows/messages.ts';
import type { WorkflowExecutionDescription } from '@temporalio/client';
import type { Repair } from '../db/repairs.ts';
import type { DispatcherDeps } from './dispatcher.ts';

/** Names the repair a workflow was started for. */
const MEMO = 'adoption';

export async function adopt(deps: DispatcherDeps, release: string, repairId: string): Promise<void> {
  const { db } = deps;
  const repair = await getRepair(db, repairId);
  if (repair === null || repair.state !== 'asked') return;
  if (await hasEnded(db, release)) return settleRepair(db, repairId, { state: 'refused', outcome: `Release ${release} has ended meanwhile; there is nothing to adopt.` });
  const run = await describe(deps, release);
  if (run?.memo?.[MEMO] === repairId) return;
  if (run?.status.name === 'RUNNING' && repair.about.terminate !== true) {
    return settleRepair(db, repairId, { state: 'refused', outcome: `The workflow of release ${release} runs again; it needs no adoption.` });
  }
  await start(deps, release, repair);
}

async function describe({ client }: DispatcherDeps, release: string): Promise<WorkflowExecutionDescription | null> {
  try {
    return await client.workflow.getHandle(releaseWorkflowId(release)).describe();
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return null;
    throw error;
  }
}

/** A workflow that cannot go on is ended by the same call that starts the new one: there are never two. */
async function start({ client, taskQueue, db }: DispatcherDeps, release: string, { id, reason, actor, about }: Repair): Promise<void> {
  const pool = (await loadReleaseRequest(db, release))?.request.pool ?? '';
  const adoption = { id, reason, by: actor, ...(about.epochAbove === undefined ? {} : { epochAbove: about.epochAbove }) };
  try {
    await client.workflow.start(RELEASE_WORKFLOW, {
      workflowId: releaseWorkflowId(release),
      taskQueue,
      args: [{ release, adoption }],
      workflowIdReusePolicy: 'ALLOW_DUPLICATE',
      workflowIdConflictPolicy: about.terminate === true ? 'TERMINATE_EXISTING' : 'FAIL',
      memo: { [MEMO]: id },
      staticSummary: `adopted: ${release} on ${pool}`,
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}
