/** Flags from the request to the balancer and back: the real API, the worker's keeper of flags, a real HAProxy, and users who never forgive. */
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { appendTargetEvent } from '../../db/events.ts';
import { listFindings } from '../../db/findings.ts';
import { observedFlags } from '../../db/host-flags.ts';
import { createTraffic } from '../../drivers/traffic/factory.ts';
import { SIGNALBOX } from '../../domain/vocabulary.ts';
import { startFlagKeeper } from '../../worker/flag-keeper.ts';
import { startApiUnderTest, type Answered, type ApiUnderTest } from '../api/api-under-test.ts';
import { APPLICATION, STRATEGY, host } from '../api/samples.ts';
import { begun, end, endAll, observed, opIdOf, running, succeeded } from '../db/samples.ts';
import { startApplication, type Application } from '../drivers/traffic/applications.ts';
import { startHaproxy, type RealHaproxy } from '../drivers/traffic/real-haproxy.ts';
import { startUsers, type Users } from '../drivers/traffic/users.ts';
import { until } from '../support/until.ts';
import type { HaproxySpec } from '../../domain/traffic-spec.ts';
import type { ObservedTraffic } from '../../domain/release/target.ts';
import type { TargetEvent } from '../../domain/release/events.ts';
import type { Loop } from '../../worker/dispatcher.ts';

/** It takes well under a second; a machine that is busy must not make it a failure. */
const SOON_MS = 10_000;
const HOSTS = ['web-01', 'web-02', 'web-03', 'web-04'];
const HOST = 'web-02';
const OTHERS = HOSTS.filter((name) => name !== HOST);
const signal = new AbortController().signal;

let api: ApiUnderTest;
let applications: readonly Application[];
let haproxy: RealHaproxy;
let spec: HaproxySpec;
let users: Users;
let keeper: Loop;

beforeAll(async () => {
  api = await startApiUnderTest();
  applications = await Promise.all(HOSTS.map(startApplication));
  haproxy = await startHaproxy(applications.map(({ name, port }) => ({ name, port })));
  spec = { driver: 'haproxy', socket: haproxy.socket, address: null, backend: 'web', server: '${host.name}', drainTimeoutSeconds: 5 };
  const traffic = { driver: 'haproxy', socket: haproxy.socket, backend: 'web' };
  const pools = [
    { kind: 'Pool', name: 'web-prod', environment: 'prod', applications: ['web'], hosts: HOSTS, traffic },
    { kind: 'Pool', name: 'looks-only', environment: 'prod', applications: ['web'], hosts: ['web-04'], traffic: { ...traffic, socket: haproxy.operatorSocket } },
  ];
  const applied = await api.ask('POST', '/v1/apply', { body: { documents: [APPLICATION, STRATEGY, ...HOSTS.map((name) => host(name)), ...pools] } });
  expect(applied.status).toBe(200);
});
beforeEach(async () => {
  await until('every server is up', async () => (await seen()).every(({ inService }) => inService));
  keeper = startFlagKeeper({ db: api.db, log: pino({ level: 'silent' }) });
  users = startUsers(haproxy.port, 4);
});
afterEach(async () => {
  await users.stop();
  expect(users.failures).toEqual([]);
  await endAll(api.db);
  for (const name of HOSTS) {
    for (const owner of ['health', 'fleet-check']) await flag(name, owner, true);
    await admit(name);
    await haproxy.say(`set server web/${name} state ready`);
  }
  await keeper.stop();
  await api.db.kysely.deleteFrom('flag_drains').execute();
});
afterAll(async () => {
  await haproxy?.stop();
  await Promise.all((applications ?? []).map((application) => application.stop()));
  await api?.close();
});

const seen = (names: readonly string[] = HOSTS): Promise<readonly ObservedTraffic[]> => createTraffic(spec).observe(names, signal);
const adminOf = async (name: string): Promise<string | undefined> => (await seen([name]))[0]?.admin;
const drain = (name: string, more: object = {}, waitSeconds = 10): Promise<Answered> => api.ask('POST', `/v1/hosts/${name}/drain?waitSeconds=${waitSeconds}`, { body: { reason: 'new disk', pool: 'web-prod', ...more } });
const admit = (name: string, waitSeconds = 10): Promise<Answered> => api.ask('POST', `/v1/hosts/${name}/admit?waitSeconds=${waitSeconds}`, { body: { reason: 'it is in' } });
const flag = (name: string, owner: string, up: boolean, pool = 'web-prod'): Promise<Answered> => api.ask('PUT', `/v1/hosts/${name}/flags/${owner}`, { body: { up, reason: up ? 'answers again' : 'three probes failed', ...(up ? {} : { pool }) } });
const findings = async () => (await listFindings(api.db)).filter(({ kind }) => kind === 'flag-not-carried-out');

async function withinMs(limitMs: number, what: string, ask: () => Promise<boolean>): Promise<void> {
  const startedMs = performance.now();
  await until(what, ask, 10_000);
  expect(performance.now() - startedMs, what).toBeLessThan(limitMs);
}

describe('an operator', () => {
  test('who drains a host gets the answer read back from the balancer soon, and the same on the way in, with the weight it had', async () => {
    await haproxy.say(`set server web/${HOST} weight 50`);
    const startedMs = performance.now();
    const drained = await drain(HOST);
    expect(drained).toMatchObject({ status: 200, body: { done: true, serves: false, pools: [{ pool: 'web-prod', keptOutBy: ['operator'], observed: { admin: 'drain', inService: false } }] } });
    expect(performance.now() - startedMs).toBeLessThan(SOON_MS);
    expect(await seen([HOST])).toMatchObject([{ admin: 'drain', inService: false }]);
    const admitted = await admit(HOST);
    expect(admitted).toMatchObject({ status: 200, body: { done: true, serves: true } });
    expect(await seen([HOST])).toMatchObject([{ admin: 'ready', weight: 50, inService: true }]);
    expect((await api.ask('GET', `/v1/hosts/${HOST}/flags`)).body.pools[0].sentence).toBe(`${HOST} serves in pool web-prod.`);
    await haproxy.say(`set server web/${HOST} weight 1`);
  });

  test('is refused with the arithmetic below the floor, nothing is done, and is obeyed with force', async () => {
    expect((await drain('web-01')).status).toBe(200);
    const refused = await drain(HOST);
    expect(refused).toMatchObject({ status: 409, body: { code: 'capacity-floor', capacity: { pool: 'web-prod', hosts: 4, inService: 3, floor: 3, left: 2 } } });
    expect(refused.body.detail).toContain('force: true');
    expect(await adminOf(HOST)).toBe('ready');
    expect((await api.ask('GET', `/v1/hosts/${HOST}/flags`)).body.serves).toBe(true);
    expect((await drain(HOST, { force: true })).status).toBe(200);
    expect(await adminOf(HOST)).toBe('drain');
  });

  test('who drains a host of one pool is refused for the floor of another that has the same server, and a joined pool is no place of its own', async () => {
    const traffic = { driver: 'haproxy', socket: haproxy.socket, backend: 'web' };
    const documents = [{ kind: 'Pool', name: 'tight', environment: 'prod', applications: ['web'], hosts: [HOST], traffic }, { kind: 'Pool', name: 'both', joins: ['web-prod', 'tight'] }];
    expect((await api.ask('POST', '/v1/apply', { body: { documents } })).status).toBe(200);
    try {
      expect(await drain(HOST)).toMatchObject({ status: 409, body: { code: 'capacity-floor', capacity: { pool: 'tight', hosts: 1, inService: 1, left: 0 } } });
      expect(await adminOf(HOST)).toBe('ready');
      expect(await drain(HOST, { force: true })).toMatchObject({ status: 200, body: { pools: [{ pool: 'web-prod', observed: { admin: 'drain' } }] } });
      expect((await api.ask('GET', `/v1/hosts/${HOST}/flags`)).body.pools.map(({ pool }: { pool: string }) => pool)).toEqual(['tight', 'web-prod']);
      expect((await admit(HOST)).status).toBe(200);
      await until('the host serves again', async () => (await adminOf(HOST)) === 'ready');
    } finally {
      for (const name of ['both', 'tight']) await api.ask('DELETE', `/v1/pools/${name}`, { headers: { 'If-Match': (await api.ask('GET', `/v1/pools/${name}`)).headers.get('etag') ?? '' } });
    }
  });

  test('who drains several at once never gets more of them out than the floor allows', async () => {
    const answers = await Promise.all(HOSTS.slice(0, 3).map((name) => drain(name)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409]);
    expect((await seen()).filter(({ inService }) => inService)).toHaveLength(3);
  });

  test('who repeats a request with its key drains once', async () => {
    const headers = { 'idempotency-key': 'disk-7' };
    const [one, two] = await Promise.all([1, 2].map(() => api.ask('POST', `/v1/hosts/${HOST}/drain?waitSeconds=10`, { body: { reason: 'x', pool: 'web-prod' }, headers })));
    expect([one?.status, two?.status]).toEqual([200, 200]);
    expect(await api.db.kysely.selectFrom('drain_requests').select('id').where('host', '=', HOST).where('reason', '=', 'x').execute()).toHaveLength(1);
  });

  test('is told when nobody carries it out', async () => {
    await keeper.stop();
    expect(await drain(HOST, {}, 0)).toMatchObject({ status: 202, body: { done: false, serves: true, sentence: expect.stringContaining('a worker counts who serves') } });
    await admit(HOST, 0);
    keeper = startFlagKeeper({ db: api.db, log: pino({ level: 'silent' }) });
    expect(await adminOf(HOST)).toBe('ready');
  });
});

describe('an outside monitor', () => {
  test('takes a host out and lets it in by its own flag, and a host that two keep out comes in only for both', async () => {
    await flag(HOST, 'health', false);
    await withinMs(SOON_MS, 'the drain', async () => (await adminOf(HOST)) === 'drain');
    expect((await drain(HOST)).body.pools[0].keptOutBy).toEqual(['health', 'operator']);
    await flag(HOST, 'health', true);
    const standing = (await api.ask('GET', `/v1/hosts/${HOST}/flags`)).body;
    expect(standing.pools[0].keptOutBy).toEqual(['operator']);
    await flag(HOST, 'fleet-check', false);
    expect((await admit(HOST)).body.sentence).toContain('fleet-check (tester');
    expect(await adminOf(HOST)).toBe('drain');
    await flag(HOST, 'fleet-check', true);
    await withinMs(SOON_MS, 'the admission', async () => (await adminOf(HOST)) === 'ready');
  });

  test('that would leave too few in service is a finding until another host is back', async () => {
    expect((await drain('web-01')).status).toBe(200);
    await flag(HOST, 'health', false);
    const [finding] = await until('the finding', async () => {
      const found = await findings();
      return found.length > 0 && found;
    });
    expect(finding).toMatchObject({ subject: HOST, sentence: expect.stringContaining('the floor is 3'), repair: expect.stringContaining('--force') });
    expect(await adminOf(HOST)).toBe('ready');
    await admit('web-01');
    await until('the drain', async () => (await adminOf(HOST)) === 'drain');
    await until('the finding is gone', async () => (await findings()).length === 0);
  });

  test('may not set the flag of an operator or of a release', async () => {
    for (const owner of ['operator', 'release', 'me']) expect((await flag(HOST, owner, false)).status, owner).toBe(422);
  });
});

describe('the balancer', () => {
  test('that reloads and forgets is told again soon', async () => {
    await drain(HOST);
    await until('the drain is confirmed', async () => (await api.db.kysely.selectFrom('flag_drains').select('confirmed').executeTakeFirst())?.confirmed === true);
    await users.stop();
    await haproxy.reload();
    await withinMs(SOON_MS, 'the drain is back', async () => (await adminOf(HOST)) === 'drain');
  });

  test('that refuses is a finding that says why, and nothing is claimed to be done', async () => {
    const answer = await drain('web-04', { pool: 'looks-only', force: true }, 1);
    expect(answer).toMatchObject({ status: 202, body: { done: false } });
    const [finding] = await until('the finding', async () => {
      const found = await findings();
      return found.length > 0 && found;
    });
    expect(finding?.sentence).toMatch(/looks-only: .*level admin/);
  });
});

describe('a hand at the balancer', () => {
  test('that drained a server before keeps it drained when the flag is raised', async () => {
    await haproxy.say(`set server web/${HOST} state drain`);
    expect((await drain(HOST)).status).toBe(200);
    expect((await admit(HOST)).body.sentence).toContain('none took it out');
    expect(await adminOf(HOST)).toBe('drain');
  });

  test('that puts a drained server into maintenance is not overruled when the flag is raised, and a finding says so', async () => {
    await drain(HOST);
    await haproxy.say(`set server web/${HOST} state maint`);
    expect((await admit(HOST, 1)).status).toBe(202);
    await until('the finding', async () => (await findings()).some(({ sentence }) => sentence.includes('maintenance')));
    expect(await adminOf(HOST)).toBe('maint');
  });
});

describe('a release that has a host in work', () => {
  const tell = async (release: string, ...events: readonly TargetEvent[]) => {
    for (const event of events) await appendTargetEvent(api.db, { release, opId: `${event.type}/${opIdOf(event)}`, actor: SIGNALBOX, event });
  };

  test('keeps it out although the operator admits it, says so, and hands it over when it is done', async () => {
    const { release, epoch } = await running(api.db, { hosts: HOSTS });
    expect((await drain(HOST)).status).toBe(200);
    await tell(release, observed(HOST, epoch, 'd1'), begun(HOST, epoch), succeeded(HOST, epoch));
    const admitted = await admit(HOST);
    expect(admitted).toMatchObject({ status: 200, body: { serves: false, pools: [{ keptOutBy: ['release'] }], sentence: expect.stringContaining(`Release ${release} has it in work`) } });
    expect(await adminOf(HOST)).toBe('drain');
    expect((await observedFlags(api.db, 'web-prod', [HOST])).get(HOST)).toEqual({ down: [], beneath: { weight: 1 } });
    await tell(release, succeeded(HOST, epoch, 'admit'));
    await withinMs(SOON_MS, 'the admission', async () => (await adminOf(HOST)) === 'ready');
  });

  test('keeps it out after its end if it left it so, for a release alone may bring it back', async () => {
    const { release, epoch } = await running(api.db, { hosts: HOSTS });
    await tell(release, observed(HOST, epoch, 'd1'), begun(HOST, epoch), succeeded(HOST, epoch));
    await haproxy.say(`set server web/${HOST} state drain`);
    await end(api.db, release);
    const admitted = await admit(HOST);
    expect(admitted.body).toMatchObject({ done: true, serves: false, pools: [{ keptOutBy: ['release'] }] });
    expect(await adminOf(HOST)).toBe('drain');
    const next = await running(api.db, { hosts: HOSTS });
    await tell(next.release, begun(HOST, next.epoch), succeeded(HOST, next.epoch), succeeded(HOST, next.epoch, 'admit'));
  });
});

test('hosts that nobody drains are never touched', async () => {
  const admins = await Promise.all([drain(HOST), ...OTHERS.map(adminOf)]);
  expect(admins.slice(1)).toEqual(OTHERS.map(() => 'ready'));
});
