/** `signalbox doctor` and `signalbox repair` against the real API. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { sql } from 'kysely';
import { clearFinding, openFinding } from '../../db/findings.ts';
import { givePulse } from '../../db/outages.ts';
import { noteOwnRepair, settleRepair, askedRepairs } from '../../db/repairs.ts';
import { startApiUnderTest, type ApiUnderTest } from '../api/api-under-test.ts';
import { until } from '../support/until.ts';
import { call, type Called } from './call.ts';

let api: ApiUnderTest;
beforeAll(async () => {
  api = await startApiUnderTest();
});
afterEach(async () => {
  for (const { id } of (await api.ask('GET', '/v1/findings?limit=200')).body.items) await clearFinding(api.db, id);
});
afterAll(() => api?.close());

const cli = (...args: readonly string[]): Promise<Called> => call([...args], { env: { SIGNALBOX_URL: api.url, SIGNALBOX_TOKEN: api.token } });
const LOST = { id: 'break-glass/web-01', kind: 'break-glass', subject: 'web-01', sentence: 'Somebody put web-01 back by hand.', matters: 'Releases are refused.', repair: 'signalbox repair break-glass/web-01 --reason ...', verb: 'adopt-host', about: { host: 'web-01', marker: 'm' } } as const;

describe('doctor', () => {
  test('tells every part that is not well with what to do, and exits 12', async () => {
    const { code, stdout } = await cli('doctor');
    expect(code).toBe(12);
    expect(stdout).toMatch(/✔ database +answers in/);
    expect(stdout).toMatch(/✖ temporal +does not answer/);
    expect(stdout).toContain('→ Start Temporal');
    expect(stdout).toContain('No finding is open.');
  });

  test('tells every finding with since when, why it matters and the one command that repairs it, more than fit a page too', async () => {
    for (let n = 0; n < 201; n++) await openFinding(api.db, { id: `drift/n${n}`, kind: 'drift', subject: 'web-02', sentence: `number ${n}`, repair: 'look' });
    await openFinding(api.db, LOST);
    const { stdout } = await cli('doctor');
    expect(stdout).toContain('202 findings are open:');
    expect(stdout).toContain('✖ Somebody put web-01 back by hand.');
    expect(stdout).toMatch(/break-glass\/web-01, since 20/);
    expect(stdout).toContain('  Releases are refused.\n  → signalbox repair break-glass/web-01 --reason ...');
    const json = JSON.parse((await cli('doctor', '-o', 'json')).stdout) as { ok: boolean; findings: unknown[] };
    expect(json).toMatchObject({ ok: false });
    expect(json.findings).toHaveLength(202);
  });

  test('tells what was repaired without being asked', async () => {
    await noteOwnRepair(api.db, { what: 'lock-freed', subject: 'r-1', sentence: 'Release r-1 has ended but still owned web-01; that was freed.' });
    expect((await cli('doctor')).stdout).toContain('r-1 has ended but still owned web-01');
  });

  test('without an API says what to look at, and exits 9', async () => {
    const { code, stderr } = await call(['doctor', '--url', 'http://127.0.0.1:1', '--token', 'x', '--retry-for', '0s']);
    expect(code).toBe(9);
    expect(stderr).toContain('Is the API running');
  });
});

describe('repair', () => {
  test('waits until it is done and says what was done', async () => {
    await openFinding(api.db, LOST);
    const repairing = cli('repair', 'break-glass/web-01', '--reason', 'looked at it');
    const [asked] = await until('the request', async () => {
      const all = await askedRepairs(api.db, 'adopt-host');
      return all.length > 0 && all;
    });
    await settleRepair(api.db, asked?.id ?? '', { state: 'applied', outcome: 'web-01 obeys again.' });
    expect(await repairing).toMatchObject({ code: 0, stdout: 'web-01 obeys again.\n' });
  });

  test('exits 8 when it is refused, and 5 when nobody could do it in time', async () => {
    await openFinding(api.db, { ...LOST, id: 'traffic-differs/p/web-01', verb: 'assert-again', about: { release: 'r-00000000', host: 'web-01', pool: 'web-prod', server: 'web-01' } });
    expect(await cli('repair', 'traffic-differs/p/web-01', '--reason', 'x')).toMatchObject({ code: 8, stdout: expect.stringContaining('wants nothing of server web-01') });
    await openFinding(api.db, LOST);
    expect(await cli('repair', 'break-glass/web-01', '--reason', 'x', '--timeout', '1s')).toMatchObject({ code: 5, stderr: expect.stringContaining('a worker does it') });
    expect((await cli('repair', 'break-glass/nobody', '--reason', 'x')).code).toBe(2);
  });

  test('is what a finding of a list can be read by, too', async () => {
    await openFinding(api.db, LOST);
    expect((await cli('get', 'finding', 'break-glass/web-01', '-o', 'name')).stdout).toBe('break-glass/web-01\n');
    expect((await cli('get', 'findings', '-o', 'wide')).stdout).toContain('WHY IT MATTERS');
  });
});

test('what is well is told as well', async () => {
  await givePulse(api.db);
  await sql`insert into watchdog_turns (part, by) values ('rounds', 'test')`.execute(api.db.kysely);
  const { stdout } = await cli('doctor');
  // Nobody answers where this API looks for Temporal: that alone is wrong here.
  expect(stdout.split('\n').filter((line) => line.startsWith('✖'))).toEqual([expect.stringMatching(/^✖ temporal/)]);
});
