/** The rules of a pool, from the API to a real HAProxy that runs on them, and the worker's look at what it made of them. */
import { sql } from 'kysely';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { listFindings } from '../../db/findings.ts';
import { fleetDocuments } from '../../examples/demo/fleet.ts';
import { haproxyConfig } from '../../examples/demo/haproxy.ts';
import { startRulesWatch } from '../../worker/rules-watch.ts';
import { startApiUnderTest, type ApiUnderTest } from '../api/api-under-test.ts';
import { APPLICATION, host, POOL, STRATEGY } from '../api/samples.ts';
import { call } from '../cli/call.ts';
import { startHaproxyWith, type RealHaproxy } from '../drivers/traffic/real-haproxy.ts';
import { until } from '../support/until.ts';
import type { Loop } from '../../worker/dispatcher.ts';

let api: ApiUnderTest;
let haproxy: RealHaproxy | null = null;
let watch: Loop | null = null;
beforeAll(async () => void (api = await startApiUnderTest()));
afterAll(() => api?.close());
beforeEach(() => void (haproxy = null));
afterEach(async () => {
  await watch?.stop();
  watch = null;
  await haproxy?.stop();
});

const POOLS = '/v1/pools/web-prod/traffic-rules';
const apply = async (documents: readonly object[]) => expect((await api.ask('POST', '/v1/apply', { body: { documents } })).status).toBe(200);
const behind = (socket: string, more: object = {}) => ({ ...POOL, traffic: { ...POOL.traffic, socket }, ...more });
const fleet = (socket: string) => [behind(socket), ...POOL.hosts.map((name, index) => host(name, 'idc-a', String(19_001 + index))), STRATEGY, APPLICATION];
const told = async () => (await listFindings(api.db)).flatMap(({ kind, sentence }) => (kind === 'balancer-differs' ? [sentence] : []));

/** HAProxy with that section and nothing else behind its frontend. */
async function startWith(section: string): Promise<RealHaproxy> {
  return startHaproxyWith(({ socket, port }) => `global\n  stats socket ${socket} mode 600 level admin\ndefaults\n  mode http\n  timeout connect 1s\n  timeout client 5s\n  timeout server 5s\nfrontend users\n  bind 127.0.0.1:${port}\n  default_backend web\n${section}`);
}

/** Answers once everything was looked at that was so before. */
async function looked(): Promise<void> {
  const turn = async () => (await sql<{ at: Date }>`select at from watchdog_turns where part = 'rules'`.execute(api.db.kysely)).rows[0]?.at.getTime() ?? 0;
  const before = await turn();
  // The turn after the next began after now.
  await until('a look', async () => (await turn()) > before);
  const next = await turn();
  await until('another look', async () => (await turn()) > next);
}

test('the section that is rendered runs in HAProxy as it is, and what then differs from pool and hosts is a finding until it agrees again', async () => {
  await apply(fleet('/run/not-yet.sock'));
  const { body, status } = await api.ask('GET', POOLS);
  expect(status).toBe(200);
  expect(body).toMatchObject({ application: 'web', driver: 'haproxy', check: { kind: 'http', path: '/health' }, servers: expect.arrayContaining([{ host: 'web-02', name: 'web-02', address: '127.0.0.1', port: 19_002 }]) });
  const rendered = await call(['traffic', 'render', 'web-prod'], { env: { SIGNALBOX_URL: api.url, SIGNALBOX_TOKEN: api.token } });
  expect(`${rendered.stdout}`).toBe(body.text);
  haproxy = await startWith(body.text);
  await apply([behind(haproxy.socket)]);
  watch = startRulesWatch({ db: api.db, log: pino({ level: 'silent' }), by: 'test', everyMs: 20 });
  await looked();
  expect(await told()).toEqual([]);

  await apply([host('web-02', 'idc-a', '19999'), host('web-05')]);
  await apply([behind(haproxy.socket, { hosts: ['web-01', 'web-02', 'web-03', 'web-05'] })]);
  await until('the finding', async () => (await told()).some((sentence) => sentence.includes('web-05')));
  expect(await told()).toEqual([`The balancer of pool web-prod (backend web of HAProxy at ${haproxy.socket}) has no server web-05 for host web-05; sends web-02's requests to 127.0.0.1:19002 instead of 127.0.0.1:19999; has server web-04, which is no host of the pool.`]);

  // Another pool behind the same backend: its servers are nobody's difference.
  await apply([host('web-02', 'idc-a', '19002'), behind(haproxy.socket, { hosts: ['web-01', 'web-02', 'web-03'] }), behind(haproxy.socket, { name: 'web-rest', hosts: ['web-04'] })]);
  await until('the end of the finding', async () => (await told()).length === 0);
});

test('a balancer that does not answer is no finding of this kind, and keeps the one it has', async () => {
  haproxy = await startWith('backend web\n  server web-01 127.0.0.1:19001 check\n');
  await apply([...fleet(haproxy.socket), behind('/run/none.sock', { name: 'web-rest', hosts: ['web-04'] })]);
  watch = startRulesWatch({ db: api.db, log: pino({ level: 'silent' }), by: 'test', everyMs: 20 });
  await until('the finding', async () => (await told()).length === 1);
  await haproxy.stop();
  haproxy = null;
  await looked();
  expect(await told()).toHaveLength(1);
});

test("the demo's balancer runs on what is rendered for its pool", async () => {
  const hosts = ['demo-01', 'demo-02'].map((name, index) => ({ name, zone: 'idc-a', address: '127.0.0.1', port: 18_001 + index }));
  const socket = '/run/demo.sock';
  await apply(fleetDocuments({ hosts, balancerPort: 18_000, folder: '/srv/demo' }, socket));
  expect(haproxyConfig({ port: 18_000, socket, servers: hosts })).toContain(`\n${(await api.ask('GET', POOLS)).body.text}`);
});

test('where nothing can be derived the answer says why', async () => {
  await apply([...fleet('/run/x.sock'), { ...APPLICATION, name: 'batch', health: [] }, behind('/run/x.sock', { name: 'batch-prod', applications: ['batch'], hosts: ['web-04'] })]);
  expect(await api.ask('GET', '/v1/pools/batch-prod/traffic-rules')).toMatchObject({ status: 409, body: { detail: expect.stringContaining('nothing says where its hosts listen') } });
  expect((await api.ask('GET', '/v1/pools/nobody/traffic-rules')).status).toBe(404);
});
