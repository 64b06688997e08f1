import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { buildPackage } from '../../../examples/demo/packages.ts';
import { get } from '../../../examples/demo/traffic.ts';
import { endChild } from '../../../stack/children.ts';
import { freePort } from '../../../stack/ports.ts';
import { until } from '../../support/until.ts';

const cleanups: (() => Promise<unknown> | void)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** The package unpacked by the system's tar, as a host does it, and started there. */
async function run(version: string, behaviour: string | null, host = 'demo-01'): Promise<{ url: string; child: ChildProcess }> {
  const folder = mkdtempSync(join(tmpdir(), 'app-'));
  writeFileSync(join(folder, 'package.tar.gz'), buildPackage(version, behaviour).content);
  execFileSync('tar', ['-xzf', 'package.tar.gz'], { cwd: folder });
  const port = await freePort();
  const child = spawn(process.execPath, ['app.cjs', '-port', String(port)], { cwd: folder, stdio: ['ignore', 'pipe', 'ignore'], env: { PATH: process.env['PATH'], HOST_NAME: host } });
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }), () => endChild(child, { signal: 'SIGKILL', timeoutMs: 1_000 }));
  await new Promise((resolve) => child.stdout?.once('data', resolve));
  return { url: `http://127.0.0.1:${port}`, child };
}

test('a good version answers its version and process on both addresses', async () => {
  const { url, child } = await run('1.2.3', null);
  for (const path of ['/', '/health']) {
    const { status, body } = await get(`${url}${path}`, 2_000);
    expect(status).toBe(200);
    expect(JSON.parse(body)).toEqual({ version: '1.2.3', pid: child.pid, host: 'demo-01' });
  }
  expect((await get(`${url}/else`, 2_000)).status).toBe(404);
});

test('a version that never answers takes the connection and stays silent, and still stops', async () => {
  const { url, child } = await run('3.0.0', 'never-answer');
  await expect(get(`${url}/health`, 300)).rejects.toThrow();
  child.kill('SIGTERM');
  await until('its end', () => child.exitCode !== null);
});

test('a version that fails on one host is healthy on every other', async () => {
  const there = await run('4.0.0', 'fail-on:demo-05', 'demo-05');
  const elsewhere = await run('4.0.0', 'fail-on:demo-05', 'demo-06');
  expect((await get(`${there.url}/health`, 2_000)).status).toBe(500);
  expect((await get(`${elsewhere.url}/health`, 2_000)).status).toBe(200);
});

test('SIGTERM lets a kept connection go at once and ends with code 0', async () => {
  const { url, child } = await run('1.0.0', null);
  const { Agent } = await import('node:http');
  const agent = new Agent({ keepAlive: true });
  cleanups.push(() => agent.destroy());
  await new Promise((resolve, reject) => {
    request(url, { agent }, (response) => response.resume().once('end', resolve)).once('error', reject).end();
  });
  child.kill('SIGTERM');
  await until('its end', () => child.exitCode !== null, 2_500);
  expect(child.exitCode).toBe(0);
});

test('the same version always gives the same bytes, another behaviour others', () => {
  expect(buildPackage('1.0.0').sha256).toBe(buildPackage('1.0.0').sha256);
  expect(buildPackage('1.0.0').sha256).not.toBe(buildPackage('1.0.1').sha256);
  expect(buildPackage('1.0.0').sha256).not.toBe(buildPackage('1.0.0', 'never-answer').sha256);
});
