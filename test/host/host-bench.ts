/** A host to try the program on: an own root, a PATH of named tools only, and calls through one chosen shell. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { encodeHostInput, parseHostAnswer } from '../../drivers/executors/host-protocol.ts';
import type { HostAnswer, HostInput, HostVerb } from '../../drivers/executors/port.ts';
import { linesOf } from '../support/lines.ts';
import { gzipTar } from './archives.ts';

export const HOST_PROGRAM = new URL('../../host/signalbox-host', import.meta.url).pathname;
export const SHELLS = ['dash', 'bash', 'busybox'] as const;
export type Shell = (typeof SHELLS)[number];
/** What README.md of the host program names; nothing else is in the PATH of these tests. */
const COREUTILS = ['awk', 'chmod', 'dd', 'df', 'env', 'find', 'gzip', 'head', 'id', 'ln', 'ls', 'mkdir', 'mv', 'od', 'readlink', 'rm', 'setsid', 'sha256sum', 'sleep', 'sort', 'sync', 'tail', 'tar', 'timeout', 'true', 'unzip', 'wc'];
export const APPLICATION_BODY = '#!/bin/sh\necho started "$@" $$ >> "$WITNESS"\nexec sleep 1000\n';

export interface HostBench {
  readonly shell: Shell;
  readonly root: string;
  readonly tools: string;
  run(verb: HostVerb, input: HostInput): Promise<HostAnswer>;
  /** same, and fails the test unless the answer is ok */
  result(verb: HostVerb, input: HostInput): Promise<Readonly<Record<string, unknown>>>;
  spawn(verb: string, stdin: string, words?: readonly string[]): ChildProcess;
  raw(verb: string, stdin: string, words?: readonly string[]): Promise<{ code: number | null; output: string }>;
  read(path: string): string;
  dispose(): void;
}

export interface BenchOptions {
  readonly fetcher?: 'curl' | 'wget';
  readonly tools?: string;
}

function findTool(name: string): string {
  for (const folder of [...(process.env['PATH'] ?? '').split(delimiter), '/usr/bin', '/bin', '/usr/sbin', '/sbin']) if (existsSync(join(folder, name))) return join(folder, name);
  throw new Error(`${name} is needed by this test and not on this machine`);
}

/** A folder of links: real tools for dash and bash, applets for busybox, which has neither flock nor curl of its own everywhere. */
export function makeTools(folder: string, shell: Shell, fetcher: 'curl' | 'wget'): void {
  mkdirSync(folder);
  const busybox = shell === 'busybox' ? realpathSync(findTool('busybox')) : null;
  for (const tool of [...COREUTILS, ...(fetcher === 'wget' ? ['wget'] : [])]) symlinkSync(busybox ?? findTool(tool), join(folder, tool));
  if (fetcher === 'curl') symlinkSync(findTool('curl'), join(folder, 'curl'));
  symlinkSync(findTool('flock'), join(folder, 'flock'));
  symlinkSync(busybox ?? findTool(shell), join(folder, 'sh'));
  symlinkSync(busybox ?? findTool(busybox === null ? 'setpriv' : 'busybox'), join(folder, busybox === null ? 'setpriv' : 'start-stop-daemon'));
}

export function makeBench(shell: Shell, options: BenchOptions = {}): HostBench {
  const base = realpathSync(mkdtempSync(join(tmpdir(), 'signalbox-host-')));
  const tools = options.tools ?? join(base, 'tools');
  if (options.tools === undefined) makeTools(tools, shell, options.fetcher ?? 'curl');
  const root = join(base, 'root');
  mkdirSync(root);
  const start = (verb: string, stdin: string, words: readonly string[] = []): ChildProcess => {
    const child = spawn(join(tools, 'sh'), [HOST_PROGRAM, verb, ...words], { detached: true, cwd: '/', env: { PATH: tools, HOME: '/' }, stdio: ['pipe', 'pipe', 'pipe'] });
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(stdin);
    return child;
  };
  const raw = (verb: string, stdin: string, words: readonly string[] = []): Promise<{ code: number | null; output: string }> =>
    new Promise((resolve) => {
      let output = '';
      const child = start(verb, stdin, words);
      child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString('latin1')));
      let complaints = '';
      child.stderr?.on('data', (chunk: Buffer) => (complaints += chunk.toString('latin1')));
      child.on('close', (code) => resolve({ code, output: code === 0 ? output : `${output}${complaints}` }));
    });
  const run = async (verb: HostVerb, input: HostInput): Promise<HostAnswer> => {
    const { code, output } = await raw(verb, encodeHostInput({ root, ...input }));
    if (code !== 0) throw new Error(`${verb} ended with ${code}: ${output}`);
    return parseHostAnswer('bench', verb, output);
  };
  return {
    shell,
    root,
    tools,
    run,
    spawn: start,
    raw,
    result: async (verb, input) => {
      const answer = await run(verb, input);
      if (!answer.ok) throw new Error(`${verb}: ${JSON.stringify(answer)}`);
      return answer.result;
    },
    read: (path) => readFileSync(join(root, path), 'utf8'),
    dispose: () => {
      endApplications(root);
      rmSync(base, { recursive: true, force: true });
    },
  };
}

/** Ends what was started under this root and is recorded there. */
export function endApplications(root: string): void {
  for (const application of readdirSync(root)) {
    const record = join(root, application, 'run/process');
    if (!existsSync(record)) continue;
    const pid = Number(readFileSync(record, 'utf8').split(' ')[0]);
    try {
      if (pid > 1) process.kill(-pid, 'SIGKILL');
    } catch {
      // It is gone already.
    }
  }
}

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

export interface Installed {
  readonly digest: string;
  readonly config: string;
}

export const step = (name: string, epoch = 1): HostInput => ({ opId: `r-1/0/host-1/web/${name}/forward/0`, epoch: String(epoch), application: 'web' });

/** Stages a release of `web` whose program notes each start of itself in `<root>/witness`. */
export async function install(bench: HostBench, version: string, options: { epoch?: number; program?: string; extra?: HostInput } = {}): Promise<Installed> {
  const { epoch = 1, program = APPLICATION_BODY, extra = {} } = options;
  const bytes = gzipTar([{ name: 'app', mode: 0o755, data: program }, { name: 'version', data: version }]);
  const file = join(bench.root, `../${version}.tar.gz`);
  writeFileSync(file, bytes);
  const digest = sha256(bytes);
  const of = (name: string): HostInput => step(`${name}-${version}`, epoch);
  await bench.result('fetch', { ...of('fetch'), version, uri: `file://${file}`, sha256: digest, sizeBytes: String(bytes.length) });
  await bench.result('unpack', { ...of('unpack'), version, uri: `file://${file}`, sha256: digest });
  const configured = await bench.result('configure', {
    ...of('configure'), version, 'command.0': '/bin/sh', 'command.1': './app', 'command.2': version, 'env.WITNESS': join(bench.root, 'witness'), 'env.PATH': '/usr/bin:/bin', stopTimeoutSeconds: '2', ...extra,
  });
  return { digest, config: String(configured['config']) };
}

export const witness = (bench: HostBench): readonly string[] => linesOf(join(bench.root, 'witness'));

export interface ObservedProcess {
  readonly pid: number;
  readonly startTicks: number;
  readonly bootId: string;
}

export async function observe(bench: HostBench): Promise<{ digest: string | null; config: string | null; version: string | null; process: ObservedProcess | null; serves?: boolean; runs?: string; unmanaged: boolean }> {
  const { applications } = (await bench.result('observe', { applications: 'web' })) as { applications: readonly Awaited<ReturnType<typeof observe>>[] };
  const [seen] = applications;
  if (seen === undefined) throw new Error('observe told nothing of web');
  return seen;
}
