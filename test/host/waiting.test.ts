/** Waiting ends when its reason does: a start once the application runs, a probe once there is a socket, both when the process is gone. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import type { HostInput } from '../../drivers/executors/port.ts';
import { SHELLS, install, makeBench, step } from './host-bench.ts';
import type { HostBench, ObservedProcess } from './host-bench.ts';

const endings: (() => void)[] = [];
afterEach(() => {
  for (const end of endings.splice(0)) end();
});

const FOR_EVER = '60000';
/** far below FOR_EVER, far above what a busy machine needs */
const SOON_MS = 20_000;

async function switched(shell: (typeof SHELLS)[number], program?: string, extra: HostInput = {}): Promise<HostBench> {
  const bench = makeBench(shell);
  endings.push(() => bench.dispose());
  const { digest, config } = await install(bench, '1.0.0', program === undefined ? { extra } : { program, extra });
  await bench.result('switch', { ...step('switch'), digest, config, expectedDigest: '' });
  return bench;
}

async function freePort(): Promise<number> {
  const holder = createServer();
  await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
  const { port } = holder.address() as AddressInfo;
  await new Promise((resolve) => holder.close(resolve));
  return port;
}

/** The application as a web server that begins to listen after this while. */
function webServer(port: number, afterMs: number): HostInput {
  const code = `setTimeout(() => require('http').createServer((request, response) => response.end(request.url)).listen(${port}, '127.0.0.1'), ${afterMs})`;
  return { 'command.0': process.execPath, 'command.1': '-e', 'command.2': code };
}

const verify = (bench: HostBench, port: number, extra: HostInput): Promise<Readonly<Record<string, unknown>>> =>
  bench.result('verify', { application: 'web', url: `http://127.0.0.1:${port}/a:1?b=:2`, method: 'GET', timeoutMs: '2000', ...extra });

async function took(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

describe.each(SHELLS)('under %s', (shell) => {
  test('start without settling ends with the application in the place of the shell that began it', async () => {
    const bench = await switched(shell);
    for (let round = 0; round < 5; round += 1) {
      const { pid } = (await bench.result('start', { ...step(`start-${round}`), settleMs: '0' }))['process'] as ObservedProcess;
      expect(readFileSync(`/proc/${pid}/cmdline`, 'utf8')).toMatch(/^\/bin\/sh\0\.\/app\0|^sleep\0/);
      await bench.result('stop', step(`stop-${round}`));
    }
  });

  test('start without settling still fails for a program that is not there', async () => {
    const bench = await switched(shell, undefined, { 'command.0': './no-such-program' });
    // Many times: the first moments of the process are the shell's, and must not be taken for the program's.
    for (let round = 0; round < 12; round += 1) {
      const failed = await bench.run('start', { ...step(`start-${round}`), settleMs: '0' });
      expect(failed).toMatchObject({ ok: false, error: 'start-failed', detail: { log: expect.stringContaining('no-such-program') } });
      expect(await bench.run('start', { ...step(`start-${round}`), settleMs: '0' })).toEqual(failed);
    }
  });

  test('a process that ends while start settles fails it long before the time is over', async () => {
    const bench = await switched(shell, '#!/bin/sh\necho "no database" >&2\nsleep 0.3\nexit 1\n');
    const spent = await took(async () => expect(await bench.run('start', { ...step('start'), settleMs: FOR_EVER })).toMatchObject({ ok: false, error: 'start-failed', detail: { log: 'no database\n' } }));
    expect(spent).toBeLessThan(SOON_MS);
  });

  test('a process that ends after a start without settling is told by the probe, with its log and without waiting', async () => {
    const bench = await switched(shell, '#!/bin/sh\nsleep 0.3\necho "no database" >&2\nexit 1\n');
    const port = await freePort();
    await bench.result('start', { ...step('start'), settleMs: '0' });
    const spent = await took(async () => expect(await verify(bench, port, { waitMs: FOR_EVER })).toMatchObject({ status: 0, process: null, log: 'no database\n' }));
    expect(spent).toBeLessThan(SOON_MS);
  });

  test.each([
    ['the process holds', (web: HostInput): HostInput => web],
    ['a child of the process holds', (web: HostInput): HostInput => ({ 'command.0': '/bin/sh', 'command.1': '-c', 'command.2': '"$@" & wait', 'command.3': 'sh', 'command.4': web['command.0'] ?? '', 'command.5': web['command.1'] ?? '', 'command.6': web['command.2'] ?? '' })],
  ])('a waiting probe asks as soon as %s a socket', async (_who, command) => {
    const port = await freePort();
    const bench = await switched(shell, undefined, command(webServer(port, 300)));
    await bench.result('start', { ...step('start'), settleMs: '0' });
    const spent = await took(async () => expect(await verify(bench, port, { waitMs: FOR_EVER })).toMatchObject({ status: 200, body: '/a:1?b=:2', process: { pid: expect.any(Number) } }));
    expect(spent).toBeGreaterThan(150);
    expect(spent).toBeLessThan(SOON_MS);
  });

  test('a probe does not wait for a process that has a socket and still does not answer', async () => {
    const bench = await switched(shell, undefined, webServer(await freePort(), 0));
    const other = await freePort();
    await bench.result('start', { ...step('start'), settleMs: '0' });
    expect(await took(async () => expect(await verify(bench, other, { waitMs: FOR_EVER })).toMatchObject({ status: 0, process: { pid: expect.any(Number) } }))).toBeLessThan(SOON_MS);
  });

  test('a waiting probe asks all the same once its wait is over, and never waits for a process that is not there', async () => {
    const bench = await switched(shell);
    const port = await freePort();
    expect(await took(async () => expect(await verify(bench, port, { waitMs: FOR_EVER })).toMatchObject({ status: 0, process: null }))).toBeLessThan(SOON_MS);
    await bench.result('start', { ...step('start'), settleMs: '0' });
    const spent = await took(async () => expect(await verify(bench, port, { waitMs: '300' })).toMatchObject({ status: 0, process: { pid: expect.any(Number) } }));
    expect(spent).toBeGreaterThan(300);
    expect(spent).toBeLessThan(SOON_MS);
  });

  test('waits that are no numbers, or too long, are refused', async () => {
    const bench = await switched(shell);
    for (const settleMs of ['x', '-1', '60001']) expect(await bench.run('start', { ...step('start'), settleMs }), settleMs).toMatchObject({ ok: false, error: 'bad-input' });
    for (const waitMs of ['x', '1.5', '1000000']) {
      expect(await bench.run('verify', { application: 'web', url: 'http://127.0.0.1:1/', method: 'GET', timeoutMs: '100', waitMs }), waitMs).toMatchObject({ ok: false, error: 'bad-input' });
    }
  });
});
