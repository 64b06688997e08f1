/** Preparation that cannot go on because something of ours is away says so in the log before it is tried again. */
import { appendTargetEvent } from '../db/events.ts';
import { SIGNALBOX } from '../domain/vocabulary.ts';
import { dependencyOf } from './failures.ts';
import type { ActivityDeps } from './deps.ts';

export interface WaitingPlace {
  readonly release: string;
  readonly host: string;
  readonly epoch: number;
  readonly step: 'observe' | 'stage';
}

/** Returns when the error speaks of no dependency; else tells the wait, once per dependency, and throws the error again. */
export async function sayWaiting(deps: ActivityDeps, { release, host, epoch, step }: WaitingPlace, error: unknown): Promise<void> {
  const away = dependencyOf(error);
  if (away === null) return;
  const data = { host, epoch, direction: 'forward', round: 0, step, ...away } as const;
  await appendTargetEvent(deps.db, { release, opId: `${host}/${step}/waiting/${away.dependency}`, actor: SIGNALBOX, event: { type: 'target-step-waiting', data } });
  throw error;
}
