/** The include file on the disk: read whole, replaced whole. A crash leaves the old text or the new one, never a part. */
import { randomBytes } from 'node:crypto';
import { constants, renameSync } from 'node:fs';
import { access, open, readFile, realpath, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { BalancerDown, BalancerMisconfigured } from '../port.ts';
import { parseServerFile, UnreadableFile, type ServerFile } from './server-file.ts';

export interface IncludeFile {
  readonly text: string;
  readonly read: ServerFile;
}

const SIZE_MAX = 1024 * 1024;

/** Throws BalancerMisconfigured when it is missing, is no text of one upstream, or may not be read. */
export async function readIncludeFile(path: string): Promise<IncludeFile> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new BalancerMisconfigured(`The include file ${path} of nginx cannot be read: ${error.code ?? error.message}. Correct traffic.file of the pool, or make the file.`);
  });
  if (text.length > SIZE_MAX) throw new BalancerMisconfigured(`The include file ${path} of nginx is larger than ${SIZE_MAX} characters; it is to hold one upstream.`);
  return { text, read: readable(path, () => parseServerFile(text)) };
}

/** Runs `read`, and says where the file cannot be read. */
export function readable<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof UnreadableFile)) throw error;
    throw new BalancerMisconfigured(`The include file ${path} of nginx${error.line === 0 ? '' : `, line ${error.line},`} holds ${error.message}.`);
  }
}

/**
 * Puts `text` in place of the file, with its rights. `mayWrite` is asked in the very moment before and throws when it is too late. The
 * file itself is replaced where `path` is a link. Throws BalancerMisconfigured when the folder cannot be written, BalancerDown of any other trouble.
 */
export async function replaceIncludeFile(path: string, text: string, mayWrite: () => void): Promise<void> {
  const real = await realpath(path);
  const fresh = `${real}.${randomBytes(6).toString('hex')}.new`;
  try {
    await writeSynced(real, fresh, text);
    mayWrite();
    renameSync(fresh, real);
  } catch (error) {
    await rm(fresh, { force: true }).catch(() => undefined);
    throw told(error, real);
  }
  await syncFolder(dirname(real));
}

async function writeSynced(old: string, fresh: string, text: string): Promise<void> {
  const before = await open(old, 'r');
  const { mode, uid, gid } = await before.stat().finally(() => before.close());
  const file = await open(fresh, 'wx', mode & 0o777);
  try {
    // What an umask took is given again; another owner only where we may.
    await file.chmod(mode & 0o777);
    await file.chown(uid, gid).catch(() => undefined);
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function syncFolder(folder: string): Promise<void> {
  const opened = await open(folder, 'r');
  await opened.sync().finally(() => opened.close());
}

function told(error: unknown, path: string): Error {
  const { code, message, syscall } = error as NodeJS.ErrnoException;
  if (syscall === undefined) return error as Error;
  if (['EACCES', 'EPERM', 'EROFS'].includes(code ?? '')) return new BalancerMisconfigured(`The include file ${path} of nginx cannot be replaced: ${code}. The worker must be able to write in that folder.`);
  return new BalancerDown(`The include file ${path} of nginx cannot be replaced: ${message}.`, { cause: error });
}

/** Throws BalancerMisconfigured when the folder of the file cannot be written. */
export async function mayBeReplaced(path: string): Promise<void> {
  await access(dirname(await realpath(path)), constants.W_OK).catch((error: unknown) => Promise.reject(told(error, path)));
}

/** For a file that was put in place by us and is to go back: whether it is still ours. */
export async function isStill(path: string, text: string): Promise<boolean> {
  return (await readFile(path, 'utf8').catch(() => null)) === text;
}
