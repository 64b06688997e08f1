import { spawn, type ChildProcess } from 'node:child_process';
import { afterEach, expect, test } from 'vitest';
import { takeSnapshot, timeBetween, waitedForMs, type Root } from '../../../bench/ansible/processor-time.ts';
import { runCommand } from '../../../stack/command.ts';

const BURN = 'i=0; while [ $i -lt 400000 ]; do i=$((i+1)); done';
const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) process.kill(-child.pid, 'SIGKILL');
});

/** Runs `script` each time it is asked to, and tells when it is done. */
function shell(script: string): { readonly root: Root; readonly once: () => Promise<void> } {
  const child = spawn('sh', ['-c', `while read -r line; do ${script}; echo done; done`], { detached: true, stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  return {
    root: { name: 'service', pid: child.pid ?? 0, label: () => 'child', ended: 'ended child' },
    once: () =>
      new Promise((resolve) => {
        child.stdout?.once('data', () => resolve());
        child.stdin?.write('go\n');
      }),
  };
}

test('what a service does itself is told under its name', async () => {
  const { root, once } = shell(BURN);
  const before = takeSnapshot([root]);
  await once();
  const [only, ...others] = timeBetween(before, takeSnapshot([root]));
  expect(only?.label).toBe('service');
  expect(only?.ms).toBeGreaterThan(50);
  expect(others).toStrictEqual([]);
});

test('a child that came and was waited for in between is counted', async () => {
  const { root, once } = shell(`sh -c '${BURN}'`);
  const before = takeSnapshot([root]);
  await once();
  const times = timeBetween(before, takeSnapshot([root]));
  expect(times[0]).toMatchObject({ label: 'ended child' });
  expect(times[0]?.ms).toBeGreaterThan(50);
});

test('a child that had worked before the first look is not counted when its parent inherits its time', async () => {
  const { root, once } = shell(`if [ -z "\${worker:-}" ]; then (${BURN}; exec sleep 60) & worker=$!; else kill $worker; wait $worker; fi`);
  await once();
  const worked = async (): Promise<boolean> => timeBetween(new Map(), takeSnapshot([root])).some(({ label, ms }) => label === 'child' && ms > 50);
  await expect.poll(worked, { timeout: 20_000 }).toBe(true);
  const before = takeSnapshot([root]);
  const inherited = [...before.values()].reduce((sum, { ownMs }) => sum + ownMs, 0);
  await once();
  const counted = timeBetween(before, takeSnapshot([root])).reduce((sum, { ms }) => sum + ms, 0);
  expect(inherited).toBeGreaterThan(50);
  expect(counted).toBeLessThan(inherited);
});

test('a service that has ended is named instead of counting as nothing', () => {
  expect(() => takeSnapshot([{ name: 'API', pid: 2 ** 22 + 1, label: () => 'API', ended: 'API' }])).toThrow('API (process 4194305) has ended');
});

test('the time of commands that this process ran to their end is its own to tell', async () => {
  const beforeMs = waitedForMs();
  await runCommand('sh', ['-c', BURN], { timeoutMs: 30_000 });
  expect(waitedForMs() - beforeMs).toBeGreaterThan(50);
});
