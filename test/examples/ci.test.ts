import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { RecordedServer, releaseLike, sendJson, sendProblem } from '../cli/recorded-server.ts';
import type { Release } from '../../cli/release.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const CI = join(ROOT, 'examples', 'ci');
const ID = 'r-recorded0001';

let server: RecordedServer;
let folder: string;
beforeEach(async () => {
  server = await new RecordedServer().start();
  folder = mkdtempSync(join(tmpdir(), 'signalbox-ci-'));
});
afterEach(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

interface Ran {
  readonly code: number | null;
  readonly out: string;
}

function bash(args: readonly string[], env: Record<string, string> = {}): Promise<Ran> {
  const child = spawn('bash', args, { cwd: folder, env: { PATH: process.env['PATH'], SIGNALBOX_URL: server.url, SIGNALBOX_TOKEN: 'secret-token', POLL_SECONDS: '0.05', ...env }, timeout: 30_000 });
  let out = '';
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (out += chunk.toString()));
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, out })));
}

function curl(env: Record<string, string> = {}, ...args: readonly string[]): Promise<Ran> {
  return bash([join(CI, 'curl.sh'), ...(args.length > 0 ? args : ['web-prod', 'web', '2.0.0', 'say "hi" \\o/'])], env);
}

function accepts(): void {
  server.json('POST /v1/releases', 202, { id: ID, status: 'queued', pool: 'web-prod', version: 0, url: `/v1/releases/${ID}` });
}

/** The release is seen with each status in turn, then stays at the last. */
function goes(...views: readonly Partial<Release>[]): void {
  let at = 0;
  server.on(`GET /v1/releases/${ID}`, (_seen, response) => {
    sendJson(response, 200, releaseLike(views[at] ?? {}));
    at = Math.min(at + 1, views.length - 1);
  });
}

describe('curl.sh', () => {
  test.each([
    ['succeeded', 0],
    ['failed', 1],
    ['rejected', 1],
    ['rolled-back', 3],
    ['aborted', 6],
    ['rollback-incomplete', 10],
  ] as const)('a release that ends %s gives code %i', async (status, code) => {
    accepts();
    goes({ status: 'preparing' }, { status: 'releasing', batches: [{ index: 0, kind: 'bastion', status: 'failed', targets: [] }] }, { status });
    const ran = await curl();
    expect(ran.code, ran.out).toBe(code);
    expect(ran.out).toContain(`release ${ID} accepted`);
    expect(ran.out.match(/^\S+Z \S+$/gm)?.map((line) => line.split(' ')[1])).toEqual(['preparing', 'releasing', status]);
  });

  test('sends one valid request with the token in a header and a key of its own', async () => {
    accepts();
    goes({ status: 'succeeded' });
    await curl({ IDEMPOTENCY_KEY: 'job-7' });
    const [sent] = server.requests('POST /v1/releases');
    expect(JSON.parse(sent?.body ?? '')).toEqual({ pool: 'web-prod', changes: [{ application: 'web', version: '2.0.0' }], reason: 'say "hi" \\o/' });
    expect(sent?.headers).toMatchObject({ authorization: 'Bearer secret-token', 'idempotency-key': 'job-7', 'content-type': 'application/json' });
  });

  test('a server that is away for a moment costs repeats with the same key, no second release', async () => {
    let refusals = 2;
    server.on('POST /v1/releases', (_seen, response) => {
      refusals -= 1;
      if (refusals === 1) return sendProblem(response, 503, { detail: 'away' });
      if (refusals === 0) return sendProblem(response, 409, { type: 'urn:signalbox:problem:key-in-flight', detail: 'still being answered' });
      sendJson(response, 202, { id: ID, status: 'queued' });
    });
    goes({ status: 'succeeded' });
    expect((await curl()).code).toBe(0);
    expect(new Set(server.requests('POST /v1/releases').map((seen) => seen.headers['idempotency-key'])).size).toBe(1);
    expect(server.requests('POST /v1/releases').length).toBe(3);
  });

  test.each([
    [401, 7],
    [403, 7],
    [409, 8],
    [422, 2],
    [500, 9],
  ])('an answer %i gives code %i', async (status, code) => {
    server.on('POST /v1/releases', (_seen, response) => sendProblem(response, status, { detail: `told by ${status}` }));
    const ran = await curl();
    expect(ran.code, ran.out).toBe(code);
    expect(ran.out).toContain(`told by ${status}`);
    expect(ran.out).not.toContain('secret-token');
  });

  test('nobody at the address gives code 9', async () => {
    expect((await curl({ SIGNALBOX_URL: 'http://127.0.0.1:1', UNREACHABLE_SECONDS: '0' })).code).toBe(9);
  });

  test('a release that lasts too long gives code 5 and the key to watch on with', async () => {
    accepts();
    goes({ status: 'releasing' });
    const ran = await curl({ TIMEOUT_SECONDS: '0', IDEMPOTENCY_KEY: 'job-7' });
    expect(ran.code).toBe(5);
    expect(ran.out).toContain('IDEMPOTENCY_KEY=job-7');
  });

  test('a wait for a person gives code 4 only when asked', async () => {
    accepts();
    goes({ waiting: { for: 'promote', since: '2026-01-05T10:00:00.000Z', until: null, who: 'an operator', sentence: 'The strategy asks for a person.' } });
    expect((await curl({ NO_WAIT_APPROVAL: '1' })).code).toBe(4);
    expect((await curl({ TIMEOUT_SECONDS: '0' })).code).toBe(5);
  });

  test.each([[['web-prod']], [['web-prod', 'web', '2.0.0"}']], [['web-prod', '$(id)', '1']], [['-x', 'web', '1']]])('%j is refused with code 2 and no request', async (args) => {
    expect((await curl({}, ...args)).code).toBe(2);
    expect(server.seen).toEqual([]);
  });

  test('no token gives code 7 and no request', async () => {
    expect((await curl({ SIGNALBOX_TOKEN: '' })).code).toBe(7);
    expect(server.seen).toEqual([]);
  });
});

/** The commands of a snippet run in a folder that holds an application to pack and a clone whose `signalbox` is this one. */
function clone(): void {
  mkdirSync(join(folder, 'app'));
  writeFileSync(join(folder, 'app', 'app'), 'an application');
  mkdirSync(join(folder, 'signalbox'));
  writeFileSync(join(folder, 'signalbox', 'signalbox'), `#!/bin/sh\nexec "${process.execPath}" "${join(ROOT, 'cli', 'main.ts')}" "$@"\n`);
  chmodSync(join(folder, 'signalbox', 'signalbox'), 0o755);
  accepts();
  server.json('POST /v1/packages', 201, { id: 'web@1.0.7' });
}

async function runsWell(commands: readonly string[], env: Record<string, string>, wantedKey: string): Promise<void> {
  clone();
  goes({ status: 'succeeded', finishedAt: '2026-01-05T10:01:00.000Z', version: 9 });
  server.json(`GET /v1/releases/${ID}/events`, 200, { items: [], next: null });
  keepUploads();
  for (const command of commands) {
    const ran = await bash(['-euc', command], env);
    expect(ran.code, `${command}\n${ran.out}`).toBe(0);
  }
  expect(JSON.parse(server.requests('POST /v1/packages')[0]?.body ?? '')).toMatchObject({ application: 'web', version: '1.0.7', source: { commit: 'abc' } });
  const [sent] = server.requests('POST /v1/releases');
  expect(JSON.parse(sent?.body ?? '')).toMatchObject({ pool: 'web-prod', changes: [{ application: 'web', version: '1.0.7' }] });
  expect(sent?.headers['idempotency-key']).toBe(wantedKey);
}

/** Any digest may be uploaded: the archive's bytes differ from run to run. */
function keepUploads(): void {
  server.onOther((seen, response) => {
    if (seen.method !== 'PUT' || !seen.path.startsWith('/v1/package-files/')) return sendProblem(response, 404, {});
    sendJson(response, 201, { uri: `${server.url}${seen.path}/key.tar.gz` });
  });
}

describe('CI snippets', () => {
  test('the GitHub Actions workflow builds, registers and releases', async () => {
    const workflow = parse(readFileSync(join(CI, 'github-actions.yml'), 'utf8')) as { jobs: { release: { env: Record<string, string>; steps: { run?: string }[] } } };
    const commands = workflow.jobs.release.steps.flatMap((step) => step.run ?? []);
    expect(commands.length).toBe(3);
    for (const command of commands) expect(command, 'an expression inside a command could inject into it').not.toContain('${{');
    expect(Object.keys(workflow.jobs.release.env).sort()).toEqual(['COMMIT', 'KEY', 'SIGNALBOX_TOKEN', 'SIGNALBOX_URL', 'VERSION']);
    await runsWell(commands, { VERSION: '1.0.7', COMMIT: 'abc', KEY: 'github-7' }, 'github-7');
  });

  test('the GitLab job builds, registers and releases', async () => {
    const { release } = parse(readFileSync(join(CI, 'gitlab-ci.yml'), 'utf8')) as { release: { script: string[]; allow_failure: { exit_codes: number[] } } };
    expect(release.allow_failure.exit_codes).toEqual([4]);
    await runsWell(release.script, { VERSION: '1.0.7', CI_COMMIT_SHA: 'abc', CI_PIPELINE_ID: '7' }, 'gitlab-7');
  });

  test('the Jenkins pipeline builds, registers and releases', async () => {
    const source = readFileSync(join(CI, 'Jenkinsfile'), 'utf8');
    const commands = [...source.matchAll(/(?:sh |script: )'([^']+)'/g)].flatMap(([, command]) => command ?? []).filter((command) => !command.includes('git clone'));
    expect(commands.length).toBe(3);
    await runsWell(commands, { VERSION: '1.0.7', GIT_COMMIT: 'abc', BUILD_TAG: 'jenkins-web-7' }, 'jenkins-web-7');
  });
});
