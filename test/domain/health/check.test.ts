import { describe, expect, test } from 'vitest';
import { checksOf, kindOf, mapTexts, sayCheck, textsOf } from '../../../domain/health/check.ts';
import type { HealthCheck } from '../../../domain/inventory.ts';

const PACE = { passes: 2, intervalMs: 500, timeoutSeconds: 60 };
const HTTP: HealthCheck = {
  http: { path: '/${where}', port: '${port}', method: 'POST', headers: { Host: '${host.name}', Accept: 'x' }, status: [200], body: '${greeting}', json: { path: 'a.b', equals: '${zone}' }, version: { json: 'version' } },
  ...PACE,
};
const OLD: HealthCheck = { http: { path: '/health', port: '80', method: 'GET', status: [200], version: null }, ...PACE };
const TCP: HealthCheck = { tcp: { port: '${port}' }, ...PACE };
const PROCESS: HealthCheck = { process: {}, ...PACE };
const COMMAND: HealthCheck = { command: { command: ['./probe', '--port', '${port}'], timeoutSeconds: 5 }, ...PACE };

describe('a health check', () => {
  test('is of the kind it has the member of', () => {
    expect([HTTP, OLD, TCP, PROCESS, COMMAND].map(kindOf)).toEqual(['http', 'http', 'tcp', 'process', 'command']);
  });

  test('says what it asks, as a person would type it', () => {
    expect([OLD, TCP, PROCESS, COMMAND].map((check) => sayCheck(check, '10.0.0.7'))).toEqual(['GET http://10.0.0.7:80/health', 'port 10.0.0.7:${port}', 'process', 'command ./probe --port ${port}']);
    expect(sayCheck(OLD, 'fe80::1')).toBe('GET http://[fe80::1]:80/health');
  });

  test('names every text that may hold a variable by its pointer', () => {
    expect(Object.fromEntries(textsOf(HTTP))).toEqual({
      '/http/path': '/${where}', '/http/port': '${port}', '/http/headers/Host': '${host.name}', '/http/headers/Accept': 'x', '/http/body': '${greeting}', '/http/json/equals': '${zone}',
    });
    expect(textsOf(OLD)).toEqual([['/http/path', '/health'], ['/http/port', '80']]);
    expect(textsOf(TCP)).toEqual([['/tcp/port', '${port}']]);
    expect(textsOf(PROCESS)).toEqual([]);
    expect(textsOf(COMMAND)).toEqual([['/command/command/0', './probe'], ['/command/command/1', '--port'], ['/command/command/2', '${port}']]);
  });

  test.each([HTTP, OLD, TCP, PROCESS, COMMAND])('whose texts are left as they are is the same: %j', (check) => {
    expect(mapTexts(check, (text) => text)).toEqual(check);
  });

  test('whose texts are all changed holds no variable any more, and keeps the rest', () => {
    for (const check of [HTTP, TCP, COMMAND]) expect(JSON.stringify(mapTexts(check, () => 'filled'))).not.toContain('${');
    expect(mapTexts(HTTP, () => '1')).toMatchObject({ http: { method: 'POST', status: [200], json: { path: 'a.b', equals: '1' }, version: { json: 'version' } }, ...PACE });
  });
});

describe('a list', () => {
  const after: HealthCheck = { ...PROCESS, when: 'after-admit' };
  test('is split by moment, each check keeping its place; without a word it is before admit', () => {
    const list = [OLD, after, { ...TCP, when: 'before-admit' as const }];
    expect(checksOf(list, 'before-admit').map(({ index }) => index)).toEqual([0, 2]);
    expect(checksOf(list, 'after-admit')).toEqual([{ check: after, index: 1 }]);
  });
});
