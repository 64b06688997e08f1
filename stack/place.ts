/** Folders: where caches and data may live so that everybody who needs them gets in. */
import { chmodSync, lstatSync, mkdirSync, accessSync, constants, statSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

/** The account that ends up running Postgres when we are root: `nobody`, which exists everywhere. */
export const NOBODY = 65_534;

/** True when we run as root and therefore have to hand some work to NOBODY. */
export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** `$XDG_CACHE_HOME/signalbox` or `~/.cache/signalbox`; `<clone>/.signalbox/cache` when the home cannot be written. Made if missing. */
export function cacheFolder(clone: string, env: Readonly<Record<string, string | undefined>> = process.env): string {
  const base = env['XDG_CACHE_HOME'] || join(env['HOME'] || homedir(), '.cache');
  for (const folder of [join(base, 'signalbox'), join(clone, '.signalbox', 'cache')]) {
    if (isWritable(folder)) return folder;
  }
  throw new Error(`No cache folder can be written: neither ${join(base, 'signalbox')} nor ${join(clone, '.signalbox', 'cache')}. Set XDG_CACHE_HOME to a folder you may write.`);
}

function isWritable(folder: string): boolean {
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** True when another account can get into the folder: every folder from the root down lets others search it. */
export function isOpenToOthers(folder: string): boolean {
  for (let at = resolve(folder); ; at = dirname(at)) {
    const seen = statSync(at, { throwIfNoEntry: false });
    if (seen !== undefined && (seen.mode & 0o001) === 0) return false;
    if (at === dirname(at)) return true;
  }
}

/**
 * A folder of our own that other accounts can get into. `wanted` itself where that works (or where we are not root and nobody else
 * needs in), else `/var/tmp/signalbox-<uid>-<hash of wanted>`: the same one every time. Made if missing, mode 0755.
 */
export function reachableFolder(wanted: string): string {
  const folder = resolve(wanted);
  if (!isRoot() || isOpenToOthers(dirname(folder))) {
    mkdirSync(folder, { recursive: true });
    if (isRoot()) chmodSync(folder, 0o755);
    // Parents made just now under a strict umask are closed again.
    if (!isRoot() || isOpenToOthers(folder)) return folder;
  }
  const hash = createHash('sha256').update(folder).digest('hex').slice(0, 12);
  return ownFolder(join('/var/tmp', `signalbox-${process.getuid?.() ?? 0}-${hash}`));
}

/** /var/tmp is everybody's: a folder that somebody else made there first could be changed under our feet, so it is refused. */
function ownFolder(folder: string): string {
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  const seen = lstatSync(folder);
  if (!seen.isDirectory() || seen.uid !== process.getuid?.() || (seen.mode & 0o022) !== 0) {
    throw new Error(`${folder} belongs to somebody else or can be written by others. Remove it, or choose another data folder with --data DIR.`);
  }
  chmodSync(folder, 0o755);
  return folder;
}
