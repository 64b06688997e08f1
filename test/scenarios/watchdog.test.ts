/** The watchdog from the fault to the finding, the repair and the end of both: real API, workers, balancer and host program. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { newToken } from '../../api/auth.ts';
import { startApi, type RunningApi } from '../../api/main.ts';
import { readConfig } from '../../config.ts';
import { openDatabase, type Database } from '../../db/client.ts';
import { appendTargetEvent } from '../../db/events.ts';
import { withTargetFence } from '../../db/fence.ts';
import { listFindings } from '../../db/findings.ts';
import { acquirePool } from '../../db/pools.ts';
import { createReleaseRequest, openRelease } from '../../db/requests.ts';
import { createToken } from '../../db/tokens.ts';
import { createLocalExecutor, type LocalExecutor } from '../../drivers/executors/local.ts';
import { createTraffic } from '../../drivers/traffic/factory.ts';
import { SIGNALBOX } from '../../domain/vocabulary.ts';
import { freePorts } from '../../stack/ports.ts';
import { startWatchdog, type Watchdog } from '../../watchdog/loop.ts';
import { openEyes, type TemporalEyes } from '../../watchdog/temporal-eyes.ts';
import { startFlagKeeper } from '../../worker/flag-keeper.ts';
import { startHostWatch } from '../../worker/host-watch.ts';
import { startReassert } from '../../worker/reassert.ts';
import { startApiUnderTest, type ApiUnderTest } from '../api/api-under-test.ts';
import { APPLICATION, FLEET, host, packageOf, RELEASE, STRATEGY } from '../api/samples.ts';
import { ACTOR, begun, end, endAll, inventoryOf, newId, observation, requestOf, running, succeeded } from '../db/samples.ts';
import { startApplication, type Application } from '../drivers/traffic/applications.ts';
import { startHaproxy, type RealHaproxy } from '../drivers/traffic/real-haproxy.ts';
import { HOST_PROGRAM, install, makeBench, observe, step, type HostBench, type Installed } from '../host/host-bench.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { devServer } from '../support/temporal.ts';
import { until } from '../support/until.ts';
import type { HaproxySpec } from '../../domain/traffic-spec.ts';
import type { Loop } from '../../worker/dispatcher.ts';

const log = pino({ level: 'silent' });
const signal = new AbortController().signal;
/** What the watchdog promises. */
const WITHIN_MS = 60_000;

const openIds = async (db: Database, kind: string): Promise<readonly string[]> => (await listFindings(db)).filter((finding) => finding.kind === kind).map(({ id }) => id);
const repairOver = (api: ApiUnderTest, id: string, waitSeconds = 20) => api.ask('POST', `/v1/findings/${encodeURIComponent(id)}/repair?waitSeconds=${waitSeconds}`, { body: { reason: 'test' } });

describe('with every worker killed', () => {
  const WORKER = fileURLToPath(new URL('../../worker/main.ts', import.meta.url));
  let database: TestDatabase;
  let db: Database;
  let api: RunningApi;
  let dataDir: string;
  let env: Record<string, string>;
  let token: string;
  const workers: ChildProcess[] = [];

  beforeAll(async () => {
    const { address, namespace, bundle } = devServer();
    const [apiPort = 0] = await freePorts(1);
    database = await createTestDatabase();
    db = openDatabase({ url: database.serviceUrl, applicationName: 'test' });
    dataDir = mkdtempSync(join(tmpdir(), 'watchdog-'));
    env = {
      SIGNALBOX_DATABASE_URL: database.serviceUrl, SIGNALBOX_TEMPORAL_ADDRESS: address, SIGNALBOX_NAMESPACE: namespace, SIGNALBOX_TASK_QUEUE: `test-${newId()}`,
      SIGNALBOX_API_PORT: String(apiPort), SIGNALBOX_DATA: dataDir, SIGNALBOX_STORES: 'https://packages.example/', SIGNALBOX_WORKFLOW_BUNDLE: bundle, SIGNALBOX_LOG_LEVEL: 'silent',
    };
    api = await startApi(readConfig(env), log);
    const made = newToken();
    token = made.token;
    await createToken(db, { name: 'tester', hash: made.hash });
  });
  afterAll(async () => {
    for (const child of workers) child.kill('SIGKILL');
    await api?.stop();
    await db?.close();
    await database?.drop();
    rmSync(dataDir, { recursive: true, force: true });
  });

  async function startWorker(): Promise<ChildProcess> {
    const [port = 0] = await freePorts(1);
    const child = spawn(process.execPath, [WORKER], { env: { PATH: process.env['PATH'] ?? '', ...env, SIGNALBOX_WORKER_PORT: String(port) }, stdio: 'ignore' });
    workers.push(child);
    await until('the worker takes work', async () => (await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => null))?.status === 200, 60_000);
    return child;
  }

  const ask = async (method: string, path: string, body?: unknown): Promise<any> =>
    (await fetch(`${api.url}${path}`, { method, headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })).json();

  test('the API tells so within a minute, in a finding and in every running release; a worker that comes back ends both', async () => {
    const child = await startWorker();
    await ask('POST', '/v1/apply', { documents: FLEET });
    await ask('POST', '/v1/packages', packageOf('2'));
    await until('a pulse', async () => (await sql`select from service_pulse`.execute(db.kysely)).rows.length > 0);
    child.kill('SIGKILL');
    const killedMs = performance.now();
    const { id } = await ask('POST', '/v1/releases', RELEASE);
    const release = await until('the release says it', async () => {
      const found = await ask('GET', `/v1/releases/${id}`);
      return found.waiting?.sentence.includes('No worker takes work') && found;
    }, WITHIN_MS);
    expect(performance.now() - killedMs).toBeLessThan(WITHIN_MS);
    expect(release.waiting).toMatchObject({ for: 'worker', who: 'whoever runs the workers' });
    expect(await ask('GET', '/v1/findings?kind=no-workers')).toMatchObject({ items: [{ id: 'no-workers', repair: 'signalbox worker' }] });
    expect((await ask('GET', '/v1/health')).parts).toContainEqual(expect.objectContaining({ name: 'workers', ok: false }));
    await startWorker();
    await until('the finding is cleared', async () => (await ask('GET', '/v1/findings?kind=no-workers')).items.length === 0, WITHIN_MS);
    expect((await until('the release goes on', async () => {
      const found = await ask('GET', `/v1/releases/${id}`);
      return found.status !== 'queued' && found;
    }, 60_000)).waiting?.for).not.toBe('worker');
  });
});

describe('at a balancer', () => {
  const HOSTS = ['web-01', 'web-02', 'web-03', 'web-04'];
  const HOST = 'web-02';
  let api: ApiUnderTest;
  let applications: readonly Application[];
  let haproxy: RealHaproxy;
  let spec: HaproxySpec;
  let eyes: TemporalEyes;
  let watchdog: Watchdog;
  const loops: Loop[] = [];

  beforeAll(async () => {
    api = await startApiUnderTest();
    applications = await Promise.all(HOSTS.map(startApplication));
    haproxy = await startHaproxy(applications.map(({ name, port }) => ({ name, port })));
    spec = { driver: 'haproxy', socket: haproxy.socket, address: null, backend: 'web', server: '${host.name}', drainTimeoutSeconds: 5 };
    const pool = { kind: 'Pool', name: 'web-prod', environment: 'prod', applications: ['web'], hosts: HOSTS, traffic: { driver: 'haproxy', socket: haproxy.socket, backend: 'web' } };
    expect((await api.ask('POST', '/v1/apply', { body: { documents: [APPLICATION, STRATEGY, ...HOSTS.map((name) => host(name)), pool] } })).status).toBe(200);
    // Balancers are watched also while Temporal is away.
    eyes = openEyes({ temporalAddress: '127.0.0.1:1', namespace: 'default', taskQueue: 'none' });
    watchdog = startWatchdog({ db: api.db, eyes, by: 'test', log, everyMs: 200 });
    loops.push(startFlagKeeper({ db: api.db, log }));
  });
  afterEach(() => endAll(api.db));
  afterAll(async () => {
    for (const loop of loops) await loop.stop();
    await watchdog?.stop();
    await eyes?.close();
    await haproxy?.stop();
    await Promise.all((applications ?? []).map((application) => application.stop()));
    await api?.close();
  });

  const adminOf = async (name: string): Promise<string | undefined> => (await createTraffic(spec).observe([name], signal))[0]?.admin;

  /** A release that owns the pool, with the pool's own traffic entry. */
  async function owning(): Promise<{ readonly release: string; readonly epoch: number }> {
    const release = newId();
    const inventory = inventoryOf('web-prod', HOSTS);
    await createReleaseRequest(api.db, { id: release, request: requestOf(release, { hosts: HOSTS }), inventory: { ...inventory, pool: { ...inventory.pool, traffic: spec } }, actor: ACTOR });
    await openRelease(api.db, { release });
    const acquired = await acquirePool(api.db, { release, opId: 'acquire', actor: ACTOR });
    if (acquired.type !== 'pool-acquired') throw new Error(`no pool: ${acquired.type}`);
    return { release, epoch: acquired.data.epoch };
  }

  test('a host that somebody drained by hand is found, and its repair brings it back into service', async () => {
    await until('every server is seen in service', async () => (await createTraffic(spec).observe(HOSTS, signal)).every(({ inService }) => inService));
    await haproxy.say(`set server web/${HOST} state drain`);
    const id = `unexplained-drain/web-prod/${HOST}`;
    await until('the finding', async () => (await openIds(api.db, 'unexplained-drain')).includes(id), WITHIN_MS);
    expect((await repairOver(api, id)).body).toMatchObject({ state: 'applied' });
    await until('it serves', async () => (await adminOf(HOST)) === 'ready', 20_000);
    await until('the finding is cleared', async () => (await openIds(api.db, 'unexplained-drain')).length === 0, WITHIN_MS);
  });

  test('a host that an operator drained is explained: no finding, also when it was found before', async () => {
    await haproxy.say(`set server web/${HOST} state drain`);
    const id = `unexplained-drain/web-prod/${HOST}`;
    await until('the finding', async () => (await openIds(api.db, 'unexplained-drain')).includes(id), WITHIN_MS);
    await api.ask('POST', `/v1/hosts/${HOST}/drain`, { body: { reason: 'new disk', force: true } });
    await until('it is explained', async () => (await openIds(api.db, 'unexplained-drain')).length === 0, WITHIN_MS);
    await haproxy.say(`set server web/${HOST} state ready`);
    await api.ask('POST', `/v1/hosts/${HOST}/admit?waitSeconds=10`, { body: { reason: 'it is in' } });
  });

  test('a server that a running release put into service and that somebody drained since is found, and asserted again by its repair', async () => {
    const { release, epoch } = await owning();
    const wish = { pool: 'web-prod', server: HOST, wanted: { admin: 'ready', weight: 1 } } as const;
    await withTargetFence(api.db, { release, host: HOST, epoch }, async () => createTraffic(spec).assert(HOST, wish.wanted, { signal, fence: (write) => write() }), [wish]);
    await haproxy.say(`set server web/${HOST} state drain`);
    await sql`update wanted_traffic set at = now() - interval '60 seconds' where release = ${release}`.execute(api.db.kysely);
    const id = `traffic-differs/web-prod/${HOST}`;
    await until('the finding', async () => (await openIds(api.db, 'traffic-differs')).includes(id), WITHIN_MS);
    expect((await repairOver(api, id)).body).toMatchObject({ state: 'applied' });
    const reassert = startReassert({ db: api.db, log });
    await until('it is written again', async () => (await adminOf(HOST)) === 'ready', 20_000);
    await reassert.stop();
    await until('the finding is cleared', async () => (await openIds(api.db, 'traffic-differs')).length === 0, WITHIN_MS);
    await end(api.db, release);
  });
});

describe('on a host', () => {
  const HOST = 'web-01';
  let api: ApiUnderTest;
  let local: LocalExecutor;
  let machine: HostBench;
  let good: Installed;
  let other: Installed;
  let watch: Loop;

  beforeAll(async () => {
    api = await startApiUnderTest();
    local = createLocalExecutor({ hostProgram: HOST_PROGRAM });
    machine = makeBench('dash');
    good = await install(machine, '1.0.0');
    await machine.result('switch', { ...step('switch'), ...good, expectedDigest: '' });
    await machine.result('clean', { ...step('clean'), keep: '5', protect: '' });
    other = await install(machine, '9.9.9');
    const documents = [APPLICATION, STRATEGY, { ...host(HOST), executor: { driver: 'local', root: machine.root } }, { kind: 'Pool', name: 'web-prod', environment: 'prod', applications: ['web'], hosts: [HOST], traffic: { driver: 'none' } }];
    expect((await api.ask('POST', '/v1/apply', { body: { documents } })).status).toBe(200);
    // A release looked at it, took it out and in again, and left what was there.
    const { release, epoch } = await running(api.db, { hosts: [HOST] });
    const seen = { ...observation(good.digest), applications: [{ application: 'web', digest: good.digest, config: good.config, version: '1.0.0', process: null, unmanaged: false }] };
    await appendTargetEvent(api.db, { release, opId: 'observe', actor: SIGNALBOX, event: { type: 'target-observed', data: { host: HOST, epoch, observation: seen } } });
    for (const event of [begun(HOST, epoch), succeeded(HOST, epoch), succeeded(HOST, epoch, 'admit')]) await appendTargetEvent(api.db, { release, opId: `${event.type}/${'step' in event.data ? event.data.step : ''}`, actor: SIGNALBOX, event });
    await end(api.db, release);
    watch = startHostWatch({ db: api.db, executorFor: () => local, log, by: 'test', everyMs: 200 });
  });
  afterAll(async () => {
    await watch?.stop();
    await local?.close();
    machine?.dispose();
    await api?.close();
  });

  const differs = (): Promise<readonly string[]> => openIds(api.db, 'host-differs');
  const link = (to: Installed, from: Installed, name: string) => machine.result('switch', { ...step(name), ...to, expectedDigest: from.digest });

  test('that is changed while a release owns it nothing is said; once it is free the difference is found, and goes with it', async () => {
    const { release } = await running(api.db, { hosts: [HOST] });
    await link(other, good, 'by-hand');
    const looks = async (): Promise<number> => (await sql<{ at: string }>`select at from watchdog_turns where part = 'hosts' and at > now() - interval '1 second'`.execute(api.db.kysely)).rows.length;
    await until('turns go on', async () => (await looks()) > 0);
    expect(await differs()).toEqual([]);
    await end(api.db, release);
    await until('the finding', async () => (await differs()).includes(`host-differs/${HOST}`), WITHIN_MS);
    expect(await listFindings(api.db)).toMatchObject([{ sentence: expect.stringContaining('web 9.9.9'), repair: 'signalbox release web-prod web=1.0.0 --reason ...' }]);
    await link(good, other, 'back-by-hand');
    await until('the finding is cleared', async () => (await differs()).length === 0, WITHIN_MS);
  });

  test('that was put back by hand obeys nobody, is found, and obeys again once its repair has adopted it', async () => {
    const { code, output } = await machine.raw('back', '', ['--root', machine.root]);
    expect(code, output).toBe(0);
    await until('the finding', async () => (await openIds(api.db, 'break-glass')).includes(`break-glass/${HOST}`), WITHIN_MS);
    expect(await machine.run('stop', step('refused', 1))).toMatchObject({ ok: false, error: 'adopt-needed' });
    const repaired = await repairOver(api, `break-glass/${HOST}`);
    expect(repaired.body).toMatchObject({ state: 'applied', verb: 'adopt-host', outcome: expect.stringContaining(`${HOST} obeys again`) });
    expect(await machine.result('observe', { applications: 'web' })).toMatchObject({ marker: null });
    expect(await observe(machine)).toMatchObject({ version: '1.0.0' });
    await until('the finding is cleared', async () => (await openIds(api.db, 'break-glass')).length === 0, WITHIN_MS);
    const { epoch } = await api.db.kysely.selectFrom('host_locks').select('epoch').where('host', '=', HOST).executeTakeFirstOrThrow();
    expect(await machine.result('observe', { applications: 'web' })).toMatchObject({ maxEpoch: epoch });
  });
});
