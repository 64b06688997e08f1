/**
 * The lock of an include file, between all processes of this machine: whoever writes reads the file under it first. The kernel frees it
 * when its holder dies, and `timeout` frees it when the holder is frozen.
 */
import { spawn } from 'node:child_process';
import { BalancerDown } from '../port.ts';

/** Written through `cat` and back: it comes only when the lock is held. */
const HELD = 'held\n';

export interface FileLockTimes {
  /** how long to wait for it */
  readonly waitMs: number;
  /** how long it is held at most */
  readonly leaseSeconds: number;
}

/** Runs `fn` while nobody else holds the lock of `path`, a file that is made if missing. Throws BalancerDown when it is not to be had in time, else what `fn` and the signal throw. */
export async function withFileLock<T>(path: string, { waitMs, leaseSeconds }: FileLockTimes, signal: AbortSignal, fn: () => Promise<T>): Promise<T> {
  const release = await hold(path, { waitMs, leaseSeconds }, signal);
  try {
    return await fn();
  } finally {
    await release();
  }
}

function hold(path: string, { waitMs, leaseSeconds }: FileLockTimes, signal: AbortSignal): Promise<() => Promise<void>> {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const child = spawn('flock', ['-x', path, 'timeout', String(leaseSeconds), 'cat'], { stdio: ['pipe', 'pipe', 'pipe'] });
    let said = '';
    const gone = new Promise<void>((ended) => child.once('close', () => ended()).once('error', () => ended()));
    const settle = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
    };
    const fail = (why: unknown): void => {
      settle();
      child.kill('SIGKILL');
      child.stdin.destroy();
      reject(why);
    };
    const abort = (): void => fail(signal.reason);
    const timer = setTimeout(() => fail(new BalancerDown(`The include file of nginx is being changed by another process, which has held ${path} for more than ${waitMs} ms. It is tried again; if it stays so, look who holds it (\`fuser ${path}\`).`)), waitMs);
    signal.addEventListener('abort', abort);
    child.stdin.on('error', () => undefined);
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
    child.once('error', (cause) => fail(new BalancerDown(`${path} cannot be locked: ${cause.message}. The machine of the worker needs flock (util-linux), timeout and cat.`)));
    const refused = (): void => fail(new BalancerDown(`${path} cannot be locked: ${said.trim() || 'flock ended'}. The worker must be able to write in that folder.`));
    child.once('close', refused);
    child.stdout.once('data', () => {
      settle();
      child.off('close', refused);
      resolve(async () => {
        child.stdin.end();
        await gone;
      });
    });
    child.stdin.write(HELD);
  });
}
