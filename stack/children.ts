/** Child processes: how one is told apart from a later one with the same number, and how one is ended for good. */
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import type { ChildProcess } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';

export interface Ending {
  readonly signal: NodeJS.Signals;
  /** after this long SIGKILL follows */
  readonly timeoutMs: number;
}

/** Start time in clock ticks since boot, from /proc; null when the process is gone or the system has no /proc. */
export function startTicks(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the name in parentheses and may hold anything: count fields after the last one.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? null : Number(fields[19]);
  } catch {
    return null;
  }
}

/** True while the process exists (a zombie counts as gone); with `ticks`, only if it is still the same one. */
export function isAlive(pid: number, ticks: number | null = null): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  if (process.platform !== 'linux') return true;
  const now = startTicks(pid);
  return now !== null && (ticks === null || now === ticks);
}

/** Sends a signal to the process group, else to the process alone. Gone already is fine. */
export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  for (const target of [-pid, pid]) {
    try {
      process.kill(target, signal);
      return;
    } catch {
      // No such group or process: try the process alone, then there is nothing to end.
    }
  }
}

/** Ends one process (and its group): the signal, a wait of at most `timeoutMs`, then SIGKILL. Returns true when SIGKILL was needed. */
export async function endProcess(pid: number, ending: Ending): Promise<boolean> {
  const ticks = startTicks(pid);
  if (!isAlive(pid, ticks)) return false;
  signalGroup(pid, ending.signal);
  if (await isGone(pid, ticks, ending.timeoutMs)) return false;
  signalGroup(pid, 'SIGKILL');
  await isGone(pid, ticks, 5_000);
  return true;
}

/** Ends a child of this very process; the same as endProcess, but also right when it died before. */
export async function endChild(child: ChildProcess, ending: Ending): Promise<boolean> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return false;
  return endProcess(child.pid, ending);
}

async function isGone(pid: number, ticks: number | null, timeoutMs: number): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  while (isAlive(pid, ticks)) {
    if (Date.now() > deadline) return false;
    await delay(20);
  }
  return true;
}

/**
 * Processes whose working directory lies in `folder`, found through /proc: what an application of the demo fleet or a database is
 * known by when its parent is gone. Empty where there is no /proc.
 */
export function processesIn(folder: string): readonly number[] {
  const found: number[] = [];
  for (const name of listProc()) {
    try {
      const cwd = readlinkSync(`/proc/${name}/cwd`);
      if (cwd === folder || cwd.startsWith(`${folder}/`)) found.push(Number(name));
    } catch {
      // Ended meanwhile, or somebody else's.
    }
  }
  return found.filter((pid) => pid !== process.pid);
}

/** Ends every process working in `folder`, all at once. */
export async function endProcessesIn(folder: string, ending: Ending): Promise<number> {
  const pids = processesIn(folder);
  await Promise.all(pids.map((pid) => endProcess(pid, ending)));
  return pids.length;
}

function listProc(): readonly string[] {
  try {
    return readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name));
  } catch {
    return [];
  }
}
