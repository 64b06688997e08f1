/** One message of the outbox to one workflow. Returns when it needs no further delivery; throws to have it delivered again. */
import { WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError, WorkflowUpdateFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { loadReleaseRequest } from '../db/requests.ts';
import { loadCommand, settleCommand } from '../db/commands.ts';
import { adopt } from './adopt.ts';
import { hasEnded } from '../db/watchdog-facts.ts';
import { commandUpdate, FLEET_CHECK_WORKFLOW, fleetCheckWorkflowId, poolGrantedSignal, RELEASE_WORKFLOW, releaseWorkflowId, supersededSignal, WORKFLOW_TASK_TIMEOUT } from '../workflows/messages.ts';
import type { Database } from '../db/client.ts';
import type { ClaimedMessage } from '../db/outbox.ts';
import type { CoreEventData } from '../domain/release/events.ts';
import type { Refusal } from '../domain/release/commands.ts';
import type { DispatcherDeps } from './dispatcher.ts';

/** Longer than a decision takes, well below the time a claim is held. A later answer is not lost: the next delivery finds the same update. */
const DEADLINE_MS = 5_000;

export async function deliver(deps: DispatcherDeps, message: ClaimedMessage): Promise<void> {
  await deps.client.withDeadline(Date.now() + DEADLINE_MS, async () => {
    switch (message.kind) {
      case 'start':
        return start(deps, message.release);
      case 'command':
        return command(deps, message.release, message.payload['commandId'] ?? '');
      case 'adopt':
        return adopt(deps, message.release, message.payload['repair'] ?? '');
      case 'check-fleet':
        return checkFleet(deps, message.release);
      case 'wake':
        return unlessEnded(() => deps.client.workflow.getHandle(releaseWorkflowId(message.release)).signal(poolGrantedSignal));
      case 'supersede':
        return unlessEnded(() => deps.client.workflow.getHandle(releaseWorkflowId(message.release)).signal(supersededSignal, message.payload['by'] ?? 'a newer release'));
      default:
        return unknownKind(message.kind);
    }
  });
}

/** A second start of the same release, also after it has ended, is the first one. */
async function start({ client, taskQueue, db }: DispatcherDeps, release: string): Promise<void> {
  const asked = await loadReleaseRequest(db, release);
  try {
    await client.workflow.start(RELEASE_WORKFLOW, {
      workflowId: releaseWorkflowId(release),
      taskQueue,
      workflowTaskTimeout: WORKFLOW_TASK_TIMEOUT,
      args: [{ release }],
      workflowIdReusePolicy: 'REJECT_DUPLICATE',
      workflowIdConflictPolicy: 'USE_EXISTING',
      staticSummary: asked === null ? release : summaryOf(asked.request),
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}

/** One look that nobody asks for any more is no loss: it ends by itself. */
const CHECK_TIMEOUT = '1h';

async function checkFleet({ client, taskQueue }: DispatcherDeps, check: string): Promise<void> {
  await client.workflow
    .start(FLEET_CHECK_WORKFLOW, { workflowId: fleetCheckWorkflowId(check), taskQueue, args: [{ check }], workflowExecutionTimeout: CHECK_TIMEOUT, workflowIdReusePolicy: 'REJECT_DUPLICATE', workflowIdConflictPolicy: 'USE_EXISTING', staticSummary: 'a look at every host, asked for' })
    .catch((error: unknown) => {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    });
}

/** What Temporal's lists show of a release. */
function summaryOf({ kind, pool, changes, rollbackOf }: CoreEventData['release-requested']): string {
  const what = changes.map(({ application, version }) => `${application} ${version}`).join(', ');
  if (kind === 'rollback') return `roll back ${rollbackOf ?? ''} on ${pool} to ${what}`;
  return `${kind === 'rollout' ? '' : `${kind} `}${what} → ${pool}`;
}

async function command({ client, db }: DispatcherDeps, release: string, id: string): Promise<void> {
  const sent = await loadCommand(db, id);
  if (sent === null || sent.state !== 'accepted') return;
  try {
    await client.workflow.getHandle(releaseWorkflowId(release)).executeUpdate(commandUpdate, { args: [sent.command], updateId: id });
    await settleCommand(db, { id, state: 'applied' });
  } catch (error) {
    const refusal = error instanceof WorkflowNotFoundError ? await gone(db, release) : refusalIn(error);
    if (refusal === null) throw error;
    await settleCommand(db, { id, state: 'refused', reason: refusal.message, refusal });
  }
}

/** The start of every release is delivered before its commands: a run that is gone has ended with its release, or was lost. */
async function gone(db: Database, release: string): Promise<Refusal> {
  if (await hasEnded(db, release)) return { code: 'finished', message: 'The release has ended; its record does not change any more.', allowed: [] };
  const next = `adopt it with \`signalbox repair orphaned-release/${release} --reason ...\`, which can roll back or abort at once`;
  return { code: 'orphaned', message: `The workflow of release ${release} is gone, so nobody can take the command: ${next}.`, allowed: [] };
}

/** null: not refused, but not delivered either. */
function refusalIn(error: unknown): Refusal | null {
  if (!(error instanceof WorkflowUpdateFailedError) || !(error.cause instanceof ApplicationFailure)) return null;
  if (error.cause.type === 'Refused') return error.cause.details?.[0] as Refusal;
  return { code: 'not-allowed', message: `The release could not take the command: ${error.cause.message}`, allowed: [] };
}

async function unlessEnded(send: () => Promise<void>): Promise<void> {
  try {
    await send();
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
  }
}

function unknownKind(kind: never): never {
  throw new Error(`Nobody delivers messages of kind ${String(kind)}`);
}
