/** fetch: the right bytes or none, resumed, checked, never from wrong ones. */
import { createServer } from 'node:http';
import type { Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encodeHostInput } from '../../drivers/executors/host-protocol.ts';
import type { HostInput } from '../../drivers/executors/port.ts';
import { SHELLS, makeBench, sha256, step } from './host-bench.ts';
import { until } from '../support/until.ts';
import type { HostBench } from './host-bench.ts';

const CONTENT = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 7919) % 256));
const DIGEST = sha256(CONTENT);
const requests: { path: string; range: string | null }[] = [];
let server: Server;
let store: string;

/** /whole, /slow (stops half-way for good), /plain (knows no ranges), /other, /gone (404), /away (503), /moved (302). */
function serve(path: string, range: string | undefined, response: ServerResponse): void {
  requests.push({ path, range: range ?? null });
  if (path === '/gone') return void response.writeHead(404).end('no');
  if (path === '/away') return void response.writeHead(503).end('later');
  if (path === '/moved') return void response.writeHead(302, { location: '/whole' }).end();
  if (path === '/other') return void response.writeHead(200, { 'content-length': 5 }).end('other');
  if (path === '/slow') {
    response.writeHead(200, { 'content-length': CONTENT.length });
    return void response.write(CONTENT.subarray(0, 100_000));
  }
  const from = path === '/plain' ? 0 : Number(/^bytes=(\d+)-/.exec(range ?? '')?.[1] ?? 0);
  if (from >= CONTENT.length) return void response.writeHead(416).end();
  if (range === undefined || path === '/plain') return void response.writeHead(200, { 'content-length': CONTENT.length }).end(CONTENT);
  response.writeHead(206, { 'content-length': CONTENT.length - from, 'content-range': `bytes ${from}-${CONTENT.length - 1}/${CONTENT.length}` }).end(CONTENT.subarray(from));
}

beforeAll(async () => {
  server = createServer((request, response) => serve(request.url ?? '', request.headers.range, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  store = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const VARIANTS = SHELLS.flatMap((shell) => (['curl', 'wget'] as const).map((fetcher) => ({ shell, fetcher })));

describe.each(VARIANTS)('under $shell with $fetcher', ({ shell, fetcher }) => {
  let bench: HostBench;
  let count = 0;
  const partial = (): string => join(bench.root, `web${count}`, 'packages', `${DIGEST}.part`);
  beforeAll(() => {
    bench = makeBench(shell, { fetcher });
  });
  afterAll(() => bench.dispose());

  /** Each test has an application of its own, so that nothing is cached. */
  const next = (path: string, extra: HostInput = {}): HostInput => {
    count += 1;
    return same(path, extra);
  };
  const same = (path: string, extra: HostInput = {}): HostInput => ({
    ...step(`fetch-${Math.random()}`), application: `web${count}`, version: '1.0.0', uri: path.startsWith('file:') ? path : `${store}${path}`, sha256: DIGEST, sizeBytes: String(CONTENT.length), ...extra,
  });

  test('a package is fetched, checked and put in place by its digest', async () => {
    expect(await bench.result('fetch', next('/whole'))).toEqual({ digest: DIGEST, bytes: CONTENT.length, cached: false });
    expect(existsSync(partial())).toBe(false);
    const before = requests.length;
    expect(await bench.result('fetch', same('/whole'))).toEqual({ digest: DIGEST, bytes: CONTENT.length, cached: true });
    expect(requests).toHaveLength(before);
  });

  test('a package of unknown size is fetched too', async () => {
    const { sizeBytes: _, ...input } = next('/whole');
    expect(await bench.result('fetch', input)).toMatchObject({ cached: false });
  });

  test('a download that was cut goes on where it stopped', async () => {
    const child = bench.spawn('fetch', encodeHostInput({ root: bench.root, ...next('/slow') }));
    const gone = new Promise((resolve) => child.once('exit', resolve));
    await until('the download begins', () => existsSync(partial()) && requests.some((request) => request.path === '/slow'));
    process.kill(-(child.pid ?? 0), 'SIGKILL');
    await gone;
    writeFileSync(partial(), CONTENT.subarray(0, 100_000));
    expect(await bench.result('fetch', same('/whole'))).toMatchObject({ bytes: CONTENT.length, cached: false });
    expect(requests.at(-1)).toEqual({ path: '/whole', range: 'bytes=100000-' });
  });

  test('a part that is whole already is not fetched again', async () => {
    const input = next('/gone');
    mkdirSync(join(bench.root, `web${count}`, 'packages'), { recursive: true });
    writeFileSync(partial(), CONTENT);
    expect(await bench.result('fetch', input)).toMatchObject({ bytes: CONTENT.length });
  });

  test('wrong bytes are named with expected and got, deleted, and never used again', async () => {
    const input = next('/whole');
    mkdirSync(join(bench.root, `web${count}`, 'packages'), { recursive: true });
    writeFileSync(partial(), Buffer.alloc(1000, 1));
    const answer = await bench.run('fetch', input);
    expect(answer).toMatchObject({ ok: false, error: 'digest-mismatch', detail: { expected: DIGEST, got: expect.stringMatching(/^[0-9a-f]{64}$/) } });
    expect(existsSync(partial())).toBe(false);
    expect(await bench.run('fetch', input)).toMatchObject({ ok: true });
  });

  test('a wrong size is named with expected and got, and deleted', async () => {
    expect(await bench.run('fetch', next('/other'))).toMatchObject({ ok: false, error: 'size-mismatch', detail: { expected: CONTENT.length, got: 5 } });
    expect(existsSync(partial())).toBe(false);
    expect(await bench.run('fetch', next('/whole', { sizeBytes: '1000' }))).toMatchObject({ ok: false, error: 'size-mismatch', detail: { expected: 1000 } });
    expect(existsSync(partial())).toBe(false);
  });

  test.each([['/gone', 404], ['/away', 503], ['/moved', 302]] as const)('the store answering %s is fetch-failed and keeps nothing wrong', async (path, status) => {
    const answer = await bench.run('fetch', next(path));
    // A redirect that busybox follows ends at the right bytes all the same.
    if (path === '/moved' && fetcher === 'wget' && shell === 'busybox') expect(answer).toMatchObject({ ok: true });
    else expect(answer).toMatchObject({ ok: false, error: 'fetch-failed', detail: { status } });
  });

  test('a store that is away is fetch-failed with status 0', async () => {
    expect(await bench.run('fetch', next('', { uri: 'http://127.0.0.1:1/x' }))).toMatchObject({ ok: false, error: 'fetch-failed', detail: { status: 0 } });
  });

  test('a host without room refuses before it downloads', async () => {
    const before = requests.length;
    const answer = await bench.run('fetch', next('/whole', { headroomBytes: '99999999999999999' }));
    expect(answer).toMatchObject({ ok: false, error: 'disk-full', detail: { freeBytes: expect.any(Number), neededBytes: 99999999999999999 + CONTENT.length } });
    expect(requests).toHaveLength(before);
  });

  test('a package file on the host itself is taken by its path', async () => {
    const file = join(bench.root, 'package.bin');
    writeFileSync(file, CONTENT);
    expect(await bench.result('fetch', next(`file://${file}`))).toMatchObject({ bytes: CONTENT.length });
    expect(await bench.run('fetch', next(`file://${file}.none`))).toMatchObject({ ok: false, error: 'fetch-failed' });
  });
});
