/** Keeps the schedule of fleet checks at Temporal as this installation wants it: made when it is missing, changed when it differs, ended when it is not wanted. */
import { setTimeout as delay } from 'node:timers/promises';
import { ScheduleAlreadyRunning, ScheduleNotFoundError, ScheduleOverlapPolicy } from '@temporalio/client';
import { FLEET_CHECK_WORKFLOW, fleetScheduleId } from '../workflows/messages.ts';
import type { Client, ScheduleHandle, ScheduleOptions } from '@temporalio/client';
import type { Logger } from 'pino';
import type { Loop } from './dispatcher.ts';

export interface FleetScheduleDeps {
  readonly client: Client;
  readonly taskQueue: string;
  /** between the beginnings of two checks; 0: none begins by itself */
  readonly intervalSeconds: number;
  readonly log: Logger;
  /** default: a minute, so that a schedule that somebody deleted comes back */
  readonly everyMs?: number;
}

const EVERY_MS = 60_000;
const AGAIN_MS = 5_000;
/** Checks that were missed while Temporal was away are not made up for: one look is as good as ten. */
const CATCHUP = '10s';
/** A check whose workers are all gone must not keep the next one from beginning for ever. */
const TIMEOUT = '1h';

export function startFleetSchedule(deps: FleetScheduleDeps): Loop {
  const { log, everyMs = EVERY_MS } = deps;
  const stopping = new AbortController();
  const keep = async (): Promise<number> => {
    try {
      await keepSchedule(deps);
      return everyMs;
    } catch (err) {
      log.warn({ err: String(err) }, 'The schedule of fleet checks cannot be kept at Temporal; trying again');
      return Math.min(AGAIN_MS, everyMs);
    }
  };
  const loop = (async () => {
    while (!stopping.signal.aborted) {
      const nextMs = await keep();
      await delay(nextMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  })();
  return {
    stop: async () => {
      stopping.abort();
      await loop;
    },
  };
}

/** Workers keep it all alike; one of them is the first. A pause that somebody set in Temporal's UI stays. */
async function keepSchedule({ client, taskQueue, intervalSeconds }: FleetScheduleDeps): Promise<void> {
  const handle = client.schedule.getHandle(fleetScheduleId(taskQueue));
  const wanted = scheduleOf(taskQueue, intervalSeconds);
  const intervalMs = await currentIntervalMs(handle);
  if (intervalSeconds === 0) {
    if (intervalMs !== null) await handle.delete();
  } else if (intervalMs === null) {
    await client.schedule.create(wanted).catch((error: unknown) => {
      if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    });
  } else if (intervalMs !== intervalSeconds * 1000) {
    await handle.update((before) => ({ ...before, spec: wanted.spec, action: wanted.action, policies: wanted.policies }));
  }
}

/** Null: there is no such schedule. Zero: it is another one than we make. */
async function currentIntervalMs(handle: ScheduleHandle): Promise<number | null> {
  try {
    const { spec } = await handle.describe();
    const [interval] = spec.intervals ?? [];
    return spec.intervals?.length === 1 && interval !== undefined ? interval.every : 0;
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return null;
    throw error;
  }
}

function scheduleOf(taskQueue: string, intervalSeconds: number) {
  const scheduleId = fleetScheduleId(taskQueue);
  return {
    scheduleId,
    spec: { intervals: [{ every: intervalSeconds * 1000 }] },
    action: { type: 'startWorkflow', workflowType: FLEET_CHECK_WORKFLOW, workflowId: scheduleId, taskQueue, args: [], workflowRunTimeout: TIMEOUT, workflowExecutionTimeout: TIMEOUT, staticSummary: 'a look at every host' },
    policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: CATCHUP },
  } satisfies ScheduleOptions;
}
