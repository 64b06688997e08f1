import { afterAll, beforeAll, expect, test } from 'vitest';
import { startApiUnderTest } from './api-under-test.ts';
import { append, endAs, rollOn } from './release-story.ts';
import { FLEET, RELEASE, packageOf } from './samples.ts';
import { until } from '../support/until.ts';
import type { ApiUnderTest } from './api-under-test.ts';

let api: ApiUnderTest;

beforeAll(async () => {
  api = await startApiUnderTest();
  await api.ask('POST', '/v1/apply', { body: { documents: FLEET } });
  await api.ask('POST', '/v1/packages', { body: packageOf('2') });
});

afterAll(() => api.close());

async function newRelease(): Promise<string> {
  return (await api.ask('POST', '/v1/releases', { body: RELEASE })).body.id;
}

/** An event stream as it arrives; `messages` grows. */
async function openStream(id: string, headers: Record<string, string> = {}) {
  const stop = new AbortController();
  const response = await fetch(`${api.url}/v1/releases/${id}/events`, { headers: { accept: 'text/event-stream', authorization: `Bearer ${api.token}`, ...headers }, signal: stop.signal });
  const stream = { response, text: '', isOver: false, stop: () => stop.abort(), ids: () => [...stream.text.matchAll(/^id: (\d+)$/gm)].map(([, version]) => Number(version)) };
  void (async () => {
    try {
      for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) stream.text += new TextDecoder().decode(chunk);
    } catch {
      // ended by the test
    }
    stream.isOver = true;
  })();
  return stream;
}

test('a stream replays the table, follows what comes, and ends with the release', async () => {
  const id = await newRelease();
  await rollOn(api.db, id);
  const stream = await openStream(id);
  expect(stream.response.headers.get('content-type')).toMatch(/^text\/event-stream/);
  const { version } = (await api.ask('GET', `/v1/releases/${id}`)).body;
  await until('the past is replayed', () => stream.ids().length === version);
  await append(api.db, id, { type: 'paused', data: { cause: 'operator', reason: 'why', deadline: null, then: 'stay' } });
  await until('the news arrive', () => stream.ids().length === version + 1);
  expect(stream.isOver).toBe(false);
  await append(api.db, id, { type: 'release-aborted', data: { reason: 'enough' } });
  await until('the stream ends', () => stream.isOver);
  expect(stream.ids()).toEqual(Array.from({ length: version + 2 }, (_, index) => index + 1));
  expect(stream.text).toMatch(new RegExp(`event: end\\ndata: \\{"release":"${id}","version":${version + 2}\\}`));
});

test('a stream goes on exactly behind Last-Event-ID, and at the end of an ended release it ends at once', async () => {
  const id = await newRelease();
  await endAs(api.db, id, 'aborted');
  const all = await openStream(id);
  await until('everything is replayed', () => all.isOver);
  const last = all.ids().at(-1) ?? 0;
  const rest = await openStream(id, { 'last-event-id': String(last - 3) });
  await until('the rest is replayed', () => rest.isOver);
  expect(rest.ids()).toEqual([last - 2, last - 1, last]);
  const nothing = await openStream(id, { 'last-event-id': String(last) });
  await until('it ends', () => nothing.isOver);
  expect(nothing.ids()).toEqual([]);
  expect((await openStream(id, { 'last-event-id': 'x' })).response.status).toBe(422);
});

test('twenty readers of one release each get every event once and in order, while it goes on', async () => {
  const id = await newRelease();
  await rollOn(api.db, id);
  const streams = await Promise.all(Array.from({ length: 20 }, () => openStream(id)));
  for (let turn = 0; turn < 10; turn += 1) {
    await append(api.db, id, { type: 'paused', data: { cause: 'operator', reason: 'why', deadline: null, then: 'stay' } });
    await append(api.db, id, { type: 'resumed', data: { reason: 'so' } });
  }
  await append(api.db, id, { type: 'release-aborted', data: { reason: 'enough' } });
  const { version } = (await api.ask('GET', `/v1/releases/${id}`)).body;
  for (const stream of streams) {
    await until('the stream ends', () => stream.isOver);
    expect(stream.ids()).toEqual(Array.from({ length: version }, (_, index) => index + 1));
  }
});

test('streams leave no listener behind when their reader goes, and end when the process drains', async () => {
  const own = await startApiUnderTest();
  try {
    await own.ask('POST', '/v1/apply', { body: { documents: FLEET } });
    await own.ask('POST', '/v1/packages', { body: packageOf('2') });
    const { id } = (await own.ask('POST', '/v1/releases', { body: RELEASE })).body;
    const gauge = async (): Promise<number> => Number(/^signalbox_api_event_streams (\d+)$/m.exec((await own.ask('GET', '/metrics')).text)?.[1]);
    const before = await gauge();
    const stop = new AbortController();
    const headers = { accept: 'text/event-stream', authorization: `Bearer ${own.token}` };
    await fetch(`${own.url}/v1/releases/${id}/events`, { headers, signal: stop.signal });
    expect(await gauge()).toBe(before + 1);
    stop.abort();
    await until('the stream is let go', async () => (await gauge()) === before);
    const response = await fetch(`${own.url}/v1/releases/${id}/events`, { headers });
    own.drain.abort();
    expect(await response.text()).not.toMatch(/event: end/);
    expect((await own.ask('GET', '/readyz')).status).toBe(503);
  } finally {
    await own.close();
  }
});

test('pages of events give the whole stream, each page behind the last', async () => {
  const id = await newRelease();
  await endAs(api.db, id, 'incomplete');
  const seen: number[] = [];
  for (let path: string | null = `/v1/releases/${id}/events?limit=3`; path !== null; ) {
    const page: Awaited<ReturnType<ApiUnderTest['ask']>> = await api.ask('GET', path);
    seen.push(...page.body.items.map(({ version }: { version: number }) => version));
    path = /^<([^>]+)>; rel="next"$/.exec(page.headers.get('link') ?? '')?.[1] ?? null;
  }
  expect(seen).toEqual(seen.map((_, index) => index + 1));
  expect((await api.ask('GET', `/v1/releases/${id}/events?after=${seen.length}`)).body).toEqual({ items: [], next: null });
});

test('a release at any version reads exactly as it was answered live at that version', async () => {
  const id = await newRelease();
  const live = new Map<number, unknown>();
  const capture = async (): Promise<void> => {
    const { body, headers } = await api.ask('GET', `/v1/releases/${id}`);
    expect(headers.get('etag')).toBe(`"${body.version}"`);
    live.set(body.version, body);
  };
  await capture();
  await rollOn(api.db, id);
  await capture();
  await append(api.db, id, { type: 'paused', data: { cause: 'operator', reason: 'why', deadline: null, then: 'stay' } });
  await capture();
  await append(api.db, id, { type: 'release-aborted', data: { reason: 'enough' } });
  await capture();
  expect(live.size).toBe(4);
  for (const [version, body] of live) expect((await api.ask('GET', `/v1/releases/${id}/at?version=${version}`)).body).toEqual(body);
  expect((await api.ask('GET', `/v1/releases/${id}/at?version=999`)).status).toBe(404);
  expect((await api.ask('GET', `/v1/releases/${id}/at`)).status).toBe(422);
});

test('logs of a host are the lines kept with its failures', async () => {
  const id = await newRelease();
  await endAs(api.db, id, 'incomplete');
  const host = (await api.ask('GET', `/v1/releases/${id}`)).body.batches[0].targets[0].host;
  const logs = await api.ask('GET', `/v1/releases/${id}/logs?host=${host}`);
  expect(logs.body).toEqual({ host, entries: [{ direction: 'forward', step: 'drain', code: 'unreachable', message: 'gone', lines: ['line 1', 'line 2'] }] });
  expect((await api.ask('GET', `/v1/releases/${id}/logs?host=elsewhere`)).status).toBe(404);
  expect((await api.ask('GET', `/v1/releases/${id}/logs`)).status).toBe(422);
});
