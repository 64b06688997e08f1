/** Processor time of the whole machine: nothing that either side starts, here or on its hosts, is left out. */
import { readFileSync } from 'node:fs';

/** Linux shows times in hundredths of a second everywhere. */
const TICK_MS = 10;

export interface Spent {
  readonly wallMs: number;
  readonly processorMs: number;
}

/** What the machine spends while `work` is done; somebody else's work counts as well, so there must be none. */
export async function spentBy(work: () => Promise<void>): Promise<Spent> {
  const [startedMs, beforeMs] = [performance.now(), busyMs()];
  await work();
  return { wallMs: performance.now() - startedMs, processorMs: busyMs() - beforeMs };
}

/** user, nice, system, irq and softirq since the machine came up */
function busyMs(): number {
  const [user = 0, nice = 0, system = 0, _idle, _wait, irq = 0, softirq = 0] = (readFileSync('/proc/stat', 'utf8').split('\n')[0] ?? '').trim().split(/\s+/).slice(1).map(Number);
  return (user + nice + system + irq + softirq) * TICK_MS;
}
