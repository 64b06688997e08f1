/** The Temporal worker inside a site: it has the one activity that calls a host, and no workflows. */
import { Worker } from '@temporalio/worker';
import { createSiteActivities } from '../activities/call-host.ts';
import { siteQueue } from '../domain/site.ts';
import { WORKER_OPTIONS } from './release-worker.ts';
import type { NativeConnection } from '@temporalio/worker';
import type { SiteDeps } from '../activities/call-host.ts';
import type { SiteConfig } from '../config.ts';

export interface SiteWorkerDeps extends SiteDeps {
  readonly config: Pick<SiteConfig, 'namespace' | 'taskQueue'>;
  readonly connection: NativeConnection;
  readonly site: string;
}

/** Always as many, and more than a queue has partitions by default: whoever asks Temporal whether the site is worked for is told of one partition. */
const POLLERS = 5;

export function createSiteWorker({ config, connection, site, executorFor, keys }: SiteWorkerDeps): Promise<Worker> {
  return Worker.create({
    connection,
    namespace: config.namespace,
    taskQueue: siteQueue(config.taskQueue, site),
    activities: { ...createSiteActivities({ executorFor, keys }) },
    ...WORKER_OPTIONS,
    activityTaskPollerBehavior: { type: 'simple-maximum', maximum: POLLERS },
  });
}
