/** schemathesis, the program that abuses an API by its own OpenAPI document: found in the cache or installed there, then run. */
import { execFile, spawn } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const VERSION = '4.32.5';
const run = promisify(execFile);

export interface Run {
  readonly code: number | null;
  readonly output: string;
  /** requests made, by the program's own count */
  readonly cases: number;
}

/** A venv of its own in the user's cache. One that does not answer its version (an interrupted install) is made anew. */
export async function findSchemathesis(): Promise<string> {
  const folder = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'signalbox', `schemathesis-${VERSION}`);
  const program = join(folder, 'bin', 'schemathesis');
  if (await answers(program)) return program;
  await rm(folder, { recursive: true, force: true });
  await mkdir(dirname(folder), { recursive: true });
  await run('python3', ['-m', 'venv', folder]);
  await run(join(folder, 'bin', 'python'), ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', `schemathesis==${VERSION}`], { timeout: 300_000 });
  return program;
}

async function answers(program: string): Promise<boolean> {
  return run(program, ['--version'], { timeout: 60_000 }).then(
    ({ stdout }) => stdout.includes(VERSION),
    () => false,
  );
}

/** A body with more entries than a list may hold can be larger than any body may be: that answer refuses it as well. */
const CONFIGURATION = `[checks]\nnegative_data_rejection.expected-statuses = ["400", "401", "403", "404", "405", "406", "409", "413", "415", "422", "428", "429", "5xx"]\n`;

/** Runs to its end; `folder` is where it may keep what it learned. Ended with the test when `signal` is aborted. */
export async function runSchemathesis(program: string, folder: string, args: readonly string[], signal: AbortSignal): Promise<Run> {
  await writeFile(join(folder, 'schemathesis.toml'), CONFIGURATION);
  const child = spawn(program, ['run', '--no-color', '--generation-database=none', ...args], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'] ?? '', HOME: folder, LANG: 'C.UTF-8' },
    signal,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  child.once('exit', resolve);
  child.once('error', reject);
  const code = await promise;
  return { code, output, cases: Number(/(\d[\d,]*) generated/.exec(output)?.[1]?.replaceAll(',', '') ?? 0) };
}
