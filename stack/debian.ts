/**
 * Programs of Debian packages without installing them: fetched with what they need by apt, unpacked into the cache, started from there. So no
 * account is made, no service starts, and root is not needed.
 */
import { existsSync, globSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { lastLine, runCommand } from './command.ts';

export interface DebianProgram {
  /** those that bring it, the first one named in messages; what they need besides is fetched where the machine lacks it */
  readonly packages: readonly string[];
  /** path in them, without the first slash */
  readonly path: string;
}

export interface Unpacked {
  readonly program: string;
  /** where the packages are unpacked, as `/` would be */
  readonly root: string;
  /** so that it finds its libraries */
  readonly env: Readonly<Record<string, string>>;
}

/** Installed, it would serve on port 80 of this machine. */
export const NGINX: DebianProgram = { packages: ['nginx'], path: 'usr/sbin/nginx' };

const TIMEOUT_MS = 600_000;
const LIBRARIES = ['usr/lib/x86_64-linux-gnu', 'lib/x86_64-linux-gnu', 'usr/lib/aarch64-linux-gnu', 'lib/aarch64-linux-gnu', 'usr/lib', 'lib'];

/** Fetched on first use. Throws, naming the package and apt's last line, where that cannot be done. */
export async function debianProgram({ packages, path }: DebianProgram, cacheDir: string): Promise<Unpacked> {
  const root = join(cacheDir, `debian-${packages[0] ?? ''}`);
  if (!existsSync(join(root, path))) await unpackInto(root, packages);
  if (!existsSync(join(root, path))) throw new Error(`The Debian packages ${packages.join(' ')} have no ${path}.`);
  const folders = LIBRARIES.map((folder) => join(root, folder)).filter((folder) => existsSync(folder));
  return { program: join(root, path), root, env: { LD_LIBRARY_PATH: folders.join(':') } };
}

/** Aside first: who comes second finds all of it or nothing. */
async function unpackInto(root: string, packages: readonly string[]): Promise<void> {
  mkdirSync(dirname(root), { recursive: true });
  const work = mkdtempSync(`${root}.half-`);
  try {
    await fetchPackages(work, packages);
    const tree = join(work, 'tree');
    mkdirSync(tree);
    for (const file of globSync(join(work, 'archives', '*.deb'))) await done('dpkg-deb', ['-x', file, tree], packages);
    keep(tree, root);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Two may fetch the same at once: the second one finds the place taken by the same files. */
function keep(tree: string, root: string): void {
  try {
    renameSync(tree, root);
  } catch (error) {
    if (!existsSync(root)) throw error;
  }
}

/** What the machine has installed is not fetched again: it is found where it is. */
async function fetchPackages(work: string, packages: readonly string[]): Promise<void> {
  const archives = join(work, 'archives');
  mkdirSync(join(archives, 'partial'), { recursive: true });
  const args = ['-q', '-y', '--no-install-recommends', '--download-only', '--reinstall', '-o', `Dir::Cache::archives=${archives}/`, '-o', 'Debug::NoLocking=true', '-o', 'APT::Sandbox::User=root', 'install', ...packages];
  const first = await runCommand('apt-get', args, { timeoutMs: TIMEOUT_MS });
  if (first.code === 0) return;
  // The lists may be missing or too old for what the mirror still has.
  await runCommand('apt-get', ['-q', 'update'], { timeoutMs: TIMEOUT_MS });
  await done('apt-get', args, packages);
}

async function done(command: string, args: readonly string[], packages: readonly string[]): Promise<void> {
  const { code, output } = await runCommand(command, args, { timeoutMs: TIMEOUT_MS });
  if (code !== 0) throw new Error(`The Debian packages ${packages.join(' ')} cannot be had: ${command} ended with ${code}: ${lastLine(output)}`);
}
