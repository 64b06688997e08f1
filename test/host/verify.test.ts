/** verify and observe: one probe, told as it was; a look at the host that changes nothing. */
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SHELLS, install, makeBench, step } from './host-bench.ts';
import type { HostBench } from './host-bench.ts';

let server: Server;
let origin: string;
beforeAll(async () => {
  server = createServer((request, response) => {
    if (request.url === '/hang') return;
    if (request.url === '/stall') return void response.writeHead(200).write('begin');
    if (request.url === '/big') return void response.writeHead(200).end('x'.repeat(2_000_000));
    if (request.url === '/early') response.writeEarlyHints({ link: '</a>; rel=preload' });
    if (request.url === '/empty') return void response.writeHead(204).end();
    response.writeHead(request.url === '/bad' ? 503 : 200, { 'content-type': 'application/json' }).end(`{"version":"1.0.0","method":"${request.method}","text":"ä\\\\\\n"}\n`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const VARIANTS = SHELLS.flatMap((shell) => (['curl', 'wget'] as const).map((fetcher) => ({ shell, fetcher })));

describe.each(VARIANTS)('under $shell with $fetcher', ({ shell, fetcher }) => {
  let bench: HostBench;
  beforeAll(() => {
    bench = makeBench(shell, { fetcher });
  });
  afterAll(() => bench.dispose());
  const probe = (path: string, extra: Record<string, string> = {}): Promise<Readonly<Record<string, unknown>>> =>
    bench.result('verify', { application: 'web', url: `${origin}${path}`, method: 'GET', timeoutMs: '2000', ...extra });
  // busybox wget shows no body beside a status of failure.
  const bodyOfFailure = fetcher === 'curl' || shell !== 'busybox';

  test('a probe tells status and body as the application gave them', async () => {
    const { status, body } = await probe('/health?a=[1]');
    expect(status).toBe(200);
    expect(JSON.parse(String(body))).toEqual({ version: '1.0.0', method: 'GET', text: 'ä\\\n' });
    expect(await probe('/bad')).toMatchObject({ status: 503, body: bodyOfFailure ? expect.stringContaining('1.0.0') : '' });
    expect(await probe('/empty')).toMatchObject({ status: 204, body: '' });
  });

  test('hints before the answer do not count as the answer', async () => {
    if (fetcher === 'wget') return void expect(await probe('/health')).toMatchObject({ status: 200 });
    expect(await probe('/early')).toMatchObject({ status: 200, body: expect.stringContaining('1.0.0') });
  });

  test('no connection, no answer and half an answer are status 0', async () => {
    expect(await probe('', { url: 'http://127.0.0.1:1/' })).toMatchObject({ status: 0, body: '' });
    expect(await probe('/hang', { timeoutMs: '300' })).toMatchObject({ status: 0 });
    if (fetcher === 'curl') expect(await probe('/stall', { timeoutMs: '300' })).toMatchObject({ status: 0 });
  });

  test('a large body is cut at 16 KiB', async () => {
    expect(await probe('/big')).toEqual(expect.objectContaining({ status: 200, body: 'x'.repeat(16384) }));
  });

  test('HEAD has a status and no body', async () => {
    expect(await probe('/health', { method: 'HEAD' })).toMatchObject({ status: 200, body: '' });
  });

  test('the log comes only when the process is gone', async () => {
    const other = makeBench(shell, { fetcher });
    try {
      const { digest, config } = await install(other, '1.0.0', { program: '#!/bin/sh\nfor i in $(seq 60); do echo line $i; done\nexec sleep 1000\n' });
      await other.result('switch', { ...step('switch'), digest, config, expectedDigest: '' });
      await other.result('start', step('start'));
      const input = { application: 'web', url: `${origin}/health`, method: 'GET', timeoutMs: '2000' };
      const running = await other.result('verify', input);
      expect(running).toMatchObject({ process: { pid: expect.any(Number), startTicks: expect.any(Number), bootId: expect.any(String) } });
      expect(running).not.toHaveProperty('log');
      await other.result('stop', step('stop'));
      const { process: gone, log } = await other.result('verify', input);
      expect(gone).toBe(null);
      expect(String(log).trim().split('\n')).toHaveLength(50);
      expect(String(log)).toContain('line 60');
    } finally {
      other.dispose();
    }
  });

  test('observe changes nothing, tells what is missing, and works where nothing is', async () => {
    const other = makeBench(shell, { fetcher });
    try {
      const seen = await other.result('observe', { applications: 'web,api', logLines: '5' });
      expect(seen).toMatchObject({ maxEpoch: 0, missing: [], marker: null, log: '', applications: [{ application: 'web', digest: null, process: null, unmanaged: false }, { application: 'api' }] });
      expect(seen['freeBytes']).toBeGreaterThan(0);
      expect(seen['bootId']).toMatch(/^[0-9a-f-]{36}$/);
      expect(readdirSync(other.root)).toEqual([]);
      const nowhere = join(other.root, 'not/yet');
      expect(await other.result('observe', { root: nowhere, applications: 'web' })).toMatchObject({ maxEpoch: 0 });
      expect(existsSync(nowhere)).toBe(false);
      rmSync(join(other.tools, 'gzip'));
      rmSync(join(other.tools, fetcher));
      expect(await other.result('observe', { applications: '' })).toMatchObject({ missing: ['gzip', 'curl or wget'] });
    } finally {
      other.dispose();
    }
  });
});
