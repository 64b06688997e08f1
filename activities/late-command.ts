/** A worker that was frozen or cut off comes too late with what it had in hand: it effects nothing, and its refusal is an event. */
import { StaleEpoch } from '../db/errors.ts';
import { noteRefusal } from '../db/refusals.ts';
import { asTemporal, StaleEpochOnHost } from './failures.ts';
import type { ActivityDeps } from './deps.ts';
import type { LateCommand } from '../db/refusals.ts';

type Late = StaleEpoch | StaleEpochOnHost;

export function isLate(error: unknown): error is Late {
  return error instanceof StaleEpoch || error instanceof StaleEpochOnHost;
}

/** Throws what Temporal is told: a failure that is nobody's fault and is never tried again. */
export async function refused(deps: ActivityDeps, { release, host, epoch, direction, round, step }: Omit<LateCommand, 'sentence'>, error: Late): Promise<never> {
  try {
    await noteRefusal(deps.db, { release, host, epoch, direction, round, step, sentence: error.message });
  } catch (storeError) {
    throw asTemporal(storeError);
  }
  throw asTemporal(error);
}
