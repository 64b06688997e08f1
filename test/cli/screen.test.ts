import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ServerResponse } from 'node:http';
import { begin, call } from './call.ts';
import { RecordedServer, eventLike, openEvents, releaseLike, sendEvent, sendJson } from './recorded-server.ts';
import { until } from '../support/until.ts';

const ID = 'r-recorded0001';
const TERMINAL = { columns: 100, rows: 30 };
const FAILED = releaseLike({
  status: 'failed',
  version: 9,
  finishedAt: '2026-01-05T10:01:00.000Z',
  failure: { class: 'bad-build', code: 'digest-mismatch', message: 'expected a, got b\n::warning::x 100%', next: 'Register the right file.' },
});

let server: RecordedServer;
let release = releaseLike({});
let stream: ServerResponse | null;

beforeEach(async () => {
  stream = null;
  release = releaseLike({});
  server = await new RecordedServer().start();
  server.on(`GET /v1/releases/${ID}`, (_seen, response) => sendJson(response, 200, release));
  server.on(`GET /v1/releases/${ID}/events`, (seen, response) => {
    if (seen.headers.accept !== 'text/event-stream') return sendJson(response, 200, { items: [], next: null });
    openEvents(response);
    stream = response;
  });
});
afterEach(() => server.stop());

function args(...more: string[]): string[] {
  return ['watch', ID, '--url', server.url, '--token', 'secret', ...more];
}

async function watchToItsEnd(env: Record<string, string>, terminal?: typeof TERMINAL): Promise<string> {
  const calling = begin(args(), { env, ...(terminal === undefined ? {} : { terminal }) });
  await until('the stream is open', () => stream !== null);
  release = releaseLike({ status: 'succeeded', version: 6, finishedAt: '2026-01-05T10:01:00.000Z' });
  sendEvent(stream!, eventLike(6, 'release-succeeded', { debt: [] }));
  return (await calling.done).stdout;
}

describe('where a release is shown', () => {
  test('on a terminal the tree is redrawn in place and the last picture stays', async () => {
    const out = await watchToItsEnd({}, TERMINAL);
    expect(out.match(/Pool: {6}web-prod/g)?.length).toBe(1);
    expect(out).toMatch(/⟳ releasing[\s\S]*\u001b\[\d*[AGK][\s\S]*✔ succeeded/);
    expect(out).not.toContain('10:00:06Z');
    expect(out).toContain(`✔ ${ID} succeeded after 1m00s`);
  });

  test('under CI a terminal gets plain lines too', async () => {
    const out = await watchToItsEnd({ CI: 'true' }, TERMINAL);
    expect(out).toContain('10:00:06Z');
    expect(out).not.toContain('Pool:      web-prod');
  });

  test('a pipe gets one plain line per change, without a single escape', async () => {
    const out = await watchToItsEnd({});
    expect(out.split('\n')).toEqual([`⟳ ${ID} releasing`, '10:00:06Z ✔ release succeeded', `✔ ${ID} succeeded after 1m00s`, '']);
  });

  test('NO_COLOR leaves a terminal without colours, and FORCE_COLOR colours a pipe', async () => {
    expect(await watchToItsEnd({ NO_COLOR: '1' }, TERMINAL)).not.toMatch(/\u001b\[3\dm/);
    stream = null;
    release = releaseLike({});
    expect(await watchToItsEnd({ FORCE_COLOR: '1' })).toMatch(/\u001b\[3\dm/);
  });
});

describe('on GitHub Actions', () => {
  test('a failed release becomes one annotation and a paragraph of the summary', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'signalbox-summary-'));
    try {
      const summary = join(folder, 'summary.md');
      appendFileSync(summary, 'before\n');
      release = FAILED;
      const { code, stdout } = await call(args(), { env: { GITHUB_ACTIONS: 'true', GITHUB_STEP_SUMMARY: summary } });
      expect(code).toBe(1);
      const commands = stdout.split('\n').filter((line) => line.trimStart().startsWith('::'));
      expect(commands.length).toBe(1);
      expect(commands[0]).toContain('::error title=Signalbox::');
      expect(commands[0]).toContain('100%25');
      expect(readFileSync(summary, 'utf8')).toContain(`before\n### Release ${ID}: failed`);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test('elsewhere nothing of it is printed', async () => {
    release = FAILED;
    expect((await call(args())).stdout).not.toContain('::error title');
  });
});
