import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Release } from '../../cli/release.ts';
import { call } from './call.ts';
import { RecordedServer, eventLike, openEvents, releaseLike, sendEvent, sendJson, sendProblem } from './recorded-server.ts';

const FAILURE = { class: 'bad-build', code: 'health-timeout', message: 'web-01 did not answer in 60 s', next: 'Look at the log, fix the build, release again.', log: 'first\nlast words' };
const ID = 'r-recorded0001';

let server: RecordedServer;
beforeEach(async () => {
  server = await new RecordedServer().start();
});
afterEach(() => server.stop());

function ends(status: Release['status'], more: Partial<Release> = {}): void {
  const release = releaseLike({ status, finishedAt: '2026-01-05T10:01:30.000Z', ...more });
  server.json(`GET /v1/releases/${ID}`, 200, release);
  server.json(`GET /v1/releases/${ID}/events`, 200, { items: [], next: null });
}

function cli(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return call([...args, '--url', server.url, '--token', 'secret', '--retry-for', '0']);
}

describe('a release that has ended', () => {
  test.each([
    ['succeeded', 0],
    ['failed', 1],
    ['rejected', 1],
    ['rolled-back', 3],
    ['aborted', 6],
    ['rollback-incomplete', 10],
  ] as const)('watch of a release that is %s ends with code %i', async (status, code) => {
    ends(status);
    const called = await cli('watch', ID);
    expect(called.code).toBe(code);
    expect(called.stdout).toContain(`${ID} ${status}`);
  });

  test('debt is told and costs nothing, until --strict asks for code 11', async () => {
    ends('succeeded', { debt: [{ host: 'web-07', cause: 'skipped', reason: 'disk is being replaced' }] });
    const lenient = await cli('watch', ID);
    expect(lenient.code).toBe(0);
    expect(lenient.stdout).toContain('web-07 skipped: disk is being replaced');
    expect((await cli('watch', ID, '--strict')).code).toBe(11);
  });

  test('status tells the same code as watch without following', async () => {
    ends('rolled-back');
    expect((await cli('status', ID)).code).toBe(3);
  });

  test('a failed release prints the failing host, its error, what to do next and the last log lines', async () => {
    ends('rolled-back', {
      batches: [{ index: 0, kind: 'bastion', status: 'failed', targets: [{ host: 'web-01', zone: 'a', status: 'restored', step: 'verify', attempts: 1, observedVersion: {}, error: { ...FAILURE, step: 'verify' } }] }],
      rollback: { mode: 'regular', cause: 'bastion', by: 'signalbox', reason: 'the bastion failed', restored: 1, untouched: 0 },
    });
    const { stdout } = await cli('watch', ID);
    expect(stdout).toContain('✖ web-01 verify health-timeout: web-01 did not answer in 60 s');
    expect(stdout).toContain('next: Look at the log, fix the build, release again.');
    expect(stdout).toContain('    | last words');
    expect(stdout).toContain(`signalbox logs ${ID} --host web-01`);
  });
});

describe('a release that still runs', () => {
  test('a watch that runs out of time ends with code 5 and says how to resume', async () => {
    server.json(`GET /v1/releases/${ID}`, 200, releaseLike({})).on(`GET /v1/releases/${ID}/events`, (_seen, response) => openEvents(response));
    const called = await cli('watch', ID, '--timeout', '100ms');
    expect(called.code).toBe(5);
    expect(called.stderr).toContain(`still running (releasing). Watch on: signalbox watch ${ID}`);
  });

  test('a release that waits for promote ends the watch with code 4 only under --no-wait-approval', async () => {
    const waiting = { for: 'promote', since: '2026-01-05T10:00:10.000Z', until: null, who: 'an operator', sentence: 'The strategy asks for a person after the bastion.' };
    server.json(`GET /v1/releases/${ID}`, 200, releaseLike({ waiting })).on(`GET /v1/releases/${ID}/events`, (_seen, response) => openEvents(response));
    const asked = await cli('watch', ID, '--no-wait-approval');
    expect(asked.code).toBe(4);
    expect(asked.stdout).toContain('asks for a person after the bastion');
    expect((await cli('watch', ID, '--timeout', '100ms')).code).toBe(5);
  });

  test('a bake is no wait for a person', async () => {
    const waiting = { for: 'bake', since: '2026-01-05T10:00:10.000Z', until: '2026-01-05T10:00:20.000Z', who: 'the timer', sentence: 'Baking.' };
    server.json(`GET /v1/releases/${ID}`, 200, releaseLike({ waiting })).on(`GET /v1/releases/${ID}/events`, (_seen, response) => openEvents(response));
    expect((await cli('watch', ID, '--no-wait-approval', '--timeout', '100ms')).code).toBe(5);
  });

  test('release --wait follows a rollback to its end and tells it by code 3', async () => {
    let release = releaseLike({ version: 1, status: 'preparing' });
    server
      .json('POST /v1/releases', 202, { id: ID, status: 'preparing', pool: 'web-prod', version: 0, url: `/v1/releases/${ID}` })
      .on(`GET /v1/releases/${ID}`, (_seen, response) => sendJson(response, 200, release))
      .on(`GET /v1/releases/${ID}/events`, (_seen, response) => {
        openEvents(response);
        release = releaseLike({ version: 3, status: 'rolled-back', finishedAt: '2026-01-05T10:01:00.000Z' });
        sendEvent(response, eventLike(2, 'rollback-started', { mode: 'regular', cause: 'bastion', reason: 'the bastion failed' }));
        sendEvent(response, eventLike(3, 'release-rolled-back', { restored: 1, untouched: 7 }));
      });
    const called = await cli('release', 'web-prod', 'web=2.0.0', '--wait');
    expect(called.code).toBe(3);
    expect(called.stdout).toContain('rollback started (regular, bastion): the bastion failed');
    expect(called.stdout).toContain('release rolled back: 1 restored, 7 untouched');
  });
});

describe('answers that are no success', () => {
  test.each([
    [401, 7],
    [403, 7],
    [404, 2],
    [409, 8],
    [412, 8],
    [428, 8],
    [422, 2],
    [400, 2],
    [500, 9],
    [503, 9],
  ])('an answer %i ends with code %i and says what the server said', async (status, code) => {
    server.on(`GET /v1/releases/${ID}`, (_seen, response) => sendProblem(response, status, { detail: `told by ${status}` }));
    const called = await cli('status', ID);
    expect(called.code).toBe(code);
    expect(called.stderr).toContain(`told by ${status}`);
  });

  test('a refused release lists every complaint with its pointer', async () => {
    server.on('POST /v1/releases', (_seen, response) =>
      sendProblem(response, 422, { detail: 'Nothing was stored.', errors: [{ in: 'body', pointer: '/pool', message: 'pool nope does not exist' }, { in: 'body', pointer: '/changes/0/version', message: 'no such package' }] }),
    );
    const called = await cli('release', 'nope', 'web=9');
    expect(called.code).toBe(2);
    expect(called.stderr).toContain('/pool: pool nope does not exist');
    expect(called.stderr).toContain('/changes/0/version: no such package');
  });

  test('a server that is not there ends with code 9, naming the address and the reason', async () => {
    const { url } = server;
    await server.stop();
    const called = await call(['status', ID, '--url', url, '--token', 'secret', '--retry-for', '0']);
    expect(called.code).toBe(9);
    expect(called.stderr).toMatch(/http:\/\/127\.0\.0\.1:\d+ cannot be reached \(ECONNREFUSED\)/);
    server = await new RecordedServer().start();
  });

  test('a page of something else at the address is told as such, with code 9', async () => {
    server.on(`GET /v1/releases/${ID}`, (_seen, response) => response.end('<html>hello</html>'));
    const called = await cli('status', ID);
    expect(called.code).toBe(9);
    expect(called.stderr).toContain('not JSON');
  });
});

describe('usage', () => {
  test.each([
    [['nope']],
    [['watch']],
    [['watch', ID, '--nope']],
    [['release', 'web-prod']],
    [['release', 'web-prod', 'web']],
    [['release', 'web-prod', 'web=1', 'web=2']],
    [['release', 'web-prod', 'web=1', '--busy', 'later']],
    [['pause', ID]],
    [['get', 'unicorns']],
    [['watch', ID, '--timeout', 'soon']],
    [['apply']],
  ])('%j is refused with code 2 and no request', async (args) => {
    const called = await cli(...args);
    expect(called.code).toBe(2);
    expect(called.stderr).not.toBe('');
    expect(server.seen).toEqual([]);
  });

  test('help and version end with code 0', async () => {
    expect((await call(['--help'])).code).toBe(0);
    expect((await call(['release', '--help'])).code).toBe(0);
    expect((await call(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+/);
  });
});
