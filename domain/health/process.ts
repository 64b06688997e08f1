/** Whether what runs is what this release started. Asked with every probe of every kind: an answer counts only from that process. */
import type { ObservedProcess } from '../release/target.ts';

/** `exited`: nothing of ours runs. `replaced`: something of ours runs, but somebody else started it. Neither heals by waiting. */
export type ProcessVerdict = 'same' | 'exited' | 'replaced';

/** @param started what `start` reported; null: any running process will do, for this release started none or does not know */
export function judgeProcess(started: ObservedProcess | null, seen: ObservedProcess | null): ProcessVerdict {
  if (seen === null) return 'exited';
  if (started === null) return 'same';
  return started.pid === seen.pid && started.startTicks === seen.startTicks && started.bootId === seen.bootId ? 'same' : 'replaced';
}
