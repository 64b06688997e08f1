import { afterAll, beforeAll, expect, test } from 'vitest';
import { createHash } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { startApiUnderTest, pointers } from './api-under-test.ts';
import { APPLICATION, packageOf } from './samples.ts';
import type { ApiUnderTest } from './api-under-test.ts';

const LIMIT = 100_000;
let api: ApiUnderTest;

beforeAll(async () => {
  api = await startApiUnderTest({ packageFileBytesMax: LIMIT });
  await api.ask('PUT', '/v1/applications/web', { body: APPLICATION });
});

afterAll(() => api.close());

const archive = (text: string): Uint8Array => new Uint8Array(gzipSync(text));
const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const put = (sha256: string, bytes: Uint8Array, headers = {}) => api.ask('PUT', `/v1/package-files/${sha256}`, { text: bytes, headers: { 'content-type': 'application/octet-stream', ...headers } });
const kept = (): string[] => readdirSync(join(api.dataDir, 'packages'));

test('a kept file is fetched, whole or from the middle, by the address it got and by no other', async () => {
  const bytes = archive('version one');
  const sha256 = digest(bytes);
  const answer = await put(sha256, bytes);
  expect(answer).toMatchObject({ status: 201, body: { sha256, sizeBytes: bytes.length, uri: expect.stringMatching(/\.tar\.gz$/) } });
  expect((await put(sha256, bytes)).status).toBe(200);
  const whole = await fetch(answer.body.uri);
  expect(digest(new Uint8Array(await whole.arrayBuffer()))).toBe(sha256);
  const part = await fetch(answer.body.uri, { headers: { range: 'bytes=5-' } });
  expect(part.status).toBe(206);
  expect(new Uint8Array(await part.arrayBuffer())).toEqual(bytes.slice(5));
  expect((await fetch(answer.body.uri, { headers: { range: 'bytes=99999999-' } })).status).toBe(416);
  const path = new URL(answer.body.uri).pathname;
  for (const wrong of [path.replace(/\/[0-9a-f]{64}\.tar/, `/${'0'.repeat(64)}.tar`), path.replace(sha256, digest(archive('other')))]) expect((await api.ask('GET', wrong, { token: null })).status).toBe(404);
  expect((await api.ask('GET', `/v1/package-files/${sha256}/..%2f..%2fpackage-key`, { token: null })).status).toBe(422);
});

test('a file with another digest is refused with expected and got, and nothing stays', async () => {
  const bytes = archive('version two');
  const before = kept();
  const answer = await put('0'.repeat(64), bytes);
  expect(answer).toMatchObject({ status: 422, body: { errors: [{ in: 'path', pointer: '/sha256', message: expect.stringMatching(new RegExp(`expected 0{64}, got ${digest(bytes)}`)) }] } });
  expect(kept()).toEqual(before);
});

test('a file that is too large, empty, no archive or of another type is refused, and nothing stays', async () => {
  const before = kept();
  const large = new Uint8Array(LIMIT + 1);
  expect((await put(digest(large), large)).status).toBe(413);
  const streamed = await fetch(`${api.url}/v1/package-files/${digest(large)}`, { method: 'PUT', body: new Blob([large]).stream(), duplex: 'half', headers: { authorization: `Bearer ${api.token}`, 'content-type': 'application/octet-stream' } } as RequestInit);
  expect(streamed.status).toBe(413);
  const empty = new Uint8Array(0);
  expect((await put(digest(empty), empty)).status).toBe(422);
  const text = new TextEncoder().encode('no archive');
  expect((await put(digest(text), text)).status).toBe(422);
  expect((await put(digest(text), text, { 'content-type': 'text/plain' })).status).toBe(415);
  expect(kept()).toEqual(before);
});

test('the secret behind the addresses is readable by its owner alone', () => {
  expect(statSync(join(api.dataDir, 'package-key')).mode & 0o777).toBe(0o600);
});

test('a kept file can be registered, once; other content under its version is a conflict', async () => {
  const bytes = archive('version three');
  const { body } = await put(digest(bytes), bytes);
  const request = { ...packageOf('3'), uri: body.uri, sha256: body.sha256, sizeBytes: body.sizeBytes };
  const registered = await api.ask('POST', '/v1/packages', { body: request });
  expect(registered).toMatchObject({ status: 201, body: { id: 'web@3', sizeBytes: body.sizeBytes, kind: 'full', source: { commit: null } } });
  expect((await api.ask('GET', registered.headers.get('location') ?? '')).body).toEqual(registered.body);
  expect((await api.ask('POST', '/v1/packages', { body: request })).status).toBe(200);
  expect((await api.ask('POST', '/v1/packages', { body: { ...request, sha256: 'b'.repeat(64) } })).status).toBe(409);
  expect((await api.ask('GET', '/v1/packages/web@3')).body.sha256).toBe(body.sha256);
});

test('a package needs its application and an address below a store', async () => {
  const answer = await api.ask('POST', '/v1/packages', { body: { ...packageOf('1'), application: 'ghost', uri: 'http://169.254.169.254/x.zip' } });
  expect(pointers(answer)).toEqual(['/application', '/uri']);
  expect(pointers(await api.ask('POST', '/v1/packages', { body: { ...packageOf('1'), size: 1, sizeBytes: 2 } }))).toEqual(['/size']);
});

test('packages are listed by application, page by page', async () => {
  await api.ask('PUT', '/v1/applications/other', { body: { ...APPLICATION, name: 'other' } });
  for (const version of ['4', '5', '6']) await api.ask('POST', '/v1/packages', { body: packageOf(version) });
  for (const version of ['1', '2']) await api.ask('POST', '/v1/packages', { body: { ...packageOf(version), application: 'other' } });
  const all: string[] = [];
  for (let path: string | null = '/v1/packages?application=web&limit=2'; path !== null; ) {
    const page: Awaited<ReturnType<ApiUnderTest['ask']>> = await api.ask('GET', path);
    all.push(...page.body.items.map(({ id }: { id: string }) => id));
    path = /^<([^>]+)>; rel="next"$/.exec(page.headers.get('link') ?? '')?.[1] ?? null;
  }
  expect(all).toEqual(['web@3', 'web@4', 'web@5', 'web@6']);
  expect((await api.ask('GET', '/v1/packages')).body.items.length).toBe(6);
});
