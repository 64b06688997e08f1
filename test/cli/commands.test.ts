import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { call } from './call.ts';
import type { Called } from './call.ts';
import { RecordedServer, sendJson, sendProblem } from './recorded-server.ts';

const ID = 'r-recorded0001';
const COMMANDS = `POST /v1/releases/${ID}/commands`;

let server: RecordedServer;
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'signalbox-cli-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(async () => {
  server = await new RecordedServer().start();
});
afterEach(() => server.stop());

function cli(args: readonly string[], stdin?: string): Promise<Called> {
  return call([...args, '--url', server.url, '--token', 'secret-token'], { cwd: folder, ...(stdin === undefined ? {} : { stdin }) });
}

function bodyOf(route: string, index = 0): unknown {
  return JSON.parse(server.requests(route)[index]?.body ?? 'null');
}

describe('requests', () => {
  test('carry the token and, when they change something, an Idempotency-Key that survives repeats', async () => {
    let refusals = 2;
    server.on('POST /v1/releases', (_seen, response) => {
      refusals -= 1;
      if (refusals >= 0) return sendProblem(response, 503, { detail: 'The database is away.' });
      sendJson(response, 202, { id: ID, status: 'queued' });
    });
    const called = await cli(['release', 'web-prod', 'web=2.0.0', '--reason', 'new page', '--busy', 'queue']);
    expect(called.code).toBe(0);
    const sent = server.requests('POST /v1/releases');
    expect(sent.length).toBe(3);
    expect(new Set(sent.map((seen) => seen.headers['idempotency-key'])).size).toBe(1);
    expect(sent[0]?.headers['authorization']).toBe('Bearer secret-token');
    expect(bodyOf('POST /v1/releases')).toEqual({ pool: 'web-prod', changes: [{ application: 'web', version: '2.0.0' }], allowOutage: false, adopt: false, reason: 'new page', busy: 'queue' });
  });

  test('a first request that is still being answered is waited for with the same key', async () => {
    let first = true;
    server.on('POST /v1/releases', (_seen, response) => {
      if (!first) return sendJson(response, 202, { id: ID, status: 'queued' });
      first = false;
      sendProblem(response, 409, { type: 'urn:signalbox:problem:key-in-flight', detail: 'still being answered' });
    });
    const called = await cli(['release', 'web-prod', 'web=2.0.0', '--idempotency-key', 'job-7', '-o', 'name']);
    expect(called.stdout).toBe(`${ID}\n`);
    expect(server.requests('POST /v1/releases').map((seen) => seen.headers['idempotency-key'])).toEqual(['job-7', 'job-7']);
  });

  test('the token is never printed', async () => {
    server.on('GET /v1/releases/x', (_seen, response) => sendProblem(response, 401, { detail: 'no' }));
    const called = await cli(['status', 'x']);
    expect(called.code).toBe(7);
    expect(called.stdout + called.stderr).not.toContain('secret-token');
  });
});

describe('apply', () => {
  const diff = [
    { kind: 'Pool', name: 'web-prod', action: 'updated', changes: [{ pointer: '/capacity/minInServicePercent', from: 66, to: 75 }] },
    { kind: 'Host', name: 'web-01', action: 'created' },
    { kind: 'Strategy', name: 'standard', action: 'unchanged' },
  ];

  test('sends the documents of all files in one request, shows the difference, then stores it', async () => {
    writeFileSync(join(folder, 'one.yml'), 'kind: Pool\nname: web-prod\n---\n---\nkind: Host\nname: web-01\n');
    server.json('POST /v1/apply', 200, { documents: diff });
    const called = await cli(['apply', '-f', 'one.yml', '-f', '-'], '{"kind": "Strategy", "name": "standard"}');
    expect(called).toMatchObject({ code: 0, stderr: '' });
    expect(called.stdout.split('\n')).toEqual(['~ Pool web-prod', '    /capacity/minInServicePercent: 66 → 75', '+ Host web-01', '= Strategy standard', '1 created, 1 updated, 1 unchanged', '']);
    expect(server.seen.map((seen) => seen.path)).toEqual(['/v1/apply?dryRun=true', '/v1/apply']);
    expect(bodyOf('POST /v1/apply', 1)).toEqual({ documents: [{ kind: 'Pool', name: 'web-prod' }, { kind: 'Host', name: 'web-01' }, { kind: 'Strategy', name: 'standard' }] });
  });

  test('--dry-run stores nothing', async () => {
    writeFileSync(join(folder, 'two.yml'), 'kind: Pool\nname: web-prod\n');
    server.json('POST /v1/apply', 200, { documents: diff });
    const called = await cli(['apply', '-f', 'two.yml', '--dry-run']);
    expect(called.stdout).toContain('nothing was stored');
    expect(server.seen.map((seen) => seen.path)).toEqual(['/v1/apply?dryRun=true']);
  });

  test('complaints name file, line and document instead of a place in the request', async () => {
    writeFileSync(join(folder, 'three.yml'), 'kind: Host\nname: a\n---\nkind: Pool\nname: web-prod\nhosts: []\n');
    server.on('POST /v1/apply', (_seen, response) => sendProblem(response, 422, { detail: 'Nothing was stored.', errors: [{ in: 'body', pointer: '/documents/1/hosts', message: 'must name at least one host' }] }));
    const called = await cli(['apply', '-f', 'three.yml']);
    expect(called.code).toBe(2);
    expect(called.stderr).toContain('three.yml:4 (Pool web-prod) /hosts: must name at least one host');
  });

  test('files that cannot be read are all named and nothing is sent', async () => {
    writeFileSync(join(folder, 'bad.yml'), 'kind: Pool\nkind: Host\n');
    const called = await cli(['apply', '-f', 'bad.yml', '-f', 'missing.yml']);
    expect(called.code).toBe(2);
    expect(called.stderr).toMatch(/bad\.yml:\d+: Map keys must be unique/);
    expect(called.stderr).toContain('missing.yml');
    expect(server.seen).toEqual([]);
  });

  test('an empty file is no document', async () => {
    writeFileSync(join(folder, 'empty.yml'), '# nothing\n');
    expect((await cli(['apply', '-f', 'empty.yml'])).code).toBe(2);
  });
});

describe('holds and quarantine', () => {
  test('lift says why and where, and tells what was lifted', async () => {
    server.json('POST /v1/applications/web/lift', 200, { application: 'web', holds: [{ pool: 'web-prod', reason: 'latency' }] });
    const called = await cli(['lift', 'web', '--reason', 'fixed', '--pool', 'web-prod']);
    expect(called).toMatchObject({ code: 0, stdout: 'hold of web in pool web-prod lifted (it was: latency)\n' });
    expect(bodyOf('POST /v1/applications/web/lift')).toEqual({ reason: 'fixed', pool: 'web-prod' });
  });

  test('package quarantine and lift go to the package and need a reason', async () => {
    for (const verb of ['quarantine', 'lift']) {
      server.json(`POST /v1/packages/web%402.0.0/${verb}`, 200, { package: 'web@2.0.0' });
      expect((await cli(['package', verb, 'web@2.0.0', '--reason', 'leaks'])).code).toBe(0);
      expect(bodyOf(`POST /v1/packages/web%402.0.0/${verb}`)).toEqual({ reason: 'leaks' });
      expect((await cli(['package', verb, 'web@2.0.0'])).code).toBe(2);
    }
  });

  test('rollback --to names the version, and a refusal shows which can be had', async () => {
    server.on(`POST /v1/releases/${ID}/commands`, (_seen, response) => sendProblem(response, 409, { detail: 'web 1.0.0 is not kept on web-01. Versions that can be had on every host: 1.1.0.' }));
    const called = await cli(['rollback', ID, '--to', '1.0.0', '--reason', 'two back']);
    expect(called.code).not.toBe(0);
    expect(called.stderr).toContain('Versions that can be had on every host: 1.1.0');
    expect(bodyOf(`POST /v1/releases/${ID}/commands`)).toEqual({ type: 'rollback', reason: 'two back', to: '1.0.0' });
  });
});

describe('package add', () => {
  const bytes = Buffer.from('not really a package');
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const stored = { uri: `http://127.0.0.1/v1/package-files/${sha256}/key.tar.gz`, sha256, sizeBytes: bytes.length };

  test('a file is uploaded under its digest, then registered with what the server answered', async () => {
    writeFileSync(join(folder, 'web.tar.gz'), bytes);
    server.json(`PUT /v1/package-files/${sha256}`, 201, stored).json('POST /v1/packages', 201, { id: 'web@2.0.0' });
    const called = await cli(['package', 'add', 'web', '2.0.0', 'web.tar.gz', '--commit', 'abc123']);
    expect(called).toMatchObject({ code: 0 });
    expect(called.stdout).toContain('package web@2.0.0 registered');
    const upload = server.requests(`PUT /v1/package-files/${sha256}`)[0];
    expect(upload).toMatchObject({ body: bytes.toString(), headers: { 'content-type': 'application/octet-stream', 'content-length': String(bytes.length) } });
    expect(bodyOf('POST /v1/packages')).toEqual({ application: 'web', version: '2.0.0', uri: stored.uri, sha256, sizeBytes: bytes.length, source: { commit: 'abc123' } });
  });

  test('a URI is fetched once to compute its digest, and not at all when the digest is given', async () => {
    server.on('GET /store/web.zip', (_seen, response) => response.end(bytes)).json('POST /v1/packages', 200, { id: 'web@2.0.0' });
    const called = await cli(['package', 'add', 'web', '2.0.0', `${server.url}/store/web.zip`]);
    expect(called.stdout).toContain('was registered before');
    expect(bodyOf('POST /v1/packages')).toMatchObject({ uri: `${server.url}/store/web.zip`, sha256, sizeBytes: bytes.length });
    await cli(['package', 'add', 'web', '2.0.0', `${server.url}/store/web.zip`, '--sha256', sha256, '-o', 'name']);
    expect(server.requests('GET /store/web.zip').length).toBe(1);
  });

  test('the token of the server is not sent to a package store', async () => {
    server.on('GET /store/web.zip', (_seen, response) => response.end(bytes)).json('POST /v1/packages', 200, {});
    await cli(['package', 'add', 'web', '2.0.0', `${server.url}/store/web.zip`]);
    expect(server.requests('GET /store/web.zip')[0]?.headers['authorization']).toBeUndefined();
  });

  test('a file with another digest than expected, a missing one and an empty one send nothing', async () => {
    writeFileSync(join(folder, 'web.tar.gz'), bytes);
    writeFileSync(join(folder, 'empty.tar.gz'), '');
    const other = await cli(['package', 'add', 'web', '2.0.0', 'web.tar.gz', '--sha256', 'f'.repeat(64)]);
    expect(other).toMatchObject({ code: 2, stderr: expect.stringContaining(`got             ${sha256}`) as unknown });
    expect((await cli(['package', 'add', 'web', '2.0.0', 'nothing.tar.gz'])).code).toBe(2);
    expect((await cli(['package', 'add', 'web', '2.0.0', 'empty.tar.gz'])).code).toBe(2);
    expect(server.seen).toEqual([]);
  });
});

describe('steering', () => {
  const receipt = { id: 'c-1', type: 'pause', state: 'applied', by: 'ann', at: '2026-01-05T10:00:00.000Z', reason: 'lunch', release: ID, refusal: null, settledAt: null };

  test('pause waits for its receipt and says that it was applied', async () => {
    let asked = 0;
    server.json(COMMANDS, 202, { ...receipt, state: 'accepted' }).on(`GET /v1/releases/${ID}/commands/c-1`, (_seen, response) => {
      asked += 1;
      sendJson(response, 200, { ...receipt, state: asked < 2 ? 'accepted' : 'applied' });
    });
    const called = await cli(['pause', ID, '--reason', 'lunch']);
    expect(called).toMatchObject({ code: 0, stdout: `pause of ${ID} applied\n` });
    expect(bodyOf(COMMANDS)).toEqual({ type: 'pause', reason: 'lunch' });
    expect(server.requests(COMMANDS)[0]?.path).toContain('waitSeconds=20');
  });

  test('a command that nobody applied in time ends with code 5 and says that it is stored', async () => {
    server.json(COMMANDS, 202, { ...receipt, state: 'accepted' });
    const called = await cli(['pause', ID, '--reason', 'lunch', '--receipt-timeout', '0']);
    expect(called.code).toBe(5);
    expect(called.stderr).toContain('accepted and stored (receipt c-1) but not yet applied');
  });

  test('a late refusal ends with code 8 and lists what is allowed', async () => {
    server.json(COMMANDS, 202, { ...receipt, state: 'refused', refusal: { code: 'not-allowed', message: 'It is not paused.', allowed: ['pause', 'rollback'] } });
    const called = await cli(['resume', ID, '--reason', 'go']);
    expect(called.code).toBe(8);
    expect(called.stderr).toContain('It is not paused.');
    expect(called.stderr).toContain('allowed now: pause, rollback');
  });

  test('an immediate refusal lists what is allowed too', async () => {
    server.on(COMMANDS, (_seen, response) => sendProblem(response, 409, { detail: 'The release has ended. Allowed now: rollback.', allowed: ['rollback'] }));
    const called = await cli(['skip', ID, '--reason', 'broken disk', '--targets', 'web-01,web-02']);
    expect(called.code).toBe(8);
    expect(called.stderr.match(/allowed now: rollback/gi)?.length).toBe(1);
    expect(bodyOf(COMMANDS)).toEqual({ type: 'skip', reason: 'broken disk', targets: ['web-01', 'web-02'] });
  });

  test('jump names the batch by its number, and takes nothing else for one', async () => {
    server.json(COMMANDS, 202, { ...receipt, type: 'jump' });
    expect(await cli(['jump', ID, '--to', '3', '--reason', 'idc-b is down'])).toMatchObject({ code: 0, stdout: `jump of ${ID} applied\n` });
    expect(bodyOf(COMMANDS)).toEqual({ type: 'jump', reason: 'idc-b is down', to: 3 });
    for (const wrong of [['--to', 'three'], ['--to', '-1'], ['--to', ''], []]) expect((await cli(['jump', ID, ...wrong, '--reason', 'x'])).code).toBe(2);
    expect(server.requests(COMMANDS)).toHaveLength(1);
  });

  test('rollback of a finished release names the release that takes it back', async () => {
    server.json(COMMANDS, 202, { ...receipt, type: 'rollback', release: 'r-back00000001' });
    const called = await cli(['rollback', ID, '--reason', 'slow', '--mode', 'emergency', '--if-version', '41']);
    expect(called).toMatchObject({ code: 0, stdout: `rollback of ${ID} applied as release r-back00000001\n` });
    expect(bodyOf(COMMANDS)).toEqual({ type: 'rollback', reason: 'slow', mode: 'emergency', ifVersion: 41 });
  });
});

describe('reading', () => {
  const pools = [
    { kind: 'Pool', name: 'web-prod', environment: 'prod', applications: ['web'], hosts: ['web-01', 'web-02'], capacity: { minInServicePercent: 66 }, traffic: { driver: 'none' }, strategy: 'standard', busy: 'queue' },
    { kind: 'Pool', name: 'web-uat', environment: 'uat', applications: ['web'], hosts: ['uat-01'], capacity: { minInServicePercent: 0 }, traffic: { driver: 'none' }, strategy: 'quick', busy: 'reject' },
  ];

  test('get walks all pages and shows a table, wide columns only when asked', async () => {
    server.on('GET /v1/pools', (seen, response) => sendJson(response, 200, seen.path.includes('cursor=c2') ? { items: [pools[1]], next: null } : { items: [pools[0]], next: 'c2' }));
    const called = await cli(['get', 'pools']);
    expect(called.stdout.split('\n')).toEqual([
      'NAME      ENVIRONMENT  APPLICATIONS  HOSTS  MIN IN SERVICE  STRATEGY  TRAFFIC',
      'web-prod  prod         web           2      66%             standard  none',
      'web-uat   uat          web           1      0%              quick     none',
      '',
    ]);
    expect((await cli(['get', 'pool', '-o', 'wide'])).stdout).toContain('web-01,web-02');
    expect((await cli(['get', 'Pools', '-o', 'name'])).stdout).toBe('web-prod\nweb-uat\n');
    expect((await cli(['get', 'pools', '--limit', '1', '-o', 'name'])).stdout).toBe('web-prod\n');
  });

  test('get -o yaml prints documents that apply takes back', async () => {
    server.json('GET /v1/pools', 200, { items: pools, next: null });
    const called = await cli(['get', 'pools', '-o', 'yaml']);
    const documents = parseAllDocuments(called.stdout);
    expect((Array.isArray(documents) ? documents : []).map((document) => document.toJS() as unknown)).toEqual(pools);
  });

  test('get of one object shows just that', async () => {
    server.json('GET /v1/pools/web-prod', 200, pools[0]);
    expect(JSON.parse((await cli(['get', 'pool', 'web-prod', '-o', 'json'])).stdout)).toEqual(pools[0]);
  });

  test('names with slashes cannot change the path that is asked', async () => {
    expect((await cli(['get', 'pool', '../tokens'])).code).toBe(2);
    expect(server.seen[0]?.path).toBe('/v1/pools/..%2Ftokens');
  });

  test('logs prints the lines behind a bar', async () => {
    server.json(`GET /v1/releases/${ID}/logs`, 200, { host: 'web-01', entries: [{ direction: 'forward', step: 'start', code: 'start-failed', message: 'exit 1', lines: ['boom', '::error::not ours\u001b[2J'] }] });
    const called = await cli(['logs', ID, '--host', 'web-01']);
    expect(called.stdout).toBe('web-01 start (forward) start-failed: exit 1\n  | boom\n  | ::error::not ours�[2J\n');
    expect(server.seen[0]?.path).toBe(`/v1/releases/${ID}/logs?host=web-01`);
  });

  test('plan shows batches with their times, the capacity line, how long it takes, the waits, what is different and the warnings', async () => {
    server.json('POST /v1/plans', 200, {
      id: 'ab'.repeat(32),
      plan: {
        batches: [{ index: 0, kind: 'bastion', hosts: ['web-01'], lanes: 1, bakeSeconds: 10, manual: true }],
        capacity: { hosts: 8, inService: 7, floor: 6, outageAllowed: false },
        changes: [{ application: 'web', version: '2.0.0', sha256: 'f'.repeat(64) }],
        rollback: { batchPercent: 33 },
        warnings: ['web-03 is out of service already'],
      },
      assumes: 'Every host is taken to be in service.',
      plannedWaitSeconds: 30,
      simulation: {
        p50Seconds: 95, p90Seconds: 130, basis: { releases: 3, targets: 24 }, inService: { lowest: 6, floor: 6, moment: 1 },
        timeline: [
          { what: 'roll', startSeconds: 4, endSeconds: 9, inService: { lowest: 6 }, batch: { index: 0, part: 'install', waitingAtFloor: ['web-02'] }, wait: null },
          { what: 'wait', startSeconds: 19, endSeconds: 19, inService: { lowest: 6 }, batch: null, wait: { for: 'promote', seconds: null, who: 'an operator with promote' } },
          { what: 'roll', startSeconds: 19, endSeconds: 21, inService: { lowest: 6 }, batch: { index: 0, part: 'join', waitingAtFloor: [] }, wait: null },
        ],
      },
      different: {
        release: 'r-1', versions: [{ application: 'web', from: '1.0.0', to: '2.0.0' }, { application: 'api', from: null, to: '7' }],
        config: [{ pointer: '/web/run/env/LEVEL', from: 'info', to: 'debug' }], strategy: [{ pointer: '/batches/bakeSeconds', from: 2, to: 10 }],
        hosts: { joined: ['web-08'], left: ['web-00'] }, outOfService: ['web-03'], batches: { from: 3, to: 1 }, seconds: { from: 60, to: 95 },
      },
    });
    const { stdout } = await cli(['plan', 'web-prod', 'web=2.0.0']);
    expect(stdout.split('\n')).toEqual([
      'web-prod: web → 2.0.0',
      'BATCH    HOSTS  AT ONCE  STARTS  ENDS  SERVING  BAKE  GOES ON            NAMES',
      'bastion  1      1        +4s     +21s  ≥6       10s   waits for promote  web-01',
      'capacity: 8 hosts, 7 in service, never below 6; as played through, never fewer than 6',
      "takes: about 1m35s, nine of ten times at most 2m10s (going by 3 past releases with 24 targets; people's time not counted)",
      'waits planned: 30s; a rollback goes 33% of the pool at a time',
      'waits for promote after +19s, however long it takes: an operator with promote',
      'waits at the floor until another host serves: web-02',
      'different from the last good release r-1:',
      '  web 1.0.0 → 2.0.0',
      '  api not released then → 7',
      '  configuration of /web/run/env/LEVEL: "info" → "debug"',
      '  strategy /batches/bakeSeconds: 2 → 10',
      '  joined: web-08',
      '  left: web-00',
      '  left out of service by an earlier release: web-03',
      '  3 batches then, 1 now',
      '  1m00s then, about 1m35s now',
      'Every host is taken to be in service.',
      '⚠ web-03 is out of service already',
      `to start exactly this plan: --plan ${'ab'.repeat(32)}`,
      '',
    ]);
  });

  test('release --plan names the plan, and every difference of an outdated one is printed', async () => {
    server.json('POST /v1/releases', 409, { title: 'The plan no longer fits', status: 409, detail: 'Nothing was started.', differences: [{ what: '/batches/1', sentence: 'Batch 1 no longer has web-03.' }] });
    const called = await cli(['release', 'web-prod', 'web=2.0.0', '--plan', 'ab'.repeat(32)]);
    expect(JSON.parse(server.seen[0]?.body ?? '')).toMatchObject({ plan: 'ab'.repeat(32) });
    expect(called.stderr).toContain('Nothing was started.');
    expect(called.stderr).toContain('Batch 1 no longer has web-03.');
  });
});

describe('tokens', () => {
  test('create prints the token alone on standard output', async () => {
    server.json('POST /v1/tokens', 201, { name: 'ci', token: 'rel_api_1234' });
    expect((await cli(['token', 'create', 'ci'])).stdout).toBe('rel_api_1234\n');
  });

  test('host-token makes one for a host and prints it alone, lists them with the last sign of their hosts, and revokes by name', async () => {
    server.json('POST /v1/host-tokens', 201, { name: 'first', host: 'web-01', token: 'rel_host_1234' });
    const made = await cli(['host-token', 'create', 'web-01', 'first']);
    expect(made).toMatchObject({ code: 0, stdout: 'rel_host_1234\n', stderr: expect.stringContaining('token first of web-01') });
    expect(bodyOf('POST /v1/host-tokens')).toEqual({ host: 'web-01', name: 'first' });
    server.json('GET /v1/host-tokens', 200, { items: [{ name: 'first', host: 'web-01', createdAt: '2026-01-05T10:00:00.000Z', revokedAt: null, hostSeenAt: null }, { name: 'old', host: 'web-02', createdAt: '2026-01-05T10:00:00.000Z', revokedAt: '2026-01-06T10:00:00.000Z', hostSeenAt: '2026-01-07T10:00:00.000Z' }] });
    const [, first, old] = (await cli(['host-token', 'list'])).stdout.split('\n');
    expect(first).toMatch(/^first +web-01 .* valid +never$/);
    expect(old).toMatch(/^old +web-02 .* revoked 2026-01-06T10:00:00.000Z +2026-01-07T10:00:00.000Z$/);
    server.on('DELETE /v1/host-tokens/first', (_seen, response) => void response.writeHead(204).end());
    expect(await cli(['host-token', 'revoke', 'first'])).toMatchObject({ code: 0, stdout: 'host token first revoked\n' });
  });
});

describe('host', () => {
  const standing = { host: 'web-01', serves: false, flags: [{ owner: 'operator', pool: null, up: false, by: 'ann', since: '2026-01-05T10:00:00.000Z', reason: 'new disk' }], pools: [{ sentence: 'web-01 is out of pool web-prod.' }] };

  test('drain and admit send reason, pool and force, wait for the balancers, and say what was read back', async () => {
    server.json('POST /v1/hosts/web-01/drain', 200, { ...standing, done: true, sentence: 'web-01 is out of pool web-prod.' });
    server.json('POST /v1/hosts/web-01/admit', 200, { ...standing, done: true, sentence: 'web-01 serves in pool web-prod.' });
    expect(await cli(['host', 'drain', 'web-01', '--reason', 'new disk', '--pool', 'web-prod', '--force'])).toMatchObject({ code: 0, stdout: 'web-01 is out of pool web-prod.\n' });
    expect(await cli(['host', 'admit', 'web-01', '--reason', 'it is in'])).toMatchObject({ code: 0, stdout: 'web-01 serves in pool web-prod.\n' });
    expect(server.seen.map(({ path }) => path)).toEqual(['/v1/hosts/web-01/drain?waitSeconds=15', '/v1/hosts/web-01/admit?waitSeconds=15']);
    expect(bodyOf('POST /v1/hosts/web-01/drain')).toEqual({ reason: 'new disk', pool: 'web-prod', force: true });
    expect(bodyOf('POST /v1/hosts/web-01/admit')).toEqual({ reason: 'it is in' });
  });

  test('a drain that is not carried out in time is 5, one below the floor 8 with the arithmetic', async () => {
    server.json('POST /v1/hosts/web-01/drain', 202, { ...standing, done: false, sentence: 'The drain is stored.' });
    expect(await cli(['host', 'drain', 'web-01', '--reason', 'x'])).toMatchObject({ code: 5, stderr: expect.stringContaining('signalbox host flags web-01') });
    server.on('POST /v1/hosts/web-02/drain', (_seen, response) => sendProblem(response, 409, { detail: 'Taking web-02 out would leave 2 of 4.' }));
    expect(await cli(['host', 'drain', 'web-02', '--reason', 'x'])).toMatchObject({ code: 8, stderr: expect.stringContaining('would leave 2 of 4') });
  });

  test('flags shows every owner, and how the host stands in each pool', async () => {
    server.json('GET /v1/hosts/web-01/flags', 200, standing);
    const called = await cli(['host', 'flags', 'web-01']);
    expect(called.stdout.split('\n')).toEqual(['FLAG      POOL   STANDS  BY   SINCE                     REASON', 'operator  every  down    ann  2026-01-05T10:00:00.000Z  new disk', 'web-01 is out of pool web-prod.', '']);
    expect(JSON.parse((await cli(['host', 'flags', 'web-01', '-o', 'json'])).stdout)).toEqual(standing);
  });
});
