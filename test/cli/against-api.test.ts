/** The command line against the real API and Postgres. Only the worker is played, by appending the events it would append. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { loadCommand, settleCommand } from '../../db/commands.ts';
import { appendReleaseEvents } from '../../db/events.ts';
import { acquirePool } from '../../db/pools.ts';
import { noteRefusal } from '../../db/refusals.ts';
import { openRelease } from '../../db/requests.ts';
import type { CoreEvent } from '../../domain/release/events.ts';
import { SIGNALBOX } from '../../domain/vocabulary.ts';
import { startApiUnderTest } from '../api/api-under-test.ts';
import type { ApiUnderTest } from '../api/api-under-test.ts';
import { until } from '../support/until.ts';
import { begin, call } from './call.ts';
import type { Called, Calling } from './call.ts';

const HOSTS = ['web-01', 'web-02', 'web-03', 'web-04'];
const FLEET = `kind: Application
name: web
run: { command: ["./app", "-port", "\${port}"] }
health: [{ http: { path: /health, port: "\${port}", version: { json: version } } }]
---
kind: Pool
name: web-prod
environment: prod
applications: [web]
hosts: [${HOSTS.join(', ')}]
traffic: { driver: none }
strategy: standard
---
kind: Strategy
name: standard
batches: { percent: [25] }
${HOSTS.map((name, index) => `---\nkind: Host\nname: ${name}\naddress: 127.0.0.1\nzone: idc-a\nexecutor: { driver: local, root: /srv/signalbox/${name} }\nvariables: { port: "${19_001 + index}" }`).join('\n')}
`;
const FAILURE = { class: 'bad-build', code: 'digest-mismatch', message: 'expected one digest, got another', next: 'Register the right file.' } as const;

let api: ApiUnderTest;
let folder: string;
const open: string[] = [];

beforeAll(async () => {
  api = await startApiUnderTest();
  folder = mkdtempSync(join(tmpdir(), 'signalbox-cli-api-'));
  writeFileSync(join(folder, 'fleet.yml'), FLEET);
  writeFileSync(join(folder, 'web.tar.gz'), gzipSync('an application'));
});
afterAll(async () => {
  await api.close();
  rmSync(folder, { recursive: true, force: true });
});
afterEach(async () => {
  for (const id of open.splice(0)) await append(id, 'test-end', { type: 'release-aborted', data: { reason: 'the test is over' } });
});

function start(...args: readonly string[]): Calling {
  return begin([...args], { cwd: folder, env: { SIGNALBOX_URL: api.url, SIGNALBOX_TOKEN: api.token } });
}

function cli(...args: readonly string[]): Promise<Called> {
  return start(...args).done;
}

async function fleet(): Promise<void> {
  expect(await cli('apply', '-f', 'fleet.yml')).toMatchObject({ code: 0, stderr: '' });
  expect(await cli('package', 'add', 'web', '2.0.0', 'web.tar.gz')).toMatchObject({ code: 0, stderr: '' });
}

/** Asks for a release through the command line, and gives it its pool as the worker would. */
async function running(): Promise<string> {
  await fleet();
  const { stdout } = await cli('release', 'web-prod', 'web=2.0.0', '-o', 'name');
  const id = stdout.trim();
  await takeUp(id);
  open.push(id);
  return id;
}

async function takeUp(id: string): Promise<void> {
  await openRelease(api.db, { release: id });
  expect((await acquirePool(api.db, { release: id, opId: 'acquire', actor: SIGNALBOX })).type).toBe('pool-acquired');
}

function append(id: string, opId: string, ...events: CoreEvent[]): Promise<unknown> {
  return appendReleaseEvents(api.db, { release: id, opId, actor: SIGNALBOX, events });
}

async function end(id: string, ...events: CoreEvent[]): Promise<void> {
  open.splice(open.indexOf(id), 1);
  await append(id, 'end', ...events);
}

const ROLLED_BACK: CoreEvent[] = [
  { type: 'rollback-started', data: { mode: 'regular', cause: 'bastion', reason: 'the bastion failed', batches: [], then: 'rolled-back', epoch: 0 } },
  { type: 'release-rolled-back', data: { restored: 0, untouched: 4 } },
];

describe('inventory', () => {
  test('a dry run stores nothing, apply stores all, applying what get prints changes nothing', async () => {
    const dry = await cli('apply', '-f', 'fleet.yml', '--dry-run');
    expect(dry).toMatchObject({ code: 0, stderr: '' });
    expect(dry.stdout).toContain('7 created, 0 updated, 0 unchanged; nothing was stored');
    expect((await cli('get', 'pools')).stdout).toBe('no pools\n');
    await fleet();
    expect((await cli('get', 'hosts', '-o', 'name')).stdout).toBe(`${HOSTS.join('\n')}\n`);
    const printed = await cli('get', 'pool', 'web-prod', '-o', 'yaml');
    writeFileSync(join(folder, 'printed.yml'), printed.stdout);
    expect((await cli('apply', '-f', 'printed.yml')).stdout).toContain('0 created, 0 updated, 1 unchanged');
    writeFileSync(join(folder, 'printed.yml'), printed.stdout.replace('minInServicePercent: 66', 'minInServicePercent: 50'));
    expect((await cli('apply', '-f', 'printed.yml')).stdout).toContain('/capacity/minInServicePercent: 66 → 50');
  });

  test('a wrong document is told with its file and line, and nothing is stored', async () => {
    writeFileSync(join(folder, 'wrong.yml'), 'kind: Host\nname: other\naddress: 127.0.0.1\nexecutor: { driver: local, root: /srv/x }\n---\nkind: Pool\nname: Bad Name\nhosts: []\n');
    const called = await cli('apply', '-f', 'wrong.yml');
    expect(called.code).toBe(2);
    expect(called.stderr).toContain('wrong.yml:6 (Pool Bad Name) /name:');
    expect(called.stderr).toContain('wrong.yml:6 (Pool Bad Name) /hosts: must name at least one host');
    expect((await cli('get', 'host', 'other')).code).toBe(2);
  });

  test('the same package again is no error, another file under the same version is a conflict', async () => {
    await fleet();
    expect((await cli('package', 'add', 'web', '2.0.0', 'web.tar.gz')).stdout).toContain('was registered before, unchanged');
    writeFileSync(join(folder, 'other.tar.gz'), gzipSync('another application'));
    const other = await cli('package', 'add', 'web', '2.0.0', 'other.tar.gz');
    expect(other.code).toBe(8);
    expect(other.stderr).toContain('Give the new build a new version.');
    expect((await cli('get', 'packages', '--application', 'web', '-o', 'name')).stdout).toBe('web@2.0.0\n');
  });

  test('every kind can be listed, in every format', async () => {
    for (const kind of ['releases', 'applications', 'hosts', 'pools', 'strategies', 'packages', 'findings']) {
      for (const format of ['json', 'yaml', 'wide', 'name']) expect(await cli('get', kind, '-o', format), `${kind} as ${format}`).toMatchObject({ code: 0, stderr: '' });
    }
  });
});

describe('releases', () => {
  test('plan shows a bastion and the batches after it', async () => {
    await fleet();
    const planned = await cli('plan', 'web-prod', 'web=2.0.0');
    expect(planned).toMatchObject({ code: 0, stderr: '' });
    expect(planned.stdout).toMatch(/^bastion +1 /m);
    expect(planned.stdout).toContain('capacity: 4 hosts, 4 in service, never below');
  });

  test('a pool or package that does not exist is refused with everything that is wrong', async () => {
    const called = await cli('release', 'nope', 'web=9.9.9');
    expect(called.code).toBe(2);
    expect(called.stderr).toContain('/pool: pool nope does not exist');
  });

  test('release --wait follows a rollback to its end, telling every change on the way', async () => {
    await fleet();
    const calling = start('release', 'web-prod', 'web=2.0.0', '--wait', '--reason', 'new page');
    const id = await until('the release is accepted', () => /release (r-\S+) accepted/.exec(calling.stdout())?.[1]);
    await takeUp(id);
    await until('the pool is seen to be acquired', () => calling.stdout().includes('pool acquired'));
    await append(id, 'end', ...ROLLED_BACK);
    const called = await calling.done;
    expect(called.code, called.stderr).toBe(3);
    expect(called.stdout).toContain('rollback started (regular, bastion): the bastion failed');
    expect(called.stdout).toMatch(new RegExp(`⚠ ${id} rolled-back`));
    expect((await cli('status', id)).code).toBe(3);
    expect((await cli('get', 'releases', '--pool', 'web-prod', '--status', 'rolled-back', '-o', 'name')).stdout).toContain(id);
  });

  test('a failed release gives code 1 and its reason', async () => {
    const id = await running();
    await end(id, { type: 'release-failed', data: { failure: FAILURE } });
    const called = await cli('watch', id);
    expect(called.code).toBe(1);
    expect(called.stdout).toContain('why:  expected one digest, got another');
  });

  test('the same key gives the same release, with another request it is refused', async () => {
    await fleet();
    const first = await cli('release', 'web-prod', 'web=2.0.0', '--idempotency-key', 'job-7', '-o', 'name');
    expect(await cli('release', 'web-prod', 'web=2.0.0', '--idempotency-key', 'job-7', '-o', 'name')).toEqual(first);
    expect((await cli('release', 'web-prod', 'web=2.0.0', '--idempotency-key', 'job-7', '--reason', 'other')).code).toBe(2);
    await takeUp(first.stdout.trim());
    await append(first.stdout.trim(), 'end', { type: 'release-aborted', data: { reason: 'the test is over' } });
  });

  test('events are all there, as sentences and as JSON, also with --follow', async () => {
    const id = await running();
    const calling = start('events', id, '--follow', '-o', 'json');
    await until('the first events are told', () => calling.stdout().includes('pool-acquired'));
    await end(id, ...ROLLED_BACK);
    const followed = await calling.done;
    expect(followed.code).toBe(0);
    const versions = followed.stdout.trim().split('\n').map((line) => (JSON.parse(line) as { version: number }).version);
    expect(versions).toEqual([1, 2, 3, 4, 5]);
    expect((await cli('events', id)).stdout.trim().split('\n').length).toBe(5);
    expect((await cli('events', id, '--after', '4', '-o', 'wide')).stdout).toContain('release-rolled-back');
  });

  test('what came too late for a release is told where it is asked for, and only there', async () => {
    const id = await running();
    expect((await cli('events', id, '--refused')).stdout).toBe('');
    await noteRefusal(api.db, { release: id, host: 'web-01', epoch: 3, direction: 'back', round: 0, step: 'admit', sentence: 'Epoch 3 on host web-01 is void.' });
    expect((await cli('events', id, '--refused')).stdout).toMatch(/^\d{4}-\S+Z web-01 admit: Epoch 3 on host web-01 is void\.\n$/);
    expect((await cli('events', id, '--refused', '-o', 'wide')).stdout).toContain('(back, round 0, epoch 3)');
    expect(JSON.parse((await cli('events', id, '--refused', '-o', 'json')).stdout)).toMatchObject({ host: 'web-01', step: 'admit' });
    expect((await cli('events', id, '--refused', '--follow')).code).toBe(2);
  });

  test('logs of a host without failure say so, of an unknown host it is refused', async () => {
    const id = await running();
    expect((await cli('logs', id, '--host', 'web-01')).stdout).toContain('web-01 has no failure');
    expect((await cli('logs', id, '--host', 'nope')).code).toBe(2);
  });
});

describe('steering', () => {
  /** The dispatcher and the workflow in one: settles the command that waits. */
  async function settle(id: string, outcome: 'applied' | 'refused'): Promise<void> {
    const waiting = api.db.kysely.selectFrom('commands').select('id').where('release', '=', id).where('state', '=', 'accepted');
    const commandId = (await until('the command is stored', () => waiting.executeTakeFirst())).id;
    expect((await loadCommand(api.db, commandId))?.command.reason).toBe('lunch');
    const refusal = { code: 'already-paused', message: 'It is paused already.', allowed: ['resume', 'rollback', 'abort'] } as const;
    await settleCommand(api.db, { id: commandId, state: outcome, ...(outcome === 'refused' ? { refusal } : {}) });
  }

  test('pause waits for its receipt and says that it was applied', async () => {
    const id = await running();
    const calling = start('pause', id, '--reason', 'lunch');
    await settle(id, 'applied');
    expect(await calling.done).toMatchObject({ code: 0, stdout: `pause of ${id} applied\n`, stderr: '' });
  });

  test('a late refusal reads like an early one: code 8 and what is allowed', async () => {
    const id = await running();
    const calling = start('pause', id, '--reason', 'lunch');
    await settle(id, 'refused');
    const late = await calling.done;
    expect(late.code).toBe(8);
    expect(late.stderr).toContain('It is paused already. Allowed now: resume, rollback, abort.');
    const early = await cli('resume', id, '--reason', 'go');
    expect(early.code).toBe(8);
    expect(early.stderr).toMatch(/Allowed now: .*pause/);
  });

  test('a command nobody takes up is stored and says so with code 5', async () => {
    const id = await running();
    const called = await cli('abort', id, '--reason', 'enough', '--receipt-timeout', '0');
    expect(called.code).toBe(5);
    expect(called.stderr).toContain('accepted and stored');
  });
});

describe('tokens', () => {
  test('a new token works until it is revoked, then everything ends with code 7', async () => {
    const token = (await cli('token', 'create', 'ci-job', '-o', 'name')).stdout.trim();
    const as = (): Promise<Called> => call(['get', 'pools', '--url', api.url], { env: { SIGNALBOX_TOKEN: token } });
    expect((await as()).code).toBe(0);
    expect((await cli('token', 'list')).stdout).toMatch(/^ci-job .* valid$/m);
    expect((await cli('token', 'revoke', 'ci-job')).code).toBe(0);
    expect((await as()).code).toBe(7);
    expect((await call(['get', 'pools', '--url', api.url])).stderr).toContain('SIGNALBOX_TOKEN');
  });
});

describe('curl.sh', () => {
  test('releases and follows with nothing but bash and curl', async () => {
    await fleet();
    const script = join(import.meta.dirname, '..', '..', 'examples', 'ci', 'curl.sh');
    const env = { PATH: process.env['PATH'], SIGNALBOX_URL: api.url, SIGNALBOX_TOKEN: api.token, POLL_SECONDS: '0.05' };
    const child = spawn('bash', [script, 'web-prod', 'web', '2.0.0', 'said "so"'], { env, timeout: 30_000 });
    let out = '';
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (out += chunk.toString()));
    const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
    const id = await until('the release is accepted', () => /release (r-\S+) accepted/.exec(out)?.[1]);
    await takeUp(id);
    await until('the work is seen', () => out.includes('preparing'));
    await append(id, 'end', ...ROLLED_BACK);
    expect(await ended, out).toBe(3);
    const { reason } = JSON.parse((await cli('status', id, '-o', 'json')).stdout) as { reason: string };
    expect(reason).toBe('said "so"');
  });
});
