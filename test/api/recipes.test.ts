/** Recipes as people declare them, and applications that go by them: refused wherever a release could not go by them. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { getInventoryOf } from '../../db/queries.ts';
import { startApiUnderTest, pointers } from './api-under-test.ts';
import { APPLICATION, FLEET, POOL, packageOf } from './samples.ts';
import type { Answered, ApiUnderTest } from './api-under-test.ts';

let api: ApiUnderTest;

beforeAll(async () => {
  api = await startApiUnderTest();
  await api.ask('POST', '/v1/apply', { body: { documents: FLEET } });
});

afterAll(() => api.close());

const program = { run: ['./warm-up', '${port}'], timeoutSeconds: 30 };
const recipe = (name: string, more: object = {}): object => ({ kind: 'Recipe', name, extends: 'service', steps: { start: ['start-process', program] }, ...more });
const apply = (...documents: readonly object[]): Promise<Answered> => api.ask('POST', '/v1/apply', { body: { documents } });
const application = (name: string, more: object): object => ({ ...APPLICATION, name, ...more });
const { run: _run, ...WITHOUT_RUN } = APPLICATION;

describe('a recipe', () => {
  test('is applied in one document, read back, listed, and extends base unless it says otherwise', async () => {
    const made = await apply({ kind: 'Recipe', name: 'plain', steps: { verify: [{ run: ['./look'] }, 'ask-health'] } });
    expect([made.status, made.text]).toMatchObject([200, expect.stringContaining('created')]);
    expect((await api.ask('GET', '/v1/recipes/plain')).body).toEqual({ kind: 'Recipe', name: 'plain', extends: 'base', steps: { verify: [{ run: ['./look'], timeoutSeconds: 60 }, 'ask-health'] } });
    expect((await api.ask('GET', '/v1/recipes')).body.items.map(({ name }: { name: string }) => name)).toContain('plain');
  });

  test('with an act that nobody knows is refused, and all acts are named', async () => {
    const answer = await apply(recipe('flying', { steps: { start: ['fly'] } }));
    expect([answer.status, pointers(answer)]).toEqual([422, ['/documents/0/steps/start/0']]);
    expect(answer.body.errors[0].message).toContain('"fly" is no act; these are: fetch, unpack,');
    expect(pointers(await apply(recipe('draining', { steps: { drain: [] } })))).toEqual(['/documents/0/steps/drain']);
    expect(pointers(await apply(recipe('empty', { steps: { start: ['start-process', { run: [] }] } }))).every((pointer) => pointer.startsWith('/documents/0/steps/start/1'))).toBe(true);
  });

  test('that leads nowhere, round in a circle, or has no way back is refused where that stands', async () => {
    expect(pointers(await apply(recipe('lost', { extends: 'nowhere' })))).toEqual(['/documents/0/extends']);
    expect(pointers(await apply(recipe('left', { extends: 'right' }), recipe('right', { extends: 'left' })))).toEqual(['/documents/0/extends', '/documents/1/extends']);
    expect(pointers(await apply(recipe('one-way', { steps: { switch: ['link', program] } })))).toEqual(['/documents/0/steps/switch/1']);
    expect(pointers(await api.ask('PUT', '/v1/recipes/service', { body: { steps: {} } }))).toEqual(['/name']);
  });

  test('in use stays, and is not changed into one that those who use it do not fit', async () => {
    expect((await apply(recipe('used'), recipe('leaning', { extends: 'used', steps: {} }), application('user', { recipe: 'leaning' }))).status).toBe(200);
    const etag = (await api.ask('GET', '/v1/recipes/used')).headers.get('etag') ?? '';
    const removed = await api.ask('DELETE', '/v1/recipes/used', { headers: { 'if-match': etag } });
    expect([removed.status, removed.text]).toMatchObject([409, expect.stringContaining('recipe leaning')]);
    expect((await api.ask('DELETE', '/v1/recipes/leaning', { headers: { 'if-match': (await api.ask('GET', '/v1/recipes/leaning')).headers.get('etag') ?? '' } })).text).toContain('application user');
    const changed = await apply(recipe('used', { extends: 'static', steps: {} }));
    expect([changed.status, changed.text]).toMatchObject([422, expect.stringContaining('application user, /run/command: must be left out')]);
    const broken = await apply(recipe('used', { extends: 'leaning' }));
    expect(broken.status).toBe(422);
  });

  test('whose program uses what a host of a pool does not have is refused with the change that brings it together', async () => {
    const own = [application('shouting', { recipe: 'shouting' }), { ...POOL, name: 'shouting', applications: ['shouting'] }];
    const shouting = (word: string): object => recipe('shouting', { steps: { start: ['start-process', { run: ['./shout', word] }] } });
    expect(pointers(await apply(shouting('${loudness}'), ...own))).toContain('/documents/1/recipe');
    expect((await apply(shouting('${run.program}'), ...own)).status).toBe(200);
    const later = await apply(shouting('${loudness}'));
    expect([later.status, later.text]).toMatchObject([422, expect.stringContaining('start/1 of recipe shouting: ${loudness} is not defined')]);
  });
});

describe('an application', () => {
  test('of files needs no command, takes none, and names a server only where one is told', async () => {
    const files = { ...WITHOUT_RUN, health: [{ http: { path: '/', port: '80' } }] };
    expect((await apply({ ...files, name: 'site', recipe: 'static' })).status).toBe(200);
    expect(pointers(await apply({ ...APPLICATION, name: 'site-2', recipe: 'static' }))).toEqual(['/documents/0/run/command']);
    expect(pointers(await apply({ ...files, name: 'shop', recipe: 'php' }))).toEqual(['/documents/0/reload']);
    expect(pointers(await apply({ ...files, name: 'shop', recipe: 'php', reload: { pidFile: 'fpm.pid', signal: 'SIGKILL' } })).sort()).toEqual(['/documents/0/reload/pidFile', '/documents/0/reload/signal']);
    expect((await apply({ ...files, name: 'shop', recipe: 'php', reload: { pidFile: '/run/fpm.pid', signal: 'SIGUSR2' } })).status).toBe(200);
    const server = { ...files, name: 'shop', recipe: 'php', reload: { pidFile: '${pid}', signal: 'SIGUSR2' } };
    const own = { ...POOL, name: 'shops', applications: ['shop'] };
    expect(pointers(await apply({ ...server, variables: { pid: 'fpm.pid' } }, own))).toContain('/documents/0/reload/pidFile');
    expect((await apply({ ...server, variables: { pid: '/run/fpm.pid' } }, own)).status).toBe(200);
    expect(pointers(await apply({ ...WITHOUT_RUN, name: 'bare' }))).toEqual(['/documents/0/run/command']);
    expect(pointers(await apply({ ...APPLICATION, name: 'odd', recipe: 'nobody-knows' }))).toEqual(['/documents/0/recipe']);
  });

  test('of cron says when and what; times that are none are refused', async () => {
    const entry = { at: '*/10 * * * *', command: ['./report'] };
    const job = (schedule: object): Promise<Answered> => apply({ ...WITHOUT_RUN, health: [], name: 'report', recipe: 'scheduled-task', schedule });
    expect((await job({ file: '/etc/cron.d/report', entries: [entry, { ...entry, at: '@daily' }, { ...entry, at: '0 4 1,15 * mon-fri' }] })).status).toBe(200);
    expect((await api.ask('GET', '/v1/applications/report')).body.schedule).toMatchObject({ user: null, waitSeconds: 60, then: 'fail' });
    for (const at of ['* * * *', '* * * * * *', '@reboot', '% * * * *', '', '* * * * *\nroot']) expect([...new Set(pointers(await job({ file: '/etc/cron.d/report', entries: [{ ...entry, at }] })))], at).toEqual(['/documents/0/schedule/entries/0/at']);
    expect(pointers(await job({ file: 'report', entries: [] })).sort()).toEqual(['/documents/0/schedule/entries', '/documents/0/schedule/file']);
    expect(pointers(await apply({ ...WITHOUT_RUN, health: [], name: 'report', recipe: 'scheduled-task' }))).toEqual(['/documents/0/schedule']);
  });
});

test('a release captures the composition that its application goes by, and a later change is not its', async () => {
  expect((await apply(recipe('kept'), application('web', { recipe: 'kept' }))).status).toBe(200);
  await api.ask('POST', '/v1/packages', { body: packageOf('2') });
  const { body } = await api.ask('POST', '/v1/releases', { body: { pool: 'web-prod', changes: [{ application: 'web', version: '2' }] }, headers: { 'idempotency-key': 'kept' } });
  expect((await apply(recipe('kept', { steps: {} }))).status).toBe(200);
  const { recipes } = await getInventoryOf(api.db, body.id);
  expect(recipes).toEqual([{ name: 'kept', steps: { stage: ['fetch', 'unpack', 'configure'], stop: ['stop-process'], switch: ['link'], start: ['start-process', program], verify: ['ask-health'] } }]);
});

test('a job that is waited for longer than a step may take is refused when the release is asked for', async () => {
  const report = { ...WITHOUT_RUN, health: [], name: 'patient', recipe: 'scheduled-task', schedule: { file: '/etc/cron.d/x', entries: [{ at: '@daily', command: ['./x'] }], waitSeconds: 120 } };
  expect((await apply(report, { ...POOL, name: 'patient', applications: ['patient'] })).status).toBe(200);
  await api.ask('POST', '/v1/packages', { body: { ...packageOf('1'), application: 'patient' } });
  const ask = (): Promise<Answered> => api.ask('POST', '/v1/plans', { body: { pool: 'patient', changes: [{ application: 'patient', version: '1' }] } });
  const refused = await ask();
  expect([refused.status, pointers(refused), refused.text]).toMatchObject([422, ['/strategy'], expect.stringContaining('waits up to 120 s for a job')]);
  expect((await apply({ ...report, schedule: { ...report.schedule, waitSeconds: 119 } })).status).toBe(200);
  expect((await ask()).status).toBe(200);
});
