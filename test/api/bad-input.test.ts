/** Every field of every document wrong in each way: refused with its pointer, nothing stored. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openFinding } from '../../db/findings.ts';
import { startApiUnderTest, pointers } from './api-under-test.ts';
import { APPLICATION, FLEET, POOL, RELEASE, host, packageOf } from './samples.ts';
import type { ApiUnderTest } from './api-under-test.ts';

let api: ApiUnderTest;

beforeAll(async () => {
  api = await startApiUnderTest();
  await api.ask('POST', '/v1/apply', { body: { documents: FLEET } });
  await api.ask('POST', '/v1/packages', { body: packageOf('2') });
  await openFinding(api.db, { id: 'break-glass/web-01', kind: 'break-glass', subject: 'web-01', sentence: 'x', repair: 'x', verb: 'adopt-host', about: { host: 'web-01' } });
});

afterAll(() => api.close());

const FULL_STRATEGY = {
  kind: 'Strategy',
  name: 'full',
  bastion: { count: 1, hosts: ['web-01'], label: null, skipIn: ['uat'], bakeSeconds: 10, promote: 'auto' },
  batches: {
    percent: [25], count: [], hosts: [], mode: 'barrier', by: 'zone', firstZoneBakeSeconds: 60, order: 'interleave', maxParallel: 10, bakeSeconds: 2, pauseSeconds: 0, advance: 'auto', verification: 'required',
    pauseOnce: { afterPercent: 25, seconds: 600 }, each: [{ index: 1, count: 1, mode: 'window', bakeSeconds: 60, pauseSeconds: 5, advance: 'manual', verification: 'ignored', tolerance: 1 }, { index: 2, percent: 5 }],
  },
  tolerance: { perBatch: 0, total: 0 },
  onFailure: 'rollback',
  rollback: { on: ['bastion', 'tolerance'], mode: 'regular', to: 'previous', batchPercent: 33 },
  postRelease: { watchSeconds: 10 },
  pause: { deadlineHours: 24, then: 'stay' },
  deadlines: { stepSeconds: 120, targetSeconds: 300, progressSeconds: 600, releaseSeconds: 14400, rollbackSeconds: 3600 },
};
const FULL_APPLICATION = {
  ...APPLICATION,
  recipe: 'service',
  productLine: 'shop',
  owners: ['team-shop'],
  run: { ...APPLICATION.run, stopSignal: 'SIGTERM', stopTimeoutSeconds: 10, account: 'web', env: { LOG_LEVEL: 'info' } },
  variables: { a: 'b' },
  health: [
    {
      http: { path: '/health', port: '${port}', method: 'GET', headers: { 'X-Probe': 'yes' }, status: [200], body: 'ok', json: { path: 'ready', equals: 'true' }, version: { json: 'version' }, listener: 'own' },
      passes: 2, intervalMs: 500, timeoutSeconds: 60, healthySeconds: 10, when: 'before-admit',
    },
    { tcp: { port: '${port}', listener: 'any' }, passes: 1, intervalMs: 500, timeoutSeconds: 60, when: 'after-admit' },
    { process: {}, passes: 1 },
    { command: { command: ['./probe', '--port', '${port}'], timeoutSeconds: 5 }, timeoutSeconds: 60 },
  ],
};
const FULL_HOST = { ...host('web-09'), site: 'west', labels: { machineType: 'small' } };
const FULL_SSH_HOST = {
  ...host('web-08'),
  executor: {
    driver: 'ssh', root: '/srv/signalbox', user: 'deploy', port: 2222, identityFile: '/etc/signalbox/id', certificateFile: '/etc/signalbox/id-cert.pub', configFile: '/etc/signalbox/ssh_config',
    knownHostsFile: '/etc/signalbox/known_hosts', jump: ['ops@gate-1:22', '[2001:db8::1]:2222'],
  },
};
const FULL_AGENT_HOST = { ...host('web-07'), executor: { driver: 'agent', root: '/srv/signalbox' } };
const FULL_POOL = { ...POOL, name: 'full', capacity: { minInServicePercent: 66 }, traffic: { ...POOL.traffic, server: '${host.name}', drainTimeoutSeconds: 30 }, strategy: 'standard', busy: 'queue' };
const FULL_PACKAGE = { ...packageOf('3'), sizeBytes: 10, kind: 'full', source: { commit: 'abc', build: '7', branch: 'main' } };
const FULL_RELEASE = { ...RELEASE, kind: 'hotfix', strategy: 'standard', busy: 'queue', allowOutage: false, batchCapPercent: 50, adopt: false, reason: 'why' };

const REQUESTS: readonly [string, string, string, object][] = [
  ['Application', 'PUT', '/v1/applications/web', FULL_APPLICATION],
  ['Host', 'PUT', '/v1/hosts/web-09', FULL_HOST],
  ['Host over ssh', 'PUT', '/v1/hosts/web-08', FULL_SSH_HOST],
  ['Host by agent', 'PUT', '/v1/hosts/web-07', FULL_AGENT_HOST],
  ['Pool', 'PUT', '/v1/pools/full', FULL_POOL],
  ['Strategy', 'PUT', '/v1/strategies/full', FULL_STRATEGY],
  ['Recipe', 'PUT', '/v1/recipes/own', { kind: 'Recipe', name: 'own', extends: 'service', steps: { start: ['start-process', { run: ['./warm-up'], timeoutSeconds: 5 }] } }],
  ['Package', 'POST', '/v1/packages', FULL_PACKAGE],
  ['Quarantine', 'POST', '/v1/packages/web@3/quarantine', { reason: 'why' }],
  ['Release', 'POST', '/v1/releases', FULL_RELEASE],
  ['Plan', 'POST', '/v1/plans', FULL_RELEASE],
  ['Token', 'POST', '/v1/tokens', { name: 'someone' }],
  ['Token of a host', 'POST', '/v1/host-tokens', { name: 'someone', host: 'web-01' }],
  ['Repair', 'POST', '/v1/findings/break-glass%2Fweb-01/repair', { reason: 'why', then: null }],
  ['FleetCheck', 'POST', '/v1/fleet-checks', { reason: 'why' }],
  ['Drain', 'POST', '/v1/hosts/web-01/drain', { reason: 'why', pool: 'web-prod', force: false }],
  ['Admit', 'POST', '/v1/hosts/web-01/admit', { reason: 'why', pool: 'web-prod' }],
];

type Path = readonly (string | number)[];

/** Paths of all members, objects and lists included. */
function paths(value: unknown, at: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [at];
  return [...(at.length > 0 ? [at] : []), ...Object.keys(value).flatMap((key) => paths((value as Record<string, unknown>)[key], [...at, Array.isArray(value) ? Number(key) : key]))];
}

function replaced(value: object, path: Path, by: unknown): object {
  const copy = structuredClone(value);
  let holder: any = copy;
  for (const key of path.slice(0, -1)) holder = holder[key];
  holder[path.at(-1) ?? ''] = by;
  return copy;
}

describe.each(REQUESTS)('%s', (_name, method, path, full) => {
  test('as it is, it is accepted', async () => {
    const current = method === 'PUT' ? (await api.ask('GET', path)).headers.get('etag') : null;
    const answer = await api.ask(method, path, { body: full, headers: current ? { 'if-match': current } : {} });
    expect([200, 201, 202], JSON.stringify(answer.body)).toContain(answer.status);
  });

  test('each field with a value of a wrong type, out of bounds, too long or dangerous is refused where it stands', async () => {
    for (const field of paths(full)) {
      const pointer = `/${field.join('/')}`;
      const free = /^\/(?:variables|labels|run\/env|run\/command|source|health\/0\/http\/(?:headers|body|json\/equals)|health\/3\/command\/command|steps\/start\/1\/run)(?:\/|$)/.test(pointer);
      const wrong = [true, 1.5, -1, 1e15, {}, [[]], 'x'.repeat(5000), ...(free ? ['a\u0000b', 'a\nb'] : ['a\u0000b', 'a\nb', ';id', '$(id)', '../x', '-oProxyCommand=x', ' '])];
      for (const value of wrong) {
        if (/^\/(?:allowOutage|adopt|force)$/.test(pointer) && value === true) continue;
        if (/^\/(?:variables|labels|capacity|bastion|batches|tolerance|rollback|postRelease|pause|deadlines|source|run\/env|health|health\/0\/http\/headers|health\/2\/process|steps)$/.test(pointer) && JSON.stringify(value) === '{}') continue;
        if (pointer === '/health/0/http/json/equals' && (typeof value === 'number' || typeof value === 'boolean')) continue;
        if (pointer === '/reason' && typeof value === 'string' && !/[\u0000\n]/.test(value) && value.trim() !== '' && value.length < 500) continue;
        const answer = await api.ask(method, path, { body: replaced(full, field, value) });
        expect(answer.status, `${pointer} = ${JSON.stringify(value).slice(0, 40)}: ${answer.text.slice(0, 300)}`).toBe(422);
        expect(pointers(answer).some((one) => one.startsWith(pointer)), `${pointer} = ${JSON.stringify(value).slice(0, 40)}: ${pointers(answer).join(' ')}`).toBe(true);
      }
    }
  });

  test('an unknown field is refused in every object', async () => {
    const objects: Path[] = [[], ...paths(full).filter((at) => at.length > 0 && isPlain(at.reduce((value: any, key) => value[key], full)))];
    for (const at of objects) {
      const pointer = ['', ...at, 'surprise'].join('/');
      if (/^\/(?:variables|labels|run\/env|health\/0\/http\/headers)\/surprise$/.test(pointer)) continue;
      expect(pointers(await api.ask(method, path, { body: replaced(full, [...at, 'surprise'], 1) }))).toContain(pointer);
    }
  });
});

function isPlain(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

describe('rules over several fields', () => {
  const strategy = (batches: object) => api.ask('PUT', '/v1/strategies/rules', { body: { batches } });

  test('percentages that do not add up, or take out more than half, are refused', async () => {
    expect(pointers(await strategy({ percent: [30, 30] }))).toEqual(['/batches/percent']);
    expect(pointers(await strategy({ percent: [51] }))).toEqual(['/batches/percent/0']);
    expect(pointers(await strategy({ percent: [] }))).toEqual(['/batches/percent']);
    expect(pointers(await strategy({ percent: [0] }))).toEqual(['/batches/percent/0']);
    expect((await strategy({ percent: [10, 30, 30, 30] })).status).toBe(201);
  });

  test('everything a strategy contradicts itself in comes at once with its pointer and the rule, also beside members that are wrong by themselves', async () => {
    const batches = { percent: [25], count: [1], hosts: [['web-01'], ['web-01']], by: 'zone', order: 'list', bakeSeconds: 'long', each: [{ index: 1, percent: 5, count: 5 }, { index: 'x' }, { index: 1 }, { index: 0, mode: 'window' }] };
    const answer = await api.ask('PUT', '/v1/strategies/rules', { body: { batches, bastion: { hosts: ['web-01'], label: { a: 'b' }, count: 2 }, deadlines: { stepSeconds: 301 } } });
    expect(answer.status).toBe(422);
    expect(pointers(answer).sort()).toEqual([
      '/bastion/count', '/bastion/label', '/batches/bakeSeconds', '/batches/by', '/batches/count', '/batches/each/0/count', '/batches/each/0/count', '/batches/each/0/percent', '/batches/each/1/index',
      '/batches/each/2/index', '/batches/each/3/mode', '/batches/hosts', '/batches/hosts/1/0', '/batches/order', '/deadlines/stepSeconds',
    ]);
    const rule = (pointer: string) => answer.body.errors.find((error: { readonly pointer: string }) => error.pointer === pointer)?.message;
    expect(rule('/batches/hosts/1/0')).toBe('host web-01 is named twice: a host is in exactly one batch');
    expect(rule('/deadlines/stepSeconds')).toBe('one step may take 301 s, but all steps of a target together only 300 s (targetSeconds)');
    const applied = await api.ask('POST', '/v1/apply', { body: { documents: [{ kind: 'Strategy', name: 'twice', batches: { percent: [25], count: [1] } }] } });
    expect(applied.body.errors).toEqual([{ in: 'body', pointer: '/documents/0/batches/count', message: 'batches are cut by percent and count: give exactly one of percent, count and hosts' }]);
  });

  test('an empty host list never means all, and a host stands once in it', async () => {
    expect(pointers(await api.ask('PUT', '/v1/pools/rules', { body: { ...POOL, name: 'rules', hosts: [] } }))).toEqual(['/hosts']);
    expect(pointers(await api.ask('PUT', '/v1/pools/rules', { body: { ...POOL, name: 'rules', hosts: ['web-01', 'web-01'] } }))).toEqual(['/hosts/1']);
    expect(pointers(await api.ask('PUT', '/v1/pools/rules', { body: { ...POOL, name: 'rules', applications: [] } }))).toEqual(['/applications']);
    expect(pointers(await api.ask('POST', '/v1/releases', { body: { ...RELEASE, changes: [] } }))).toEqual(['/changes']);
    expect(pointers(await api.ask('POST', '/v1/releases', { body: { ...RELEASE, changes: [...RELEASE.changes, ...RELEASE.changes] } }))).toEqual(['/changes/1/application']);
  });

  test('a health check is of exactly one kind, and asks only for what its answer can hold', async () => {
    const application = (health: object[]) => api.ask('PUT', '/v1/applications/rules', { body: { name: 'rules', run: { command: ['x'] }, health } });
    expect(pointers(await application([{}, { tcp: { port: 1 }, process: {} }]))).toEqual(['/health/0', '/health/1']);
    expect(pointers(await application([{ http: { path: '/', port: 1, method: 'HEAD', version: { json: 'v' }, body: 'x', json: { path: 'a', equals: 'b' } } }]))).toEqual(['/health/0/http/body', '/health/0/http/json', '/health/0/http/version']);
    expect(pointers(await application([{ http: { path: '/', port: 1, headers: { 'X Y': 'a' }, method: 'DELETE' } }, { tcp: { port: 70000 } }, { command: { command: ['A=b'], timeoutSeconds: 0 } }, { process: { pid: 1 } }]))).toEqual([
      '/health/0/http/headers/X Y', '/health/0/http/method', '/health/1/tcp/port', '/health/2/command/command/0', '/health/2/command/timeoutSeconds', '/health/3/process/pid',
    ]);
    const good = await application([{ http: { path: '/', port: 1, json: { path: 'ready', equals: true } } }, { tcp: { port: '${port}' }, when: 'after-admit', healthySeconds: 5 }, { process: {} }, { command: { command: ['./probe'] } }]);
    expect(good.status).toBe(201);
    expect(good.body.health).toMatchObject([{ http: { json: { equals: 'true' }, listener: 'own', headers: {} }, when: 'before-admit', healthySeconds: 0 }, { tcp: { port: '${port}' }, when: 'after-admit', healthySeconds: 5 }, { process: {}, passes: 2 }, { command: { timeoutSeconds: 10 } }]);
  });

  test('the bastion\'s own checks are of the same kinds, and none comes after it has joined', async () => {
    const bastion = (health: object[]) => api.ask('PUT', '/v1/strategies/rules-of-bastion', { body: { bastion: { health } } });
    expect(pointers(await bastion([{}]))).toEqual(['/bastion/health/0']);
    expect(pointers(await bastion([{ process: {}, when: 'after-admit' }]))).toEqual(['/bastion/health/0/when']);
    expect(await bastion([{ tcp: { port: 80 } }])).toMatchObject({ status: 201, body: { bastion: { health: [{ tcp: { port: '80' } }] } } });
  });

  test('a host over ssh says no more than its root, and nothing it says can become an option, a command or another path', async () => {
    const sent = (executor: object) => api.ask('PUT', '/v1/hosts/rules', { body: { ...host('rules'), executor: { driver: 'ssh', root: '/srv/x', ...executor } } });
    for (const text of ['-oProxyCommand=id', ';id', 'a\nb', '$(id)', '../x', '/a/../b', '/a b', "/a'b", '/a%h', '/~', '/a,b', '']) {
      const words = { user: text, identityFile: text, certificateFile: text, configFile: text, knownHostsFile: text, root: text, jump: ['gate', text] };
      expect([...new Set(pointers(await sent(words)))].toSorted(), text).toEqual(['/executor/certificateFile', '/executor/configFile', '/executor/identityFile', '/executor/jump/1', '/executor/knownHostsFile', '/executor/root', '/executor/user']);
    }
    expect(pointers(await sent({ jump: ['a@b@c', 'gate:0', 'gate:70000', '2001:db8::1'] }))).toEqual([0, 1, 2, 3].map((index) => `/executor/jump/${index}`));
    expect(pointers(await sent({ port: 0, password: 'x' }))).toEqual(['/executor/password', '/executor/port']);
    expect(pointers(await sent({ root: '/' }))).toEqual(['/executor/root']);
    expect((await sent({})).body.executor).toEqual({ driver: 'ssh', root: '/srv/x', user: null, port: null, identityFile: null, certificateFile: null, configFile: null, knownHostsFile: null, jump: [] });
  });

  test('a balancer is reached by a socket or an address, not by both or none', async () => {
    const pool = (traffic: object) => api.ask('PUT', '/v1/pools/rules', { body: { ...POOL, name: 'rules', traffic } });
    expect(pointers(await pool({ driver: 'haproxy', backend: 'web' }))).toEqual(['/traffic/socket']);
    expect(pointers(await pool({ driver: 'haproxy', backend: 'web', socket: '/a', address: 'lb:1' }))).toEqual(['/traffic/socket']);
    expect(pointers(await pool({ driver: 'haproxy', backend: 'web;disable', socket: '/a' }))).toEqual(['/traffic/backend']);
    expect(pointers(await pool({ driver: 'haproxy', backend: 'web', address: '-x:1' }))).toEqual(['/traffic/address']);
    expect(pointers(await pool({ driver: 'haproxy', backend: 'web', address: 'lb:99999' }))).toEqual(['/traffic/address']);
    expect(pointers(await pool({ driver: 'f5' }))).toEqual(['/traffic/driver']);
  });

  test('an include file of nginx is a plain path, and its workers are asked on the loopback alone', async () => {
    const nginx = { driver: 'nginx', file: '/etc/nginx/signalbox/web.conf', status: 'http://127.0.0.1:9180/signalbox/web' };
    const pool = (change: object) => api.ask('PUT', '/v1/pools/rules', { body: { ...POOL, name: 'rules', traffic: { ...nginx, ...change } } });
    for (const file of ['web.conf', '/etc/../passwd', '/etc/a b', '/etc/x;reload']) expect(pointers(await pool({ file }))).toEqual(['/traffic/file']);
    for (const status of ['http://10.0.0.1/', 'https://127.0.0.1/', 'http://127.0.0.1@10.0.0.1/', 'http://127.0.0.1:99999/x', 'http://localhost.example/', 'file:///etc/passwd', 'http://127.0.0.1/a?b=c']) expect(pointers(await pool({ status }))).toEqual(['/traffic/status']);
    expect(pointers(await pool({ pidFile: 'nginx.pid', server: 'a b', drainTimeoutSeconds: -1 }))).toEqual(['/traffic/drainTimeoutSeconds', '/traffic/pidFile', '/traffic/server']);
    expect(pointers(await pool({ backend: 'web' }))).toEqual(['/traffic/backend']);
  });

  test('a script for a balancer is a program by its absolute path, its words are single lines, and one call has its time', async () => {
    const pool = (change: object) => api.ask('PUT', '/v1/pools/rules', { body: { ...POOL, name: 'rules', traffic: { driver: 'command', command: ['/etc/signalbox/traffic/lb', 'web'], ...change } } });
    for (const program of ['lb', './lb', '/etc/../bin/sh', '/bin/sh -c', '-c']) expect(pointers(await pool({ command: [program] }))).toEqual(['/traffic/command/0']);
    expect(pointers(await pool({ command: [] }))).toContain('/traffic/command');
    expect(pointers(await pool({ command: ['/lb', ''], timeoutSeconds: 9 }))).toEqual(['/traffic/command/1', '/traffic/timeoutSeconds']);
    expect(pointers(await pool({ command: '/lb web' }))).toEqual(['/traffic/command']);
  });

  test('a server is named after its host alone: any other variable is refused where it stands', async () => {
    const balancers = [{ driver: 'haproxy', socket: '/run/haproxy.sock', backend: 'web' }, { driver: 'nginx', file: '/etc/nginx/web.conf', status: 'http://127.0.0.1:9180/web' }];
    for (const balancer of balancers) {
      const pool = (server: string) => api.ask('PUT', '/v1/pools/rules', { body: { ...POOL, name: 'rules', traffic: { ...balancer, server } } });
      for (const server of ['${host.zone}-${host.name}', '${host.address}', '${rack}', '$${host.name}', '${host.name']) expect(pointers(await pool(server))).toEqual(['/traffic/server']);
    }
  });

  test('what a later version brings is refused as not available yet, never as unknown and never ignored', async () => {
    const later: readonly [string, object, string[]][] = [
      ['/v1/applications/later', { ...APPLICATION, name: 'later', recipe: 'container', keepAlive: true }, ['/keepAlive', '/recipe']],
      ['/v1/hosts/later', { ...host('later'), executor: { driver: 'salt', user: 'x' } }, ['/executor']],
      ['/v1/pools/later', { ...POOL, name: 'later', traffic: { driver: 'kubernetes', config: 'x' }, variables: { a: 'b' } }, ['/traffic', '/variables']],
      [
        '/v1/strategies/later',
        { gates: [{ name: 'x' }], rollback: { on: ['bastion', 'hard-gate'] }, signOff: 'before-start' },
        ['/gates', '/rollback/on/1', '/signOff'],
      ],
    ];
    for (const [path, body, expected] of later) {
      const answer = await api.ask('PUT', path, { body });
      expect(pointers(answer)).toEqual(expected);
      expect(new Set(answer.body.errors.map(({ message }: { message: string }) => message))).toEqual(new Set(['not available yet']));
    }
    for (const [path, body] of [['/v1/packages', { ...packageOf('9'), kind: 'incremental', base: '1', signature: 'x', uri: 's3://a/b.zip' }]] as const) {
      const answer = await api.ask('POST', path, { body });
      expect(pointers(answer)).toEqual(['/base', '/kind', '/signature', '/uri']);
    }
    const train = await api.ask('POST', '/v1/apply', { body: { documents: [{ kind: 'Train', name: 'x' }, { kind: 'Freeze' }] } });
    expect(train.body.errors).toEqual([0, 1].map((index) => ({ in: 'body', pointer: `/documents/${index}/kind`, message: 'not available yet' })));
  });

  test('empty lists of later fields mean nothing and are accepted', async () => {
    expect((await api.ask('PUT', '/v1/strategies/empties', { body: { gates: [], hooks: [], batches: { each: [] } } })).status).toBe(201);
  });
});
