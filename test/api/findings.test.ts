/** Findings over HTTP: pages and filters, their repair, what they say of a release, and how the parts are. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { sql } from 'kysely';
import { clearFinding, openFinding } from '../../db/findings.ts';
import { givePulse } from '../../db/outages.ts';
import { askedRepairs, getRepair, settleRepair } from '../../db/repairs.ts';
import { claimOutbox } from '../../db/outbox.ts';
import { openRelease } from '../../db/requests.ts';
import { acquirePool } from '../../db/pools.ts';
import { endAll } from '../db/samples.ts';
import { startApiUnderTest, type ApiUnderTest } from './api-under-test.ts';
import { FLEET, packageOf, RELEASE } from './samples.ts';
import type { NewFinding } from '../../domain/watchdog/finding.ts';

let api: ApiUnderTest;
const ACTOR = { kind: 'token', name: 'ci' } as const;

beforeAll(async () => {
  api = await startApiUnderTest();
  expect((await api.ask('POST', '/v1/apply', { body: { documents: FLEET } })).status).toBe(200);
  expect((await api.ask('POST', '/v1/packages', { body: packageOf('2') })).status).toBeLessThan(300);
});
afterEach(async () => {
  for (const { id } of (await api.ask('GET', '/v1/findings?limit=200')).body.items) await clearFinding(api.db, id);
  await endAll(api.db);
});
afterAll(() => api?.close());

const told = (id: string, more: Partial<NewFinding> = {}): NewFinding => ({ id, kind: 'drift', subject: 'web-01', sentence: `${id} differs`, repair: 'look at it', matters: 'it matters', ...more });
const idOf = (id: string): string => encodeURIComponent(id);

async function releaseOf(): Promise<string> {
  const asked = await api.ask('POST', '/v1/releases', { body: RELEASE });
  expect(asked.status).toBe(202);
  const release = asked.body.id as string;
  await openRelease(api.db, { release });
  await acquirePool(api.db, { release, opId: 'acquire', actor: ACTOR });
  return release;
}

describe('GET /v1/findings', () => {
  test('tells open ones oldest first, in pages that neither repeat nor skip while others come', async () => {
    for (let n = 0; n < 7; n++) await openFinding(api.db, told(`drift/a${n}`));
    const seen: string[] = [];
    for (let next: string | null = ''; next !== null; ) {
      const page = (await api.ask('GET', `/v1/findings?limit=2${next === '' ? '' : `&cursor=${next}`}`)).body as { items: { id: string }[]; next: string | null };
      seen.push(...page.items.map(({ id }) => id));
      if (seen.length === 4) await clearFinding(api.db, 'drift/a1');
      next = page.next;
    }
    expect(seen).toEqual(Array.from({ length: 7 }, (_, n) => `drift/a${n}`));
  });

  test('filters by kind, subject, release and state, and says what is wrong with a filter', async () => {
    await openFinding(api.db, told('drift/one'));
    await openFinding(api.db, told('no-workers', { kind: 'no-workers', subject: 'workers' }));
    await openFinding(api.db, told('orphaned-release/r-0000000001', { kind: 'orphaned-release', subject: 'r-0000000001', about: { release: 'r-0000000001' } }));
    await openFinding(api.db, told('drift/gone'));
    await clearFinding(api.db, 'drift/gone');
    const listed = async (query: string) => ((await api.ask('GET', `/v1/findings?${query}`)).body.items as { id: string }[]).map(({ id }) => id);
    expect(await listed('kind=no-workers')).toEqual(['no-workers']);
    expect(await listed('subject=web-01')).toEqual(['drift/one']);
    expect(await listed('release=r-0000000001')).toEqual(['orphaned-release/r-0000000001']);
    expect(await listed('state=cleared&subject=web-01')).toContain('drift/gone');
    expect(await listed('state=all&kind=drift')).toEqual(expect.arrayContaining(['drift/one', 'drift/gone']));
    expect((await api.ask('GET', '/v1/findings?state=lost&cursor=zz')).status).toBe(422);
  });

  test('tells one with since when, why it matters and what repairs it; an unknown one is 404', async () => {
    await openFinding(api.db, told('drift/r-1/web-01'));
    expect((await api.ask('GET', `/v1/findings/${idOf('drift/r-1/web-01')}`)).body).toMatchObject({ id: 'drift/r-1/web-01', matters: 'it matters', repair: 'look at it', verb: null, openedAt: expect.stringMatching(/^20/), clearedAt: null });
    expect((await api.ask('GET', `/v1/findings/${idOf('drift/nobody')}`)).status).toBe(404);
    expect((await api.ask('GET', `/v1/findings/${idOf('../etc')}`)).status).toBe(422);
  });
});

describe('POST /v1/findings/{id}/repair', () => {
  const repair = (id: string, body: object, headers: Record<string, string> = {}) => api.ask('POST', `/v1/findings/${idOf(id)}/repair`, { body, headers });
  const orphaned = (release: string) => told(`orphaned-release/${release}`, { kind: 'orphaned-release', subject: release, verb: 'adopt-release', about: { release } });

  test('of an orphaned release has a worker adopt it, and with then it is taken back by the command behind', async () => {
    const release = await releaseOf();
    await api.db.kysely.deleteFrom('outbox').execute();
    await openFinding(api.db, orphaned(release));
    const asked = await repair(`orphaned-release/${release}`, { reason: 'terminated', then: 'rollback' });
    expect(asked).toMatchObject({ status: 202, body: { state: 'asked', verb: 'adopt-release', finding: `orphaned-release/${release}`, by: 'tester', outcome: null } });
    expect(await claimOutbox(api.db, { limit: 10 })).toMatchObject([{ kind: 'adopt', release, payload: { repair: asked.body.id } }]);
    const waiting = await api.db.kysely.selectFrom('outbox').select('kind').where('delivered_at', 'is', null).orderBy('id').execute();
    expect(waiting.map(({ kind }) => kind)).toEqual(['adopt', 'command']);
    await settleRepair(api.db, asked.body.id, { state: 'applied', outcome: 'It goes on.' });
    expect((await api.ask('GET', `/v1/repairs/${asked.body.id}?waitSeconds=1`)).body).toMatchObject({ state: 'applied', outcome: 'It goes on.' });
  });

  test('with the same key is done once', async () => {
    const release = await releaseOf();
    await openFinding(api.db, orphaned(release));
    const headers = { 'idempotency-key': 'repair-once' };
    const [one, two] = [await repair(`orphaned-release/${release}`, { reason: 'x' }, headers), await repair(`orphaned-release/${release}`, { reason: 'x' }, headers)];
    expect(two.body.id).toBe(one.body.id);
  });

  test('of a server brings it in by the keeper of flags; of a wish has it written again', async () => {
    await openFinding(api.db, told('unexplained-drain/web-prod/web-02', { kind: 'unexplained-drain', subject: 'web-02', verb: 'bring-in', about: { host: 'web-02', pool: 'web-prod', server: 'web-02', weight: 50 } }));
    expect((await repair('unexplained-drain/web-prod/web-02', { reason: 'was forgotten' })).body).toMatchObject({ state: 'applied', outcome: expect.stringContaining('bring web-02 back') });
    expect(await api.db.kysely.selectFrom('flag_drains').select(['host', 'pool', 'weight', 'confirmed']).execute()).toEqual([{ host: 'web-02', pool: 'web-prod', weight: 50, confirmed: true }]);
    await api.db.kysely.deleteFrom('flag_drains').execute();
    const release = await releaseOf();
    await openFinding(api.db, told('unexplained-drain/web-prod/web-02', { kind: 'unexplained-drain', subject: 'web-02', verb: 'bring-in', about: { host: 'web-02', pool: 'web-prod', server: 'web-02', weight: 50 } }));
    expect((await repair('unexplained-drain/web-prod/web-02', { reason: 'again' })).body).toMatchObject({ state: 'refused', outcome: expect.stringContaining('in the hands of a release') });
    await sql`insert into wanted_traffic (release, host, pool, server, epoch, wanted) values (${release}, 'web-01', 'web-prod', 'web-01', 1, '{"admin":"ready","weight":1}')`.execute(api.db.kysely);
    await openFinding(api.db, told('traffic-differs/web-prod/web-01', { verb: 'assert-again', about: { release, host: 'web-01', pool: 'web-prod', server: 'web-01' } }));
    expect((await repair('traffic-differs/web-prod/web-01', { reason: 'again' })).body).toMatchObject({ state: 'applied' });
    const wish = await sql<{ old: boolean }>`select at < now() - interval '1 year' as old from wanted_traffic where release = ${release}`.execute(api.db.kysely);
    expect(wish.rows).toEqual([{ old: true }]);
  });

  test('of a host waits for the worker that can reach it', async () => {
    await openFinding(api.db, told('break-glass/web-01', { kind: 'break-glass', verb: 'adopt-host', about: { host: 'web-01', pool: 'web-prod', marker: 'm' } }));
    const asked = await repair('break-glass/web-01', { reason: 'looked at it' });
    expect(asked.body.state).toBe('asked');
    expect(await askedRepairs(api.db, 'adopt-host')).toMatchObject([{ id: asked.body.id, about: { marker: 'm' }, reason: 'looked at it' }]);
    expect(await getRepair(api.db, asked.body.id)).toMatchObject({ actor: { name: 'tester' } });
  });

  test('is refused where the finding has another command, is not so any more, or does not fit what follows', async () => {
    await openFinding(api.db, told('drift/r-1/web-01'));
    expect(await repair('drift/r-1/web-01', { reason: 'x' })).toMatchObject({ status: 409, body: { repair: 'look at it' } });
    await openFinding(api.db, told('break-glass/web-03', { verb: 'adopt-host', about: { host: 'web-03', marker: 'm' } }));
    expect(await repair('break-glass/web-03', { reason: 'x', then: 'abort' })).toMatchObject({ status: 422, body: { errors: [{ pointer: '/then' }] } });
    await clearFinding(api.db, 'break-glass/web-03');
    expect(await repair('break-glass/web-03', { reason: 'x' })).toMatchObject({ status: 409, body: { detail: expect.stringContaining('not so any more') } });
    expect((await repair('break-glass/nobody', { reason: 'x' })).status).toBe(404);
    expect((await repair('drift/r-1/web-01', {})).status).toBe(422);
  });
});

describe('a release that a finding keeps from going on', () => {
  test('says so in its waiting, with another ETag, until the finding is cleared; the log is not touched', async () => {
    const release = await releaseOf();
    const read = (etag?: string) => api.ask('GET', `/v1/releases/${release}`, etag === undefined ? {} : { headers: { 'if-none-match': etag } });
    const before = await read();
    await openFinding(api.db, told('no-workers', { kind: 'no-workers', subject: 'workers', sentence: 'No worker takes work.' }));
    const during = await read(before.headers.get('etag') ?? '');
    expect(during).toMatchObject({ status: 200, body: { version: before.body.version, waiting: { for: 'worker', sentence: expect.stringContaining('No worker takes work.') } } });
    expect((await read(during.headers.get('etag') ?? '')).status).toBe(304);
    await openFinding(api.db, told(`orphaned-release/${release}`, { kind: 'orphaned-release', subject: release, repair: 'signalbox repair x' }));
    expect((await read()).body.waiting).toMatchObject({ for: 'repair', who: 'an operator with `signalbox repair x`' });
    for (const id of ['no-workers', `orphaned-release/${release}`]) await clearFinding(api.db, id);
    const after = await read();
    expect(after.headers.get('etag')).toBe(before.headers.get('etag'));
    expect(after.body.waiting).toEqual(before.body.waiting);
  });
});

describe('GET /v1/health', () => {
  test('tells every part with what to do, and is not ok while a finding is open', async () => {
    await givePulse(api.db);
    const { body } = await api.ask('GET', '/v1/health');
    expect(body.ok).toBe(false);
    const part = (name: string) => body.parts.find((one: { name: string }) => one.name === name);
    expect(part('database')).toMatchObject({ ok: true, next: null });
    expect(part('temporal')).toMatchObject({ ok: false, next: expect.stringContaining('SIGNALBOX_TEMPORAL_ADDRESS') });
    expect(part('workers')).toMatchObject({ ok: true });
    expect(part('balancers')).toMatchObject({ ok: false, sentence: expect.stringContaining('web-prod') });
    await openFinding(api.db, told('drift/x'));
    expect((await api.ask('GET', '/v1/health')).body).toMatchObject({ ok: false, findings: 1 });
  });
});
