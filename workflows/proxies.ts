/** How activities are called: one group per kind of work, which differ in time limits and retries. */
import { ActivityCancellationType, proxyActivities } from '@temporalio/workflow';
import type { Activities } from '../activities/activities.ts';

/** Our own outages must not fail a release: an activity is tried for a day, and tells on the way what it waits for. */
const PATIENCE = '24h';

/** The host is fenced instead of waiting for a cancelled attempt, so cancelling returns at once. */
const onTargets = {
  startToCloseTimeout: '2h',
  scheduleToCloseTimeout: PATIENCE,
  heartbeatTimeout: '3s',
  cancellationType: ActivityCancellationType.TRY_CANCEL,
  retry: { initialInterval: '200ms', backoffCoefficient: 2, maximumInterval: '5s' },
} as const;

/** Writing down decisions: short, and repeated until the database has them. */
export const deciding = (summary: string) =>
  proxyActivities<Pick<Activities, 'openRelease' | 'acquirePool' | 'record' | 'makePlan' | 'weighDeadline' | 'comparePool'>>({
    startToCloseTimeout: '20s',
    scheduleToCloseTimeout: PATIENCE,
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    retry: { initialInterval: '100ms', backoffCoefficient: 2, maximumInterval: '3s' },
    summary,
  });

/** Work on many targets at once before any traffic moves, and the audit after it. */
export const surveying = (summary: string) =>
  proxyActivities<Pick<Activities, 'observeTargets' | 'stageTargets' | 'auditTargets'>>({ ...onTargets, summary });

/** One step on one target. */
export const acting = (summary: string) =>
  proxyActivities<Pick<Activities, 'drainTarget' | 'stopTarget' | 'switchTarget' | 'startTarget' | 'verifyTarget' | 'admitTarget' | 'fenceTarget'>>({
    ...onTargets,
    summary,
  });
