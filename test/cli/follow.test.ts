import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ServerResponse } from 'node:http';
import { begin } from './call.ts';
import type { Calling } from './call.ts';
import { RecordedServer, eventLike, openEvents, releaseLike, sendEvent, sendJson } from './recorded-server.ts';
import { until } from '../support/until.ts';

const ID = 'r-recorded0001';
const STREAM = `GET /v1/releases/${ID}/events`;

let server: RecordedServer;
let release = releaseLike({});
let streams: ServerResponse[] = [];
const calls: Calling[] = [];

beforeEach(async () => {
  server = await new RecordedServer().start();
  release = releaseLike({});
  streams = [];
  play(server);
});
afterEach(async () => {
  for (const calling of calls.splice(0)) {
    calling.interrupt();
    await calling.done;
  }
  await server.stop();
});

function play(on: RecordedServer): void {
  on.on(`GET /v1/releases/${ID}`, (_seen, response) => sendJson(response, 200, release));
  on.on(STREAM, (seen, response) => {
    if (seen.headers.accept !== 'text/event-stream') return sendJson(response, 200, { items: [eventLike(9, 'release-succeeded', { debt: [] })], next: null });
    openEvents(response);
    streams.push(response);
  });
}

function watch(...more: string[]): Calling {
  const calling = begin(['watch', ID, '--url', server.url, '--token', 'secret', ...more]);
  calls.push(calling);
  return calling;
}

function linesWith(calling: Calling, text: string): number {
  return calling.stdout().split('\n').filter((line) => line.includes(text)).length;
}

describe('following a release', () => {
  test('a stream that breaks is taken up again with Last-Event-ID, and no event is told twice', async () => {
    const calling = watch();
    await until('the stream is open', () => streams.length === 1);
    sendEvent(streams[0]!, eventLike(6, 'batch-started', { index: 1, part: 'whole', round: 0, hosts: ['web-02'] }));
    await until('the event is told', () => linesWith(calling, 'web-02') === 1);
    streams[0]!.destroy();
    await until('the stream is open again', () => streams.length === 2);
    expect(server.requests(STREAM).map((seen) => seen.headers['last-event-id'])).toEqual(['5', '6']);
    sendEvent(streams[1]!, eventLike(6, 'batch-started', { index: 1, part: 'whole', round: 0, hosts: ['web-02'] }));
    sendEvent(streams[1]!, eventLike(7, 'batch-finished', { index: 1, part: 'whole', round: 0, succeeded: 1, failed: [], untouched: [] }));
    await until('the next event is told', () => linesWith(calling, 'batch 1 whole finished') === 1);
    expect(linesWith(calling, 'batch 1 whole started')).toBe(1);
  });

  test('a server that restarts in the middle costs nothing but time', async () => {
    const calling = watch();
    await until('the stream is open', () => streams.length === 1);
    const { port } = server;
    await server.stop();
    server = new RecordedServer();
    play(server);
    release = releaseLike({ status: 'succeeded', version: 9, finishedAt: '2026-01-05T10:02:00.000Z' });
    await server.start(port);
    const called = await calling.done;
    expect(called.code).toBe(0);
    expect(called.stdout).toContain('release succeeded');
  });

  test('the end seen by the poll still tells the events the stream did not bring', async () => {
    const calling = watch();
    await until('the stream is open', () => streams.length === 1);
    release = releaseLike({ status: 'succeeded', version: 9, finishedAt: '2026-01-05T10:02:00.000Z' });
    sendEvent(streams[0]!, eventLike(6, 'phase-entered', { phase: 'post-release' }));
    const { stdout } = await calling.done;
    expect(stdout).toContain('phase post-release');
    expect(stdout).toContain('10:00:09Z ✔ release succeeded');
  });

  test('Ctrl-C detaches with code 130 and prints the commands to resume, stop and take back', async () => {
    const calling = watch();
    await until('the stream is open', () => streams.length === 1);
    calling.interrupt();
    const called = await calling.done;
    expect(called.code).toBe(130);
    expect(called.stderr).toContain(`Watch again: signalbox watch ${ID}`);
    expect(server.seen.filter((seen) => seen.method !== 'GET')).toEqual([]);
  });

  test('SIGTERM detaches with code 143', async () => {
    const calling = watch();
    await until('the stream is open', () => streams.length === 1);
    calling.interrupt('SIGTERM');
    expect((await calling.done).code).toBe(143);
  });

  test('steps of single targets are told only with --verbose', async () => {
    const plain = watch();
    const verbose = watch('--verbose');
    await until('both streams are open', () => streams.length === 2);
    for (const stream of streams) {
      sendEvent(stream, eventLike(6, 'target-step-begun', { host: 'web-03', epoch: 1, direction: 'forward', round: 0, step: 'drain' }));
      sendEvent(stream, eventLike(7, 'target-step-failed', { host: 'web-03', epoch: 1, direction: 'forward', round: 0, step: 'drain', failure: { message: 'socket gone' } }));
    }
    await until('the failure is told by both', () => linesWith(plain, 'drain failed: socket gone') === 1 && linesWith(verbose, 'drain failed: socket gone') === 1);
    expect(linesWith(plain, 'drain begun')).toBe(0);
    expect(linesWith(verbose, 'drain begun')).toBe(1);
  });

  test('an unchanged release is asked for by its ETag and not sent again', async () => {
    server.on(`GET /v1/releases/${ID}`, (seen, response) => {
      if (seen.headers['if-none-match'] !== `"${release.version}"`) return sendJson(response, 200, release);
      response.writeHead(304).end();
    });
    const calling = watch();
    await until('the stream is open', () => streams.length === 1);
    sendEvent(streams[0]!, eventLike(5, 'phase-entered', { phase: 'release' }));
    await until('the release is asked for again', () => server.requests(`GET /v1/releases/${ID}`).length === 2);
    release = releaseLike({ status: 'aborted', version: 8, finishedAt: '2026-01-05T10:02:00.000Z' });
    sendEvent(streams[0]!, eventLike(6, 'release-aborted', { reason: 'enough' }));
    expect((await calling.done).code).toBe(6);
  });
});

describe('events', () => {
  test('events --follow prints one JSON event per line until the release ends', async () => {
    release = releaseLike({ version: 5 });
    const calling = begin(['events', ID, '--follow', '-o', 'json', '--after', '5', '--url', server.url, '--token', 'secret']);
    calls.push(calling);
    await until('the stream is open', () => streams.length === 1);
    release = releaseLike({ status: 'succeeded', version: 9, finishedAt: '2026-01-05T10:02:00.000Z' });
    sendEvent(streams[0]!, eventLike(6, 'resumed', { reason: 'fixed' }));
    const { code, stdout } = await calling.done;
    expect(code).toBe(0);
    expect(stdout.trim().split('\n').map((line) => (JSON.parse(line) as { version: number }).version)).toEqual([6, 9]);
  });
});
