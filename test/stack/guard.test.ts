import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { endProcess, isAlive } from '../../stack/children.ts';
import { openGuard } from '../../stack/guard.ts';
import { until } from '../support/until.ts';

const DOUBLE = fileURLToPath(new URL('launcher-double.ts', import.meta.url));
const cleanups: (() => Promise<unknown> | void)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

test('when the launcher is killed, its children and the applications in its folder are ended', async () => {
  const { launcher, pids } = await launched();
  launcher.kill('SIGKILL');
  await until('the end of the child', () => !isAlive(pids.child));
  await until('the end of the application', () => !isAlive(pids.application));
  await until('the end of the guard', () => !isAlive(pids.guard));
});

test('a guard that was killed itself is replaced, and the new one knows everything', async () => {
  const { launcher, pids } = await launched();
  process.kill(pids.guard, 'SIGKILL');
  await until('the new guard', () => childrenOf(launcher.pid ?? 0).then((found) => found.some((line) => line.includes('guard-process'))));
  launcher.kill('SIGKILL');
  await until('the end of the child', () => !isAlive(pids.child));
  await until('the end of the application', () => !isAlive(pids.application));
});

test('a launcher that says it is done leaves its children to themselves', async () => {
  const guard = openGuard();
  const child = spawn('sleep', ['600'], { detached: true, stdio: 'ignore' });
  cleanups.push(() => endProcess(child.pid ?? 0, { signal: 'SIGKILL', timeoutMs: 1_000 }));
  guard.watch(child.pid ?? 0, { signal: 'SIGTERM', timeoutMs: 100 });
  const guardPid = guard.pid ?? 0;
  guard.close();
  await until('the end of the guard', () => !isAlive(guardPid));
  expect(isAlive(child.pid ?? 0)).toBe(true);
});

interface Pids {
  readonly child: number;
  readonly application: number;
  readonly guard: number;
}

async function launched(): Promise<{ launcher: ChildProcess; pids: Pids }> {
  const folder = mkdtempSync(join(tmpdir(), 'guard-'));
  const launcher = spawn(process.execPath, [DOUBLE, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }), () => void launcher.kill('SIGKILL'));
  const line = await new Promise<string>((resolve) => launcher.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString())));
  const pids = JSON.parse(line) as Pids;
  // Also when the guard fails to do it.
  for (const pid of [pids.child, pids.application]) cleanups.push(() => endProcess(pid, { signal: 'SIGKILL', timeoutMs: 1_000 }));
  return { launcher, pids };
}

/** Command lines of a process's children. */
function childrenOf(pid: number): Promise<readonly string[]> {
  return new Promise((resolve) => {
    const ps = spawn('ps', ['-o', 'args=', '--ppid', String(pid)], { stdio: ['ignore', 'pipe', 'ignore'] });
    let output = '';
    ps.stdout.on('data', (chunk: Buffer) => { output += chunk.toString(); });
    ps.once('close', () => resolve(output.split('\n')));
  });
}
