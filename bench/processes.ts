/** CPU time and memory of processes as Linux counts them. */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { ChildProcess } from 'node:child_process';

const TICK_MS = 10;
const SAMPLE_EVERY_MS = 250;
const BYTES_PER_MB = 1024 * 1024;

/** CPU of a process, of its living children, and of children it has waited for, in milliseconds. Throws when the process is gone. */
export function cpuMs(pid: number): number {
  const [own] = statOf(pid);
  if (own === undefined) throw new Error(`Process ${pid} is gone, its CPU time cannot be read.`);
  return childrenOf(pid).reduce((sum, child) => sum + child.cpuMs, own.cpuMs + own.waitedMs);
}

/** Resident memory of one process in bytes. Throws when the process is gone. */
export function residentBytes(pid: number): number {
  const line = readFileSync(`/proc/${pid}/status`, 'utf8').split('\n').find((text) => text.startsWith('VmRSS:'));
  return Number(line?.replace(/\D/g, '')) * 1024;
}

/** The most megabytes a process held while it was watched. */
export function watchMemory({ pid = 0 }: ChildProcess): { readonly end: () => Promise<number> } {
  const stop = new AbortController();
  let most = 0;
  const watching = (async () => {
    while (!stop.signal.aborted) {
      most = Math.max(most, residentBytes(pid) / BYTES_PER_MB);
      await delay(SAMPLE_EVERY_MS, undefined, { signal: stop.signal }).catch(() => undefined);
    }
  })();
  return {
    end: async () => {
      stop.abort();
      await watching;
      return most;
    },
  };
}

interface Stat {
  readonly parent: number;
  readonly cpuMs: number;
  readonly waitedMs: number;
}

function childrenOf(pid: number): readonly Stat[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).flatMap((name) => statOf(Number(name))).filter(({ parent }) => parent === pid);
}

/** Empty when the process ended meanwhile. */
function statOf(pid: number): readonly Stat[] {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may hold anything: count fields after it.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ').map(Number);
    const ticks = (index: number): number => (fields[index] ?? 0) * TICK_MS;
    return [{ parent: fields[1] ?? 0, cpuMs: ticks(11) + ticks(12), waitedMs: ticks(13) + ticks(14) }];
  } catch {
    return [];
  }
}
