/**
 * Where shared connections have their sockets: a private folder, made when it is first needed and again when somebody cleared it away.
 * ssh opens the connections by itself and each lives for a minute after its last call; here they are named, and ended.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ExecutorDown } from '../port.ts';
import { configForHops, settingsOf } from './words.ts';
import type { SshExecutorSpec } from '../../../domain/executor-spec.ts';
import type { Sharing } from './words.ts';

/** `%C` of ssh is 40 characters long, and ssh makes the socket under this name with 17 more. A unix socket's path has at most 107. */
const FOLDER_LENGTH_MAX = 107 - 1 - 12 - 1 - 40 - 17;
const SOCKET = /^[0-9a-f]{12}\.[0-9a-f]{40}$/;
const ENDING_MS = 2_000;
const LOOK_EVERY_MS = 10;

export interface SharedConnections {
  /** Where the connection to a host of these settings is shared. Throws ExecutorDown when there is no place for it. */
  placeFor(spec: SshExecutorSpec): Sharing;
  /**
   * Ends every connection, and waits until its process is gone; one that does not go by itself is killed. Then the folder goes.
   * `tell` runs ssh with these words and answers when it has ended, however it did.
   */
  end(tell: (words: readonly string[]) => Promise<void>): Promise<void>;
}

/** @param parent the folder for temporary files */
export function createSharedConnections(parent: string): SharedConnections {
  let folder: string | null = null;
  const ownFolder = (): string => {
    if (folder === null || !existsSync(folder)) folder = makeFolder(parent);
    return folder;
  };
  return {
    placeFor(spec) {
      const place = ownFolder();
      const settings = createHash('sha256').update(settingsOf(spec)).digest('hex').slice(0, 12);
      const controlPath = join(place, `${settings}.%C`);
      return { controlPath, configFile: spec.jump.length === 0 ? spec.configFile : hopConfig(join(place, `${settings}.config`), configForHops(spec, controlPath)) };
    },
    async end(tell) {
      const ending = folder;
      folder = null;
      if (ending === null || !existsSync(ending)) return;
      const sockets = readdirSync(ending).filter((name) => SOCKET.test(name));
      await Promise.all(sockets.map((name) => tell(['-F', 'none', '-o', `ControlPath=${join(ending, name)}`, '-O', 'exit', '--', 'x'])));
      await untilGone(ending);
      rmSync(ending, { recursive: true, force: true });
    },
  };
}

function makeFolder(parent: string): string {
  let made: string;
  try {
    made = mkdtempSync(join(parent, 'sbssh-'));
  } catch (error) {
    throw new ExecutorDown(`No folder for shared ssh connections can be made in ${parent}: ${(error as Error).message}. Make room and rights there.`);
  }
  if (made.length <= FOLDER_LENGTH_MAX) return made;
  rmSync(made, { recursive: true, force: true });
  throw new ExecutorDown(`The folder for temporary files ${parent} has too long a name for the sockets of shared ssh connections. Set TMPDIR to a path of at most ${FOLDER_LENGTH_MAX - 13} characters.`);
}

/** Renamed into place, because another call may be reading it. */
function hopConfig(file: string, text: string): string {
  if (existsSync(file)) return file;
  writeFileSync(`${file}.new`, text, { mode: 0o600 });
  renameSync(`${file}.new`, file);
  return file;
}

/** A process that holds a connection open bears the name of its socket. */
async function untilGone(folder: string): Promise<void> {
  const holders = processesTitled(`ssh: ${folder}/`);
  for (let waitedMs = 0; waitedMs < ENDING_MS && holders.some((pid) => signalled(pid, 0)); waitedMs += LOOK_EVERY_MS) await delay(LOOK_EVERY_MS);
  for (const pid of processesTitled(`ssh: ${folder}/`)) signalled(pid, 'SIGKILL');
}

/** Empty where there is no /proc to look into. */
function processesTitled(beginning: string): readonly number[] {
  const all = existsSync('/proc/self/cmdline') ? readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name)) : [];
  return all.filter((pid) => titleOf(pid).startsWith(beginning)).map(Number);
}

/** Empty when it has ended meanwhile, or belongs to somebody else. */
function titleOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

/** False when there is no such process any more. */
function signalled(pid: number, signal: 0 | 'SIGKILL'): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}
