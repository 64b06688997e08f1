/** Is anybody there who takes work? Told from the pulse that workers give while they poll and Temporal and the database answer them. */
import type { Look } from './finding.ts';

export interface WorkersSeen {
  /** since the last pulse; null: there never was one */
  readonly pulseAgeMs: number | null;
  /** Temporal answers whoever looks: then a silence is not Temporal's */
  readonly temporalAnswers: boolean;
  /** age of the oldest release that has not ended, null when there is none */
  readonly waitingMs: number | null;
}

/** Pulses come every 5 s; a few may be late. */
export const SILENCE_MS_MAX = 20_000;

export const NO_WORKERS = 'no-workers';

/** While Temporal is away nobody can say whose silence it is: what was found before stays. */
export function lookAtWorkers({ pulseAgeMs, temporalAnswers, waitingMs }: WorkersSeen): Look {
  const isSilent = pulseAgeMs === null ? (waitingMs ?? 0) > SILENCE_MS_MAX : pulseAgeMs > SILENCE_MS_MAX;
  const found = isSilent && temporalAnswers ? [noWorkers(pulseAgeMs)] : [];
  return { kinds: [NO_WORKERS], found, isUnjudged: () => isSilent && !temporalAnswers };
}

function noWorkers(pulseAgeMs: number | null) {
  return {
    id: NO_WORKERS,
    kind: NO_WORKERS,
    subject: 'workers',
    sentence: pulseAgeMs === null ? 'No worker has ever taken work.' : 'No worker takes work: all of them are gone, or none of them reaches Temporal and the database.',
    matters: 'Every release stands where it is and goes on by itself once a worker runs; nothing fails meanwhile, and the time does not count against deadlines.',
    repair: 'signalbox worker',
  } as const;
}
