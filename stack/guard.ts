/**
 * A process of its own that ends what a launcher started when the launcher dies without a word (SIGKILL, crash). It hangs on a pipe:
 * the end of the pipe is the launcher's end.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Ending } from './children.ts';

/** What the launcher tells its guard, one JSON line each. */
export type GuardMessage =
  | { readonly type: 'watch'; readonly pid: number; readonly ending: Ending }
  | { readonly type: 'forget'; readonly pid: number }
  /** end every process that works in this folder, before any watched one */
  | { readonly type: 'watch-folder'; readonly folder: string; readonly ending: Ending }
  /** the launcher ended everything itself */
  | { readonly type: 'done' };

export interface Guard {
  readonly pid: number | undefined;
  watch(pid: number, ending: Ending): void;
  forget(pid: number): void;
  watchFolder(folder: string, ending: Ending): void;
  /** tells the guard that nothing is left to end; it leaves */
  close(): void;
}

const PROGRAM = fileURLToPath(new URL('guard-process.ts', import.meta.url));

/** Starts the guard; one that dies is started again and told everything anew. */
export function openGuard(): Guard {
  const watched = new Map<string, GuardMessage>();
  let isClosed = false;
  let child = spawnGuard();

  function spawnGuard(): ChildProcess {
    const guard = spawn(process.execPath, [PROGRAM], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
    guard.stdin?.on('error', () => {});
    guard.once('error', () => {});
    guard.once('exit', () => {
      if (isClosed) return;
      child = spawnGuard();
      for (const message of watched.values()) tell(message);
    });
    guard.unref();
    return guard;
  }

  function tell(message: GuardMessage): void {
    child.stdin?.write(`${JSON.stringify(message)}\n`);
  }

  function remember(key: string, message: GuardMessage): void {
    watched.set(key, message);
    tell(message);
  }

  return {
    get pid() {
      return child.pid;
    },
    watch: (pid, ending) => remember(String(pid), { type: 'watch', pid, ending }),
    watchFolder: (folder, ending) => remember(folder, { type: 'watch-folder', folder, ending }),
    forget: (pid) => {
      watched.delete(String(pid));
      tell({ type: 'forget', pid });
    },
    close: () => {
      isClosed = true;
      tell({ type: 'done' });
      child.stdin?.end();
    },
  };
}
