import { describe, expect, test } from 'vitest';
import { judgeHttp } from '../../../domain/health/http.ts';
import type { HttpProbe } from '../../../domain/inventory.ts';

function check(version: string | null = 'version', status: readonly number[] = [200]): HttpProbe {
  return { path: '/health', port: '8080', method: 'GET', status, version: version === null ? null : { json: version } };
}

describe('a probe', () => {
  test('passes when the status is wanted and the body names the expected version', () => {
    expect(judgeHttp(check(), { status: 200, body: '{"version":"2.0.0"}' }, '2.0.0')).toEqual({ pass: true, observedVersion: '2.0.0' });
  });

  test('passes on the status alone where no version is asked for', () => {
    expect(judgeHttp(check(null, [200, 204]), { status: 204, body: '' }, '2.0.0')).toEqual({ pass: true, observedVersion: null });
  });

  test('fails on another version and tells which one was seen', () => {
    expect(judgeHttp(check(), { status: 200, body: '{"version":"1.0.0"}' }, '2.0.0')).toEqual({
      pass: false,
      reason: 'the version was "1.0.0", wanted "2.0.0"',
      observedVersion: '1.0.0',
      cause: 'wrong-version',
    });
  });

  test('fails on another status, also when the version is right', () => {
    expect(judgeHttp(check('version', [200, 204]), { status: 503, body: '{"version":"2.0.0"}' }, '2.0.0')).toEqual({
      pass: false,
      reason: 'the status was 503, wanted 200 or 204',
      observedVersion: '2.0.0',
    });
  });

  test('fails when nobody answers, even if 0 were a wanted status', () => {
    expect(judgeHttp(check(null, [0]), { status: 0, body: '' }, null)).toEqual({ pass: false, reason: 'nobody answered', observedVersion: null });
  });

  test.each(['', 'ok', '{"version":"2.0.0"', '<html>', '{"version":"2.0.0"}}'])('fails on the body %j, which is no JSON', (body) => {
    expect(judgeHttp(check(), { status: 200, body }, '2.0.0')).toEqual({
      pass: false,
      reason: 'the body is no JSON, and the check reads the version from it',
      observedVersion: null,
    });
  });

  test.each(['{}', '{"version":null}', '{"version":true}', '{"version":{}}', '{"version":["2.0.0"]}', 'null', '"2.0.0"', '[]', '7'])('fails on %s, which names no version', (body) => {
    expect(judgeHttp(check(), { status: 200, body }, '2.0.0')).toEqual({ pass: false, reason: 'the body names no version at version', observedVersion: null });
  });

  test.each([
    { path: 'app.build.version', body: '{"app":{"build":{"version":"2.0.0"}}}' },
    { path: 'apps.1.version', body: '{"apps":[{},{"version":"2.0.0"}]}' },
  ])('finds the version at $path', ({ path, body }) => {
    expect(judgeHttp(check(path), { status: 200, body }, '2.0.0')).toEqual({ pass: true, observedVersion: '2.0.0' });
  });

  test.each([
    { path: 'app.version', body: '{"app":null}' },
    { path: 'app.version', body: '{"app":"2.0.0"}' },
    { path: 'constructor.name', body: '{}' },
    { path: '__proto__.version', body: '{"version":"2.0.0"}' },
    { path: 'version.length', body: '{"version":"2.0.0"}' },
    { path: 'app.version', body: '{"app.version":"2.0.0"}' },
  ])('finds nothing at $path of $body', ({ path, body }) => {
    expect(judgeHttp(check(path), { status: 200, body }, '5')).toMatchObject({ pass: false, observedVersion: null });
  });

  test('a version written as a number is compared as text', () => {
    expect(judgeHttp(check(), { status: 200, body: '{"version":17}' }, '17')).toEqual({ pass: true, observedVersion: '17' });
  });

  test('versions are compared exactly', () => {
    for (const near of ['2.0.0 ', '2.0', 'v2.0.0', '2.0.00']) {
      expect(judgeHttp(check(), { status: 200, body: JSON.stringify({ version: near }) }, '2.0.0').pass).toBe(false);
    }
  });

  test('with no version expected any answer with the wanted status passes, and what it names is kept', () => {
    expect(judgeHttp(check(), { status: 200, body: '{"version":"0.9"}' }, null)).toEqual({ pass: true, observedVersion: '0.9' });
    expect(judgeHttp(check(), { status: 200, body: 'ok' }, null)).toEqual({ pass: true, observedVersion: null });
    expect(judgeHttp(check(), { status: 500, body: '{"version":"0.9"}' }, null)).toMatchObject({ pass: false, observedVersion: '0.9' });
  });

  test('the body never enters the reason', () => {
    const verdict = judgeHttp(check(), { status: 200, body: 'password=hunter2' }, '2.0.0');
    expect(JSON.stringify(verdict)).not.toContain('hunter2');
  });
});

describe('what a body must hold', () => {
  const looking = (more: Partial<HttpProbe>): HttpProbe => ({ ...check(null), ...more });
  const judged = (more: Partial<HttpProbe>, body: string) => judgeHttp(looking(more), { status: 200, body }, '2.0.0');

  test('is a text that stands somewhere in it, never a pattern', () => {
    expect(judged({ body: 'all.good' }, 'yes: all.good here')).toEqual({ pass: true, observedVersion: null });
    expect(judged({ body: 'all.good' }, 'yes: allXgood here')).toEqual({ pass: false, reason: 'the body does not hold "all.good"', observedVersion: null });
    expect(judged({ body: null }, '')).toMatchObject({ pass: true });
  });

  test.each([
    { body: '{"db":{"state":"up"}}', path: 'db.state', equals: 'up', passes: true },
    { body: '{"db":{"state":"down"}}', path: 'db.state', equals: 'up', passes: false },
    { body: '{"ready":true}', path: 'ready', equals: 'true', passes: true },
    { body: '{"left":0}', path: 'left', equals: '0', passes: true },
    { body: '{"list":[{"n":"a"},{"n":"b"}]}', path: 'list.1.n', equals: 'b', passes: true },
    { body: '{"ready":null}', path: 'ready', equals: 'null', passes: false },
    { body: '{}', path: 'constructor.name', equals: 'Object', passes: false },
    { body: 'ready', path: 'ready', equals: 'true', passes: false },
  ])('at $path of $body compared with $equals passes: $passes', ({ body, path, equals, passes }) => {
    expect(judged({ json: { path, equals } }, body).pass).toBe(passes);
  });

  test('is asked besides the version, and what it names is kept', () => {
    const both = { ...check(), json: { path: 'ready', equals: 'true' } };
    expect(judgeHttp(both, { status: 200, body: '{"version":"2.0.0","ready":false}' }, '2.0.0')).toEqual({ pass: false, reason: 'the body says something else than "true" at ready', observedVersion: '2.0.0' });
    expect(judgeHttp(both, { status: 200, body: '{"version":"1.0.0","ready":true}' }, '2.0.0')).toMatchObject({ pass: false, cause: 'wrong-version' });
    expect(judgeHttp(both, { status: 200, body: '{"version":"2.0.0","ready":true}' }, '2.0.0')).toEqual({ pass: true, observedVersion: '2.0.0' });
  });

  test('stays out of the reason, but for what the check itself looks for', () => {
    for (const more of [{ body: 'fine' }, { json: { path: 'password', equals: 'x' } }]) expect(JSON.stringify(judged(more, '{"password":"hunter2"}'))).not.toContain('hunter2');
  });
});
