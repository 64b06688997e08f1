/**
 * One change of an include file, from the file to the workers that go by it: written under the lock of the file, tested by nginx, loaded,
 * and seen in force. What nginx refuses or does not load is taken back, so the file never holds what is not served.
 */
import { BalancerDown, type TrafficCall } from '../port.ts';
import { createPauses } from '../pause.ts';
import { isStill, mayBeReplaced, readable, readIncludeFile, replaceIncludeFile } from './include-file.ts';
import { acceptingWorkers, askReload, findMaster, isAccepting, testConfiguration, type Master } from './master.ts';
import { changeServerFile, parseServerFile, stateText, type ServerLine, type ServerSetting } from './server-file.ts';
import { askServed } from './status.ts';
import { withFileLock } from './file-lock.ts';

/** Together below the time that a target's row lock may be held. */
export interface ChangeTimes {
  readonly lockMs: number;
  readonly testMs: number;
  readonly reloadMs: number;
  readonly answerMs: number;
  /** since the change was begun: a process that froze behind its fence may have lost it meanwhile, so what comes later is not written. Below the 15 s of the database */
  readonly lateMs: number;
}

export const CHANGE_TIMES: ChangeTimes = { lockMs: 5_000, testMs: 3_000, reloadMs: 3_000, answerMs: 2_000, lateMs: 12_000 };

export interface Place {
  readonly file: string;
  readonly status: string;
  readonly pidFile: string;
  readonly times: ChangeTimes;
}

const LEASE_SECONDS = 12;

/** Gives a server the settings that `next` makes of its line as it stands under the lock. `next` may throw. Throws BalancerDown and BalancerMisconfigured, then nothing was changed. */
export async function changeServer(place: Place, next: (servers: ReadonlyMap<string, ServerLine>) => ReadonlyMap<string, ServerSetting>, { fence, signal }: Pick<TrafficCall, 'fence' | 'signal'>): Promise<void> {
  const beganMs = performance.now();
  const mayWrite = (): void => {
    signal.throwIfAborted();
    if (performance.now() - beganMs > place.times.lateMs) throw new BalancerDown(`The change of ${place.file} came more than ${place.times.lateMs} ms after it was begun; it was not made and is tried again.`);
  };
  // Asked before the fence is entered, where other entries of the host may wait for it: what cannot work is not begun anywhere.
  await mayBeReplaced(place.file);
  await testConfiguration(findMaster(place.pidFile), place.times.testMs);
  await fence(() => withFileLock(`${place.file}.lock`, { waitMs: place.times.lockMs, leaseSeconds: LEASE_SECONDS }, signal, () => changeLocked(place, next, mayWrite, signal)));
}

async function changeLocked(place: Place, next: Parameters<typeof changeServer>[1], mayWrite: () => void, signal: AbortSignal): Promise<void> {
  const master = findMaster(place.pidFile);
  const before = await readIncludeFile(place.file);
  const served = await askServed(place.status, place.times.answerMs, signal);
  const generation = Math.max(before.read.generation, served.generation) + 1;
  const text = readable(place.file, () => changeServerFile(before.text, next(before.read.servers), generation));
  await replaceIncludeFile(place.file, text, mayWrite);
  try {
    await testConfiguration(master, place.times.testMs);
    const old = acceptingWorkers(master);
    mayWrite();
    askReload(master);
    await inForce(place, { master, old, state: stateText(parseServerFile(text)) }, signal);
  } catch (error) {
    // Whoever changed the file by hand meanwhile is left alone.
    if (await isStill(place.file, text)) await replaceIncludeFile(place.file, before.text, () => undefined).catch((cause: Error) => Promise.reject(alsoNotBack(error as Error, cause)));
    throw error;
  }
}

function alsoNotBack(error: Error, cause: Error): Error {
  return new BalancerDown(`${error.message} And the file was not put back: ${cause.message}`, { cause: error });
}

/**
 * Workers that go by the whole of the new file answer, and none from before takes connections any more: what it would accept now, it would
 * send by the old file. The generation alone is not asked: a reload that came too late for an earlier change may bring the same one.
 */
async function inForce({ status, times }: Place, { master, old, state }: { readonly master: Master; readonly old: readonly number[]; readonly state: string }, signal: AbortSignal): Promise<void> {
  const endMs = performance.now() + times.reloadMs;
  const pauses = createPauses();
  for (;;) {
    const served = await askServed(status, times.answerMs, signal);
    const late = old.filter(isAccepting);
    if (served.text === state && late.length === 0) return;
    if (performance.now() >= endMs) throw notInForce(master, served.text === state ? `worker ${late.join(', ')} from before still takes connections` : `its workers still go by generation ${served.generation} of the file, not ${state.split(' ')[0]}`, times.reloadMs);
    await pauses.next(endMs, signal);
  }
}

function notInForce({ pid }: Master, why: string, timeoutMs: number): BalancerDown {
  return new BalancerDown(`nginx (process ${pid}) was told to load its configuration, but after ${timeoutMs} ms ${why}. Its error log says why; the include file was put back.`);
}
