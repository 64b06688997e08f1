/** Taking back what has ended: which version the new release names, and what stands in its way. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sql } from 'kysely';
import { appendTargetEvent } from '../../db/events.ts';
import { acquirePool } from '../../db/pools.ts';
import { openRelease } from '../../db/requests.ts';
import { SIGNALBOX } from '../../domain/vocabulary.ts';
import { observation } from '../db/samples.ts';
import { startApiUnderTest } from './api-under-test.ts';
import { append, endAs, rollOn } from './release-story.ts';
import { APPLICATION, FLEET, POOL, RELEASE, packageOf } from './samples.ts';
import type { CoreEvent } from '../../domain/release/events.ts';
import type { ApiUnderTest } from './api-under-test.ts';

let api: ApiUnderTest;
let pools = 0;

beforeAll(async () => {
  api = await startApiUnderTest();
  await api.ask('POST', '/v1/apply', { body: { documents: FLEET } });
  await api.ask('POST', '/v1/packages', { body: packageOf('2') });
});

afterAll(() => api.close());

interface OwnPool {
  readonly pool: string;
  readonly hosts: readonly string[];
}

/** A pool with hosts of its own, so that the tests do not queue behind one another. */
async function ownPool(): Promise<OwnPool> {
  pools += 1;
  const pool = `back-${pools}`;
  const hosts = [1, 2, 3].map((index) => `${pool}-${index}`);
  const documents = [...FLEET.filter(({ kind }) => kind === 'Host').slice(0, 3).map((one, index) => ({ ...one, name: hosts[index] })), { ...POOL, name: pool, hosts }];
  expect((await api.ask('POST', '/v1/apply', { body: { documents } })).status).toBe(200);
  return { pool, hosts };
}

async function requested({ pool }: OwnPool): Promise<string> {
  const asked = await api.ask('POST', '/v1/releases', { body: { ...RELEASE, pool } });
  expect(asked.status).toBe(202);
  return asked.body.id;
}

/** What each host ran when the release looked at it; null: nothing. */
async function sees(release: string, epoch: number, versions: Readonly<Record<string, string | null>>): Promise<void> {
  for (const [host, version] of Object.entries(versions)) {
    const { applications, ...rest } = observation('d');
    const seen = { ...rest, applications: applications.map((one) => ({ ...one, version })) };
    await appendTargetEvent(api.db, { release, opId: `${host}/observe`, actor: SIGNALBOX, event: { type: 'target-observed', data: { host, epoch, observation: seen } } });
  }
}

const command = (id: string, type: 'rollback' | 'retry') => api.ask('POST', `/v1/releases/${id}/commands`, { body: { type, reason: 'because' } });
/** The bastion came through, then somebody aborted. */
const ABORTED: readonly CoreEvent[] = [
  { type: 'batch-finished', data: { index: 0, part: 'install', round: 0, succeeded: 1, failed: [], untouched: [] } },
  { type: 'abort-started', data: { reason: 'enough' } },
  { type: 'release-aborted', data: { reason: 'enough' } },
];
const BACK: CoreEvent = { type: 'rollback-started', data: { mode: 'regular', cause: 'operator', reason: 'bad', batches: [], then: 'rolled-back', epoch: 0 } };
const INCOMPLETE: CoreEvent = { type: 'rollback-ended-incomplete', data: { unrestored: [] } };

/** Asks for the way back and answers the id of the release that goes it. */
async function wayBack(id: string, type: 'rollback' | 'retry' = 'rollback'): Promise<string> {
  const sent = await command(id, type);
  expect(sent, sent.text).toMatchObject({ status: 202, body: { state: 'applied' } });
  return sent.body.release;
}

async function expectTarget(release: string, version: string): Promise<void> {
  expect((await api.ask('GET', `/v1/releases/${release}`)).body).toMatchObject({ kind: 'rollback', changes: [{ application: 'web', to: version }] });
  const { rows } = await sql<{ request: { changes: unknown } }>`select request from release_requests where id = ${release}`.execute(api.db.kysely);
  expect(rows[0]?.request.changes).toEqual([{ application: 'web', version }]);
}

describe('the release of a rollback names as its target', () => {
  test('the version that ran before the release it takes back, not the one that release brought', async () => {
    const own = await ownPool();
    const id = await requested(own);
    const { epoch } = await rollOn(api.db, id);
    await sees(id, epoch, Object.fromEntries(own.hosts.map((host) => [host, '1'])));
    await append(api.db, id, ...ABORTED);
    await expectTarget(await wayBack(id), '1');
    expect((await api.ask('GET', `/v1/releases/${id}`)).body.changes).toMatchObject([{ from: '1', to: '2' }]);
  });

  test('each version once, where the hosts differed; a host that ran nothing adds none', async () => {
    const own = await ownPool();
    const id = await requested(own);
    const { epoch } = await rollOn(api.db, id);
    const [first = '', second = '', third = ''] = own.hosts;
    await sees(id, epoch, { [first]: '1', [second]: '0.9', [third]: null });
    await append(api.db, id, ...ABORTED);
    await expectTarget(await wayBack(id), '0.9, 1');
  });

  test('absent, where nothing of it ran before', async () => {
    const own = await ownPool();
    const id = await requested(own);
    const { epoch } = await rollOn(api.db, id);
    await sees(id, epoch, Object.fromEntries(own.hosts.map((host) => [host, null])));
    await append(api.db, id, ...ABORTED);
    await expectTarget(await wayBack(id), 'absent');
  });

  test('what the first release of the chain found, also when a rollback in between found something else', async () => {
    const own = await ownPool();
    const id = await requested(own);
    const { epoch } = await rollOn(api.db, id);
    await sees(id, epoch, Object.fromEntries(own.hosts.map((host) => [host, '1'])));
    await append(api.db, id, BACK, INCOMPLETE);
    const second = await wayBack(id, 'retry');
    await expectTarget(second, '1');
    await openRelease(api.db, { release: second });
    const acquired = await acquirePool(api.db, { release: second, opId: 'acquire', actor: SIGNALBOX });
    await sees(second, acquired.type === 'pool-acquired' ? acquired.data.epoch : 0, Object.fromEntries(own.hosts.map((host) => [host, '2'])));
    await append(api.db, second, BACK, INCOMPLETE);
    await expectTarget(await wayBack(second, 'retry'), '1');
  });
});

describe('a release that came by what cannot be undone', () => {
  test('is taken back only by who says that this is known', async () => {
    const marked = { ...APPLICATION, hooks: [{ at: 'after-switch', command: ['./migrate'], irreversible: true }], irreversible: ['stop'] };
    expect((await api.ask('POST', '/v1/apply', { body: { documents: [marked] } })).status).toBe(200);
    const own = await ownPool();
    const id = await requested(own);
    await endAs(api.db, id, 'succeeded');
    const refused = await command(id, 'rollback');
    expect(refused).toMatchObject({ status: 409, body: { code: 'irreversible', allowed: ['rollback'], detail: expect.stringContaining('web stop, web after-switch.0, which cannot be undone') } });
    const across = await api.ask('POST', `/v1/releases/${id}/commands`, { body: { type: 'rollback', reason: 'because', acrossIrreversible: true } });
    expect(across, across.text).toMatchObject({ status: 202, body: { state: 'applied' } });
    expect((await api.ask('POST', '/v1/apply', { body: { documents: [APPLICATION] } })).status).toBe(200);
  });
});

describe('an earlier release', () => {
  test('can be taken back again once the later one on its hosts was rolled back whole, and not before', async () => {
    const own = await ownPool();
    const first = await requested(own);
    await endAs(api.db, first, 'succeeded');
    const later = await requested(own);
    expect((await api.ask('GET', `/v1/releases/${first}`)).body.allowedCommands).toEqual(['rollback']);
    await rollOn(api.db, later);
    const refused = { status: 409, body: { code: 'not-allowed', detail: expect.stringContaining(later) } };
    expect(await command(first, 'rollback')).toMatchObject(refused);
    await append(api.db, later, BACK);
    expect(await command(first, 'rollback')).toMatchObject(refused);
    await append(api.db, later, { type: 'release-rolled-back', data: { restored: 1, untouched: 2 } });
    await wayBack(first);
  });

  test('cannot while the later one was rolled back in part only: the refusal names that one', async () => {
    const own = await ownPool();
    const first = await requested(own);
    await endAs(api.db, first, 'succeeded');
    const later = await requested(own);
    await endAs(api.db, later, 'incomplete');
    expect(await command(first, 'rollback')).toMatchObject({ status: 409, body: { detail: expect.stringContaining(`Roll back ${later} first`) } });
    const { rows } = await sql`select id from release_requests where request ->> 'rollbackOf' = ${first}`.execute(api.db.kysely);
    expect(rows).toEqual([]);
  });
});
