/** Process: the guard. Reads what to watch on standard input; when that ends without `done`, ends everything watched, newest first. */
import { createInterface } from 'node:readline';
import { endProcess, endProcessesIn, startTicks, type Ending } from './children.ts';
import type { GuardMessage } from './guard.ts';

interface Watched {
  readonly pid: number;
  readonly ticks: number | null;
  readonly ending: Ending;
}

const processes = new Map<number, Watched>();
const folders = new Map<string, Ending>();
let isDone = false;

// Ctrl-C in the launcher's terminal and a closed terminal must not take the guard away before its work.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});

function take(message: GuardMessage): void {
  switch (message.type) {
    case 'watch':
      processes.set(message.pid, { pid: message.pid, ticks: startTicks(message.pid), ending: message.ending });
      return;
    case 'forget':
      processes.delete(message.pid);
      return;
    case 'watch-folder':
      folders.set(message.folder, message.ending);
      return;
    case 'done':
      isDone = true;
  }
}

/** Newest first: services end before the database they use. A number that meanwhile belongs to another process is left alone. */
async function endEverything(): Promise<void> {
  for (const { pid, ticks, ending } of [...processes.values()].reverse()) {
    if (ticks === null || ticks === startTicks(pid)) await endProcess(pid, ending);
  }
  for (const [folder, ending] of folders) await endProcessesIn(folder, ending);
}

const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => take(JSON.parse(line) as GuardMessage));
lines.on('close', () => {
  void (isDone ? Promise.resolve() : endEverything()).finally(() => process.exit(0));
});
