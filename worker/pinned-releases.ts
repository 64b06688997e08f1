/** Temporal's side of builds: which one begins workflows, and which one a running workflow is pinned to. */
import { unfinishedReleases } from '../db/release-list.ts';
import { releaseWorkflowId } from '../workflows/messages.ts';
import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import type { Database } from '../db/client.ts';

export interface PinnedReleasesDeps {
  readonly db: Database;
  readonly client: Client;
  readonly deployment: string;
  readonly build: string;
}

export interface MovedRelease {
  readonly release: string;
  readonly from: string;
}

/** Numbers of `temporal.api.workflow.v1.VersioningOverride.PinnedOverrideBehavior`, `temporal.api.enums.v1` and gRPC. */
const PINNED = 1;
const ROUTING_IN_PROGRESS = 1;
const QUEUE_TYPES = { workflow: 1, activity: 2 } as const;
const NOT_FOUND = 5;
const AT_ONCE = 10;

/** Temporal does not hand out all kinds of work to this build yet. */
export class NotKnownYet extends Error {
  override readonly name = 'NotKnownYet';
}

/**
 * Returns once Temporal knows this build's task queues for releases and for their steps. Each is registered by the first worker that asks
 * for work there, one after the other: a release that began in between would wait for steps that are handed to nobody. Throws NotKnownYet.
 */
export async function knownToTemporal({ client, deployment, build }: PinnedReleasesDeps): Promise<void> {
  const { workflowService, options: { namespace } } = client;
  const { versionTaskQueues, workerDeploymentVersionInfo } = await workflowService
    .describeWorkerDeploymentVersion({ namespace, deploymentVersion: { deploymentName: deployment, buildId: build } })
    .catch((error: unknown) => {
      if ((error as { readonly code?: number }).code === NOT_FOUND) throw new NotKnownYet('Temporal knows no worker of this build yet');
      throw error;
    });
  const known = new Set([...(versionTaskQueues ?? []), ...(workerDeploymentVersionInfo?.taskQueueInfos ?? [])].map(({ type }) => type));
  const missing = Object.entries(QUEUE_TYPES).flatMap(([name, type]) => (known.has(type) ? [] : [`${name} tasks`]));
  if (missing.length > 0) throw new NotKnownYet(`Temporal hands out no ${missing.join(' and no ')} to this build yet`);
}

/** Throws NotKnownYet while some task queues have not heard which build begins releases. */
export async function heardOfByQueues({ client, deployment }: PinnedReleasesDeps): Promise<void> {
  const { workerDeploymentInfo } = await client.workflowService.describeWorkerDeployment({ namespace: client.options.namespace, deploymentName: deployment });
  if (workerDeploymentInfo?.routingConfigUpdateState === ROUTING_IN_PROGRESS) throw new NotKnownYet("Temporal's task queues have not all heard yet which build begins releases");
}

/**
 * Makes the build the one that begins workflows. Answers the one that did so before, '' when there was none, null when it is this build
 * already. Throws what Temporal answers while it does not know the build yet.
 */
export async function beginWith({ client, deployment, build }: PinnedReleasesDeps): Promise<string | null> {
  const { workflowService, options: { namespace } } = client;
  const { workerDeploymentInfo } = await workflowService.describeWorkerDeployment({ namespace, deploymentName: deployment });
  const was = workerDeploymentInfo?.routingConfig?.currentDeploymentVersion?.buildId ?? '';
  if (was === build) return null;
  // Task queues of the older build that this one does not serve are no hindrance: slices and releases share one.
  await workflowService.setWorkerDeploymentCurrentVersion({ namespace, deploymentName: deployment, buildId: build, ignoreMissingTaskQueues: true });
  return was;
}

/**
 * Every running release and slice that is pinned to one of these builds is pinned to this one instead. That is safe because every build
 * can go on with the histories of the ones before: changed paths are behind patches, and recorded histories are replayed in the tests.
 */
export async function moveDeserted(deps: PinnedReleasesDeps, deserted: ReadonlySet<string>): Promise<readonly MovedRelease[]> {
  const releases = await unfinishedReleases(deps.db);
  const moved: MovedRelease[] = [];
  for (let index = 0; index < releases.length; index += AT_ONCE) {
    const some = await Promise.all(releases.slice(index, index + AT_ONCE).map(async (release) => (await moveTree(deps, releaseWorkflowId(release), deserted)).map((from) => ({ release, from }))));
    moved.push(...some.flatMap((ones) => ones.slice(0, 1)));
  }
  return moved;
}

/** The builds that the workflow and its children were moved from. */
async function moveTree(deps: PinnedReleasesDeps, workflowId: string, deserted: ReadonlySet<string>): Promise<readonly string[]> {
  const described = await describe(deps.client, workflowId);
  if (described === null || described.status.name !== 'RUNNING') return [];
  const moved: string[] = [];
  const build = buildOf(described);
  if (build !== null && deserted.has(build)) {
    await pin(deps, workflowId);
    moved.push(build);
  }
  for (const { workflowId: child } of described.raw.pendingChildren ?? []) if (child) moved.push(...(await moveTree(deps, child, deserted)));
  return moved;
}

/** null: Temporal knows no such workflow; the watch over releases tells of that. */
async function describe(client: Client, workflowId: string): Promise<WorkflowExecutionDescription | null> {
  return client.workflow.getHandle(workflowId).describe().catch((error: unknown) => {
    if ((error as Error).name === 'WorkflowNotFoundError' || (error as { readonly code?: number }).code === NOT_FOUND) return null;
    throw error;
  });
}

/** null: it runs on no particular build. */
function buildOf({ raw }: WorkflowExecutionDescription): string | null {
  const info = raw.workflowExecutionInfo?.versioningInfo;
  return info?.versioningOverride?.pinned?.version?.buildId || info?.deploymentVersion?.buildId || null;
}

async function pin({ client, deployment, build }: PinnedReleasesDeps, workflowId: string): Promise<void> {
  await client.workflowService.updateWorkflowExecutionOptions({
    namespace: client.options.namespace,
    workflowExecution: { workflowId },
    workflowExecutionOptions: { versioningOverride: { pinned: { behavior: PINNED, version: { deploymentName: deployment, buildId: build } } } },
    updateMask: { paths: ['versioning_override'] },
  });
}
