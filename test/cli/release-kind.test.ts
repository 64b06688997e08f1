import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { eventLine } from '../../cli/render/event-line.ts';
import { outcomeLines } from '../../cli/render/outcome.ts';
import { planLines } from '../../cli/render/plan.ts';
import { renderTree } from '../../cli/render/tree.ts';
import { call } from './call.ts';
import { RecordedServer, eventLike, releaseLike, sendJson } from './recorded-server.ts';

let server: RecordedServer;
beforeEach(async () => {
  server = await new RecordedServer().start();
  server.on('POST /v1/releases', (_seen, response) => sendJson(response, 202, { id: 'r-recorded0001', status: 'queued' }));
});
afterEach(() => server.stop());

const cli = (...args: string[]) => call([...args, '--url', server.url, '--token', 'secret-token']);
const asked = () => JSON.parse(server.requests('POST /v1/releases')[0]?.body ?? 'null') as unknown;

describe('release --kind', () => {
  test('sends the kind with the changes', async () => {
    expect((await cli('release', 'web-prod', 'web=2.0.0', '--kind', 'hotfix')).code).toBe(0);
    expect(asked()).toEqual({ pool: 'web-prod', kind: 'hotfix', changes: [{ application: 'web', version: '2.0.0' }], allowOutage: false, adopt: false });
  });

  test.each(['redeploy', 'scale-out'])('%s needs no versions: the server knows what runs', async (kind) => {
    expect((await cli('release', 'web-prod', '--kind', kind)).code).toBe(0);
    expect(asked()).toEqual({ pool: 'web-prod', kind, allowOutage: false, adopt: false });
  });

  test.each([[[]], [['--kind', 'hotfix']]])('without versions and with %j it is refused before anything is sent', async (flags) => {
    const called = await cli('release', 'web-prod', ...flags);
    expect([called.code, server.seen.length]).toEqual([2, 0]);
    expect(called.stderr).toContain('APP=VERSION');
  });

  test('an unknown kind is refused with those there are', async () => {
    const called = await cli('release', 'web-prod', 'web=2.0.0', '--kind', 'rollback');
    expect(called.code).toBe(2);
    expect(called.stderr).toContain('rollout, hotfix, scale-out, redeploy');
  });
});

const SIMULATION = { p50Seconds: 1, p90Seconds: 2, basis: 'default' as const, inService: { lowest: 3, floor: 2, moment: 0 }, timeline: [] };
const SKIPPED = [{ host: 'web-01', why: 'runs web 2 already' }, { host: 'web-02', why: 'runs web 2 already' }, { host: 'web-03', why: 'is out' }];

describe('hosts that are passed', () => {
  test('stand in the plan, once per reason', () => {
    const plan = { batches: [], capacity: { hosts: 3, inService: 3, floor: 2, outageAllowed: false }, changes: [], rollback: { batchPercent: 33 }, warnings: [], skipped: SKIPPED };
    expect(planLines({ id: 'f'.repeat(64), plan, assumes: '', plannedWaitSeconds: 0, simulation: SIMULATION, different: null }, 'web-prod', false)).toEqual(expect.arrayContaining(['passed untouched: web-01, web-02 (runs web 2 already)', 'passed untouched: web-03 (is out)']));
  });

  test('stand in the tree and in the line of the plan', () => {
    const lines = renderTree(releaseLike({ skipped: SKIPPED }), { color: false, columns: 100, rows: 0, nowMs: 0 });
    expect(lines.filter((line) => line.startsWith('Passed:'))).toEqual(['Passed:    web-01, web-02 (runs web 2 already)', 'Passed:    web-03 (is out)']);
    const plan = { batches: [{}], capacity: { hosts: 4, floor: 2 }, skipped: SKIPPED };
    expect(eventLine(eventLike(7, 'plan-made', { plan }), { color: false, verbose: false })).toContain('plan made: 1 batches, 4 hosts, floor 2, 3 passed untouched');
  });

  test('make the verdict when they are all: nothing was to be done', () => {
    expect(outcomeLines(releaseLike({ status: 'succeeded', skipped: SKIPPED, finishedAt: '2026-01-05T10:00:02.000Z' }), false)[0]).toContain('nothing was to be done, all 3 hosts were passed untouched');
  });
});

describe('a pool that changed', () => {
  const line = (data: object) => eventLine(eventLike(7, 'pool-compared', { left: [], joined: [], scaleOut: null, note: null, ...data }), { color: false, verbose: false });

  test('is told with who left and which release brings up who joined, and not at all when it did not', () => {
    expect(line({ left: ['web-03'], joined: ['web-09'], scaleOut: 'r-2' })).toBe('10:00:07Z ⚠ left the pool: web-03; joined the pool: web-09, brought up by release r-2');
    expect(line({ joined: ['web-09'], note: 'Release one.' })).toBe('10:00:07Z ⚠ joined the pool: web-09. Release one.');
    expect(line({})).toBeNull();
  });

  test('stands in the outcome with the release that follows', () => {
    const compared = { left: [], joined: ['web-09'], scaleOut: 'r-2', note: null };
    expect(outcomeLines(releaseLike({ status: 'succeeded', compared }), false)).toContain('  joined meanwhile: web-09, brought up by release r-2');
  });
});
