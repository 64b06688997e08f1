/** `signalbox check fleet` and what `get hosts` shows of liveness, against the real API; the worker's part is played into its database. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { clearFinding, openFinding } from '../../db/findings.ts';
import { beginFleetCheck, finishFleetCheck } from '../../db/fleet-checks.ts';
import { keepLiveness } from '../../db/liveness.ts';
import { claimOutbox } from '../../db/outbox.ts';
import { startApiUnderTest, type ApiUnderTest } from '../api/api-under-test.ts';
import { FLEET } from '../api/samples.ts';
import { until } from '../support/until.ts';
import { call, type Called } from './call.ts';

let api: ApiUnderTest;
beforeAll(async () => {
  api = await startApiUnderTest();
  await api.ask('POST', '/v1/apply', { body: { documents: FLEET } });
});
afterEach(async () => {
  for (const { id } of (await api.ask('GET', '/v1/findings?limit=200')).body.items) await clearFinding(api.db, id);
});
afterAll(() => api?.close());

const cli = (...args: readonly string[]): Promise<Called> => call([...args], { env: { SIGNALBOX_URL: api.url, SIGNALBOX_TOKEN: api.token } });
const SILENT = { id: 'host-unreachable/web-02', kind: 'host-unreachable', subject: 'web-02', sentence: 'web-02 does not answer: refused', repair: 'Look at the machine.' };

/** What a worker does with the next check that is asked for. */
async function workerFinishes(counts: { readonly hosts: number; readonly dead: number; readonly unjudged: number }): Promise<void> {
  const [message] = await until('a check is asked for', async () => {
    const claimed = await claimOutbox(api.db, { limit: 1 });
    return claimed.length > 0 && claimed;
  });
  await beginFleetCheck(api.db, message?.release ?? '');
  await finishFleetCheck(api.db, message?.release ?? '', counts);
}

describe('check fleet', () => {
  test('waits for the end and exits 0 when every host is well', async () => {
    const [called] = await Promise.all([cli('check', 'fleet', '--reason', 'test'), workerFinishes({ hosts: 4, dead: 0, unjudged: 0 })]);
    expect(called).toMatchObject({ code: 0, stdout: '4 hosts looked at: 4 up, 0 dead\n' });
  });

  test('tells each host that is not well with what to do, and exits 12', async () => {
    await openFinding(api.db, SILENT);
    const [called] = await Promise.all([cli('check', 'fleet'), workerFinishes({ hosts: 4, dead: 1, unjudged: 0 })]);
    expect(called.code).toBe(12);
    expect(called.stdout.split('\n')).toEqual(['4 hosts looked at: 3 up, 1 dead', '', 'web-02 does not answer: refused', '  host-unreachable/web-02', '  → Look at the machine.', '']);
  });

  test('does not call hosts well of which nothing can be said', async () => {
    const [called] = await Promise.all([cli('check', 'fleet', '-o', 'json'), workerFinishes({ hosts: 4, dead: 0, unjudged: 2 })]);
    expect(called.code).toBe(12);
    expect(JSON.parse(called.stdout)).toMatchObject({ state: 'finished', unjudged: 2, findings: [] });
  });

  test('says that it goes on when the time is up before its end', async () => {
    const called = await cli('check', 'fleet', '--timeout', '1s');
    expect(called).toMatchObject({ code: 5, stdout: '' });
    expect(called.stderr).toContain('is not finished yet (asked)');
  });
});

test('get hosts shows which are up, dead since when, or unknown, and when each was last seen; as yaml it stays what can be applied', async () => {
  const at = new Date().toISOString();
  const seen = { checkedAt: at, seenAt: at, deadSince: null, message: null, vitals: null, applications: [] };
  await keepLiveness(api.db, [{ host: 'web-01', state: 'up', ...seen }, { host: 'web-02', state: 'dead', ...seen, deadSince: at, message: 'refused' }]);
  const rows = (await cli('get', 'hosts')).stdout.split('\n').map((line) => line.split(/ {2,}/));
  expect(rows[0]?.slice(0, 3)).toEqual(['NAME', 'LIVENESS', 'LAST SEEN']);
  expect(rows.slice(1, 4).map((cells) => cells.slice(0, 3))).toEqual([['web-01', 'up', at], ['web-02', `dead since ${at}`, at], ['web-03', 'unknown', 'never']]);
  expect((await cli('get', 'hosts', 'web-02')).stdout).toContain(`dead since ${at}`);
  expect(JSON.parse((await cli('get', 'hosts', 'web-02', '-o', 'json')).stdout)).toMatchObject({ name: 'web-02', liveness: { state: 'dead', message: 'refused' } });
  expect((await cli('get', 'hosts', '-o', 'yaml')).stdout).not.toContain('liveness');
});
