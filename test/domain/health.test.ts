import { describe, expect, test } from 'vitest';
import { judgeProbe } from '../../domain/health.ts';
import type { HealthCheck } from '../../domain/inventory.ts';

function check(version: string | null = 'version', status: readonly number[] = [200]): HealthCheck {
  return { http: { path: '/health', port: '8080', method: 'GET', status, version: version === null ? null : { json: version } }, passes: 2, intervalMs: 500, timeoutSeconds: 60 };
}

describe('a probe', () => {
  test('passes when the status is wanted and the body names the expected version', () => {
    expect(judgeProbe(check(), { status: 200, body: '{"version":"2.0.0"}' }, '2.0.0')).toEqual({ pass: true, observedVersion: '2.0.0' });
  });

  test('passes on the status alone where no version is asked for', () => {
    expect(judgeProbe(check(null, [200, 204]), { status: 204, body: '' }, '2.0.0')).toEqual({ pass: true, observedVersion: null });
  });

  test('fails on another version and tells which one was seen', () => {
    expect(judgeProbe(check(), { status: 200, body: '{"version":"1.0.0"}' }, '2.0.0')).toEqual({
      pass: false,
      reason: 'the version was "1.0.0", wanted "2.0.0"',
      observedVersion: '1.0.0',
    });
  });

  test('fails on another status, also when the version is right', () => {
    expect(judgeProbe(check('version', [200, 204]), { status: 503, body: '{"version":"2.0.0"}' }, '2.0.0')).toEqual({
      pass: false,
      reason: 'the status was 503, wanted 200 or 204',
      observedVersion: '2.0.0',
    });
  });

  test('fails when nobody answers, even if 0 were a wanted status', () => {
    expect(judgeProbe(check(null, [0]), { status: 0, body: '' }, null)).toEqual({ pass: false, reason: 'nobody answered', observedVersion: null });
  });

  test.each(['', 'ok', '{"version":"2.0.0"', '<html>', '{"version":"2.0.0"}}'])('fails on the body %j, which is no JSON', (body) => {
    expect(judgeProbe(check(), { status: 200, body }, '2.0.0')).toEqual({
      pass: false,
      reason: 'the body is no JSON, and the check reads the version from it',
      observedVersion: null,
    });
  });

  test.each(['{}', '{"version":null}', '{"version":true}', '{"version":{}}', '{"version":["2.0.0"]}', 'null', '"2.0.0"', '[]', '7'])('fails on %s, which names no version', (body) => {
    expect(judgeProbe(check(), { status: 200, body }, '2.0.0')).toEqual({ pass: false, reason: 'the body names no version at version', observedVersion: null });
  });

  test.each([
    { path: 'app.build.version', body: '{"app":{"build":{"version":"2.0.0"}}}' },
    { path: 'apps.1.version', body: '{"apps":[{},{"version":"2.0.0"}]}' },
  ])('finds the version at $path', ({ path, body }) => {
    expect(judgeProbe(check(path), { status: 200, body }, '2.0.0')).toEqual({ pass: true, observedVersion: '2.0.0' });
  });

  test.each([
    { path: 'app.version', body: '{"app":null}' },
    { path: 'app.version', body: '{"app":"2.0.0"}' },
    { path: 'constructor.name', body: '{}' },
    { path: '__proto__.version', body: '{"version":"2.0.0"}' },
    { path: 'version.length', body: '{"version":"2.0.0"}' },
    { path: 'app.version', body: '{"app.version":"2.0.0"}' },
  ])('finds nothing at $path of $body', ({ path, body }) => {
    expect(judgeProbe(check(path), { status: 200, body }, '5')).toMatchObject({ pass: false, observedVersion: null });
  });

  test('a version written as a number is compared as text', () => {
    expect(judgeProbe(check(), { status: 200, body: '{"version":17}' }, '17')).toEqual({ pass: true, observedVersion: '17' });
  });

  test('versions are compared exactly', () => {
    for (const near of ['2.0.0 ', '2.0', 'v2.0.0', '2.0.00']) {
      expect(judgeProbe(check(), { status: 200, body: JSON.stringify({ version: near }) }, '2.0.0').pass).toBe(false);
    }
  });

  test('with no version expected any answer with the wanted status passes, and what it names is kept', () => {
    expect(judgeProbe(check(), { status: 200, body: '{"version":"0.9"}' }, null)).toEqual({ pass: true, observedVersion: '0.9' });
    expect(judgeProbe(check(), { status: 200, body: 'ok' }, null)).toEqual({ pass: true, observedVersion: null });
    expect(judgeProbe(check(), { status: 500, body: '{"version":"0.9"}' }, null)).toMatchObject({ pass: false, observedVersion: '0.9' });
  });

  test('the body never enters the reason', () => {
    const verdict = judgeProbe(check(), { status: 200, body: 'password=hunter2' }, '2.0.0');
    expect(JSON.stringify(verdict)).not.toContain('hunter2');
  });
});
