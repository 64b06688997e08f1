/** How activities are called: one group per kind of work, which differ in time limits and retries. */
import { ActivityCancellationType, proxyActivities } from '@temporalio/workflow';
import type { Activities } from '../activities/activities.ts';

/**
 * Our own outages must not fail a release: an activity is tried for about a day, and tells on the way what it waits for. Attempts are
 * counted instead of hours, for the days in which no worker runs at all are nobody's failure, and a timer less per activity is some
 * 5 % of what Temporal has to do.
 */
const PATIENCE_MS = 24 * 3_600_000;

/** Retries that begin quickly and settle at one each `maximumIntervalMs`. */
function patient(initialIntervalMs: number, maximumIntervalMs: number) {
  return { initialInterval: initialIntervalMs, backoffCoefficient: 2, maximumInterval: maximumIntervalMs, maximumAttempts: PATIENCE_MS / maximumIntervalMs } as const;
}

/** After so long without a sign of life an activity's worker is taken for dead, and another one goes on. */
const HEARTBEAT_TIMEOUT = '3s';

/** The host is fenced instead of waiting for a cancelled attempt, so cancelling returns at once. */
const onTargets = {
  startToCloseTimeout: '2h',
  heartbeatTimeout: HEARTBEAT_TIMEOUT,
  cancellationType: ActivityCancellationType.TRY_CANCEL,
  retry: patient(200, 5_000),
} as const;

/** Writing down decisions: short, and repeated until the database has them. */
export const deciding = (summary: string) =>
  proxyActivities<Pick<Activities, 'openRelease' | 'acquirePool' | 'record' | 'makePlan' | 'weighDeadline' | 'comparePool'>>({
    startToCloseTimeout: '20s',
    heartbeatTimeout: HEARTBEAT_TIMEOUT,
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    retry: patient(100, 3_000),
    summary,
  });

/** Work on many targets at once before any traffic moves, and the audit after it. */
export const surveying = (summary: string) =>
  proxyActivities<Pick<Activities, 'observeTargets' | 'stageTargets' | 'auditTargets' | 'adoptRelease'>>({ ...onTargets, summary });

/** One step on one target. */
export const acting = (summary: string) =>
  proxyActivities<Pick<Activities, 'drainTarget' | 'stopTarget' | 'switchTarget' | 'startTarget' | 'verifyTarget' | 'admitTarget' | 'fenceTarget'>>({
    ...onTargets,
    summary,
  });

/** The small parts of a fleet check. */
export const counting = (summary: string) =>
  proxyActivities<Pick<Activities, 'planFleetCheck' | 'finishCheck'>>({ startToCloseTimeout: '30s', heartbeatTimeout: HEARTBEAT_TIMEOUT, retry: patient(100, 3_000), summary });

/** Some hosts of a fleet check. One that is given up ends the whole check: the next one begins anew, and nothing waits for this one. */
export const checking = (summary: string) =>
  proxyActivities<Pick<Activities, 'checkHosts'>>({ startToCloseTimeout: '10m', heartbeatTimeout: HEARTBEAT_TIMEOUT, retry: { ...patient(200, 5_000), maximumAttempts: 20 }, summary });
