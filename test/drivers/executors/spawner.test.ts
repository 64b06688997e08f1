/** The small process that starts host programs: what its death, its caller's death and many calls at once do to the calls. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { HostSpec } from '../../../domain/inventory.ts';
import { createLocalExecutor } from '../../../drivers/executors/local.ts';
import type { LocalExecutor } from '../../../drivers/executors/local.ts';
import { ExecutorDown, HostUnreachable } from '../../../drivers/executors/port.ts';
import type { HostInput } from '../../../drivers/executors/port.ts';
import { SpawnerDied, createSpawner } from '../../../drivers/executors/spawner.ts';
import type { SpawnRequest, Spawner } from '../../../drivers/executors/spawner.ts';
import { HOST_PROGRAM, endApplications } from '../../host/host-bench.ts';
import { until } from '../../support/until.ts';

const ENV = { PATH: '/usr/bin:/bin' };
const never = new AbortController().signal;
const folders: string[] = [];
const closing: (LocalExecutor | Spawner)[] = [];
const children: ChildProcess[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const one of closing.splice(0)) await one.close();
  for (const folder of folders.splice(0)) {
    endApplications(folder);
    rmSync(folder, { recursive: true, force: true });
  }
});

function makeFolder(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'signalbox-spawner-')));
  folders.push(folder);
  return folder;
}

function closed<T extends LocalExecutor | Spawner>(one: T): T {
  closing.push(one);
  return one;
}

const shell = (script: string, text = ''): SpawnRequest => ({ command: 'sh', words: ['-c', script], env: ENV, text, outputBytesMax: 1000 });

function isAlive(pid: number): boolean {
  try {
    // A dead one that nobody has collected yet is no process.
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

/** Runs a script that notes its own pid; resolves with it once it is there. */
async function notedPid(file: string): Promise<number> {
  await until(`${file} is written`, () => existsSync(file) && readFileSync(file, 'utf8').endsWith('\n'));
  return Number(readFileSync(file, 'utf8'));
}

describe('host programs through the spawner', () => {
  const hostAt = (root: string): HostSpec => ({ name: 'host-1', address: '127.0.0.1', zone: 'a', labels: {}, executor: { driver: 'local', root }, variables: {} });
  const hook = (script: string): HostInput => ({ opId: 'r-1/0/host-1/web/hook/forward/0', epoch: '1', application: 'web', at: 'x', 'command.0': '/bin/sh', 'command.1': '-c', 'command.2': script, timeoutSeconds: '30', idempotent: 'false' });

  test('a spawner killed in the middle of a call is the executor being down, and the same opId then gives the result of the one run', async () => {
    const root = makeFolder();
    const executor = closed(createLocalExecutor({ hostProgram: HOST_PROGRAM }));
    const mark = join(root, 'mark');
    const input = hook(`echo once >> ${mark}; sleep 0.5`);
    const call = executor.run(hostAt(root), 'hook', input, { timeoutMs: 20_000, signal: never });
    await until('the hook runs', () => existsSync(mark));
    const pid = executor.spawnerPid();
    process.kill(pid ?? 0, 'SIGKILL');
    await expect(call).rejects.toBeInstanceOf(ExecutorDown);
    const repeated = await executor.run(hostAt(root), 'hook', input, { timeoutMs: 20_000, signal: never });
    expect(repeated).toMatchObject({ ok: true, result: { status: 0 } });
    expect(readFileSync(mark, 'utf8')).toBe('once\n');
    expect(executor.spawnerPid()).not.toBe(pid);
    expect(await executor.run(hostAt(root), 'hook', input, { timeoutMs: 20_000, signal: never })).toEqual({ ...repeated, repeated: true });
  });

  test('fifty calls at once through one small process each get their own answer', async () => {
    const root = makeFolder();
    const program = join(root, 'program');
    writeFileSync(program, 'read -r line\nprintf \'{"ok":true,"repeated":false,"result":{"root":"%s"}}\\n\' "${line#root }"\n');
    const executor = closed(createLocalExecutor({ hostProgram: program }));
    const answers = await Promise.all(Array.from({ length: 50 }, (_, index) => executor.run(hostAt(`/host-${index}`), 'observe', {}, { timeoutMs: 20_000, signal: never })));
    expect(answers.map((answer) => answer.ok && answer.result['root'])).toEqual(Array.from({ length: 50 }, (_, index) => `/host-${index}`));
  });

  test('a call over its time is ended with everything in its process group', async () => {
    const root = makeFolder();
    const program = join(root, 'program');
    writeFileSync(program, `sleep 1000 & echo $! > ${root}/pid; wait\n`);
    const executor = closed(createLocalExecutor({ hostProgram: program }));
    const call = executor.run(hostAt(root), 'observe', {}, { timeoutMs: 700, signal: never });
    const [pid] = await Promise.all([notedPid(join(root, 'pid')), expect(call).rejects.toBeInstanceOf(HostUnreachable)]);
    await until('the sleeper is gone', () => !isAlive(pid));
  });
});

describe('the spawner', () => {
  test('an abort kills the group of its call alone and throws the reason', async () => {
    const folder = makeFolder();
    const spawner = closed(createSpawner());
    const controller = new AbortController();
    const other = spawner.run(shell(`until [ -e ${folder}/go ]; do sleep 0.01; done; echo fine`), never);
    const aborted = spawner.run(shell(`echo $$ > ${folder}/pid; sleep 1000`), controller.signal);
    const pid = await notedPid(join(folder, 'pid'));
    controller.abort(new Error('cancelled by test'));
    await expect(aborted).rejects.toThrow('cancelled by test');
    expect(isAlive(pid)).toBe(false);
    writeFileSync(join(folder, 'go'), '');
    expect(await other).toMatchObject({ kind: 'ended', code: 0, output: 'fine\n' });
  });

  test('tells exit, signal, complaint and too much output apart', async () => {
    const spawner = closed(createSpawner());
    expect(await spawner.run(shell('cat', 'what goes in'), never)).toMatchObject({ code: 0, output: 'what goes in' });
    expect(await spawner.run(shell('echo no >&2; exit 3'), never)).toMatchObject({ code: 3, complaint: 'no\n' });
    expect(await spawner.run(shell('kill -9 $$'), never)).toMatchObject({ code: null, signal: 'SIGKILL' });
    expect(await spawner.run(shell('while :; do echo xxxxxxxxxx; done'), never)).toMatchObject({ tooMuch: true, output: '' });
    expect(await spawner.run({ ...shell(''), command: '/nowhere/sh' }, never)).toMatchObject({ kind: 'failed', message: expect.stringContaining('ENOENT') });
  });

  test('is started by the first call only, ends its calls on close, and comes back with the next call', async () => {
    const folder = makeFolder();
    const spawner = closed(createSpawner());
    expect(spawner.pid()).toBeNull();
    const call = spawner.run(shell(`echo $$ > ${folder}/pid; sleep 1000`), never);
    const pids = [await notedPid(join(folder, 'pid')), spawner.pid() ?? 0];
    await Promise.all([expect(call).rejects.toBeInstanceOf(SpawnerDied), spawner.close()]);
    await until('spawner and call are gone', () => !pids.some(isAlive));
    expect(await spawner.run(shell('echo back'), never)).toMatchObject({ output: 'back\n' });
  });

  /** A process of its own that uses a spawner and tells the spawner's pid. */
  function caller(rest: string): { child: ChildProcess; spawnerPid: Promise<number>; ended: Promise<number | null> } {
    const entry = new URL('../../../drivers/executors/spawner.ts', import.meta.url).href;
    const script = `import { createSpawner } from ${JSON.stringify(entry)}; const spawner = createSpawner();
      await spawner.run(${JSON.stringify(shell(':'))}, new AbortController().signal); console.log(spawner.pid()); ${rest}`;
    const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'], env: ENV });
    children.push(child);
    const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
    const spawnerPid = new Promise<number>((resolve) => child.stdout?.once('data', (chunk: Buffer) => resolve(Number(chunk.toString()))));
    return { child, spawnerPid, ended };
  }

  test('does not keep its caller alive when idle, and ends with it', async () => {
    const { spawnerPid, ended } = caller('');
    const pid = await spawnerPid;
    expect(await ended).toBe(0);
    await until('the spawner is gone', () => !isAlive(pid));
  });

  test('goes on with its calls through the signals that a terminal or a supervisor sends to all', async () => {
    const folder = makeFolder();
    const spawner = closed(createSpawner());
    const call = spawner.run(shell(`echo $$ > ${folder}/pid; until [ -e ${folder}/go ]; do sleep 0.01; done; echo fine`), never);
    await notedPid(join(folder, 'pid'));
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.kill(spawner.pid() ?? 0, signal);
    writeFileSync(join(folder, 'go'), '');
    expect(await call).toMatchObject({ output: 'fine\n' });
  });

  test('ends when its caller is killed', async () => {
    const { child, spawnerPid } = caller('setInterval(() => undefined, 1000);');
    const pid = await spawnerPid;
    child.kill('SIGKILL');
    await until('the spawner is gone', () => !isAlive(pid));
  });
});
