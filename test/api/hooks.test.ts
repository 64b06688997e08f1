/** Hooks of applications as people declare them: defaults, and everything wrong with them at once. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HOOK_POINTS } from '../../domain/hooks.ts';
import { startApiUnderTest, pointers } from './api-under-test.ts';
import { APPLICATION, FLEET, POOL } from './samples.ts';
import type { ApiUnderTest } from './api-under-test.ts';

let api: ApiUnderTest;

beforeAll(async () => {
  api = await startApiUnderTest();
  await api.ask('POST', '/v1/apply', { body: { documents: FLEET } });
});

afterAll(() => api.close());

const hook = { at: 'after-start', command: ['./warm-up', '${port}'] };
const withHooks = (hooks: unknown, name = 'web') => ({ ...APPLICATION, name, hooks });
const put = (hooks: unknown, name = 'web') => api.ask('PUT', `/v1/applications/${name}`, { body: withHooks(hooks, name) });

describe('hooks', () => {
  test('are kept with their defaults: not idempotent, a minute, the account of the application', async () => {
    expect((await put([hook, { ...hook, at: 'before-drain', idempotent: true, timeoutSeconds: 3600, account: 'ops' }], 'alone')).status).toBe(201);
    expect((await api.ask('GET', '/v1/applications/alone')).body.hooks).toEqual([
      { ...hook, idempotent: false, timeoutSeconds: 60, account: null },
      { ...hook, at: 'before-drain', idempotent: true, timeoutSeconds: 3600, account: 'ops' },
    ]);
  });

  test('may stand at each of twelve points', async () => {
    expect(HOOK_POINTS).toHaveLength(12);
    for (const at of HOOK_POINTS) expect((await put([{ ...hook, at }], `hooked-${at}`)).status, at).toBe(201);
  });

  test('may be questions, of a command or of an address, with what becomes of a host that is not let go', async () => {
    const asked = [{ at: 'before-drain', command: ['./free'], notNow: {} }, { at: 'before-drain', url: 'http://${host.address}:80/free', notNow: { everySeconds: 5, atMostSeconds: 30, then: 'skip' } }];
    const made = await put(asked, 'polite');
    expect(made.status, made.text).toBe(201);
    expect((await api.ask('GET', '/v1/applications/polite')).body.hooks).toMatchObject([
      { command: ['./free'], notNow: { everySeconds: 15, atMostSeconds: 600, then: 'hold' } },
      { command: [], url: 'http://${host.address}:80/free', notNow: { everySeconds: 5, atMostSeconds: 30, then: 'skip' } },
    ]);
  });

  test('that ask wrongly are refused where it stands', async () => {
    const url = 'http://127.0.0.1/free';
    const answer = await put([
      { at: 'before-stop', command: ['x'], notNow: {} },
      { at: 'before-drain', notNow: {} },
      { at: 'before-drain', command: ['x'], url, notNow: {} },
      { at: 'before-drain', url },
      { at: 'before-drain', command: ['x'], account: 'ops', irreversible: true, notNow: {} },
      { at: 'before-drain', command: ['x'], notNow: { everySeconds: 60, atMostSeconds: 30 } },
      { at: 'before-drain', url: 'file:///etc/passwd', notNow: { then: 'wait' } },
    ], 'rude');
    expect(answer.status).toBe(422);
    expect([...new Set(pointers(answer))].sort()).toEqual(['/hooks/0/notNow', '/hooks/1/command', '/hooks/2/url', '/hooks/3/url', '/hooks/4/account', '/hooks/4/irreversible', '/hooks/5/notNow', '/hooks/6/notNow/then', '/hooks/6/url']);
  });

  test('that are wrong are refused all at once, each with its pointer', async () => {
    const answer = await put([
      { ...hook, at: 'during-start' },
      { ...hook, command: [] },
      { ...hook, command: ['A=b'] },
      { ...hook, command: './warm-up' },
      { ...hook, idempotent: 'yes', timeoutSeconds: 0 },
      { ...hook, timeoutSeconds: 3601, account: 'no body' },
      { ...hook, shell: true },
      { command: ['x'] },
    ]);
    expect(answer.status).toBe(422);
    expect([...new Set(pointers(answer))].sort()).toEqual(['/hooks/0/at', '/hooks/1/command', '/hooks/2/command/0', '/hooks/3/command', '/hooks/4/idempotent', '/hooks/4/timeoutSeconds', '/hooks/5/account', '/hooks/5/timeoutSeconds', '/hooks/6/shell', '/hooks/7/at']);
  });

  test('with a variable that a host does not have are refused where it stands', async () => {
    const answer = await api.ask('POST', '/v1/apply', { body: { documents: [withHooks([hook, { ...hook, command: ['./warm-up', '${nowhere}', '${nobody}'] }])] } });
    expect(answer.status).toBe(422);
    expect([...new Set(pointers(answer))].sort()).toEqual(['/documents/0/hooks/1/command/1', '/documents/0/hooks/1/command/2']);
    expect(answer.body.errors[0].message).toContain('${nowhere} is not defined for host web-01');
  });

  test('are at most eight on a target, all its applications together', async () => {
    expect(pointers(await put(Array.from({ length: 9 }, () => hook), 'many'))).toEqual(['/hooks']);
    const [five, four] = [5, 4].map((length) => Array.from({ length }, () => ({ ...hook, command: ['./x'] })));
    expect((await put(four, 'other')).status).toBe(201);
    const pool = await api.ask('POST', '/v1/apply', { body: { documents: [withHooks(five), { ...POOL, applications: ['web', 'other'] }] } });
    expect(pool.status).toBe(422);
    expect(pointers(pool)).toEqual(['/documents/1/applications']);
    expect(pool.body.errors[0].message).toBe('the applications of pool web-prod have 9 hooks together (web 5, other 4); a target may have at most 8');
  });
});
