/** A hundred application processes behind a real balancer under traffic: one that fails near the end must not undo all the others. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readReleaseEvents } from '../../db/events.ts';
import { APPLICATION, askHosts, POOL } from '../../examples/demo/fleet.ts';
import { Traffic } from '../../examples/demo/traffic.ts';
import { until } from '../support/until.ts';
import { openWholeStack, type WholeStack } from './whole-stack.ts';
import type { StoredReleaseEvent } from '../../domain/release/events.ts';
import type { ReleaseView } from '../../domain/release/view.ts';

const HOSTS = 100;
const LATE = 'demo-77';
/** A hundred processes start in half a minute where nothing else runs, and in minutes beside other suites. */
const RELEASE_TIMEOUT_MS = 400_000;
const BASE = { kind: 'Strategy', bastion: { count: 1, bakeSeconds: 0 }, postRelease: { watchSeconds: 0 } };
/** As wide as the cap allows: nobody is served yet. */
const FIRST = { ...BASE, name: 'first', batches: { percent: [33], bakeSeconds: 0, maxParallel: 33 } };
/** In declared order one bastion and three batches of 25, so that host 77 is the first of the last batch. What counts as late is the default. */
const QUARTERS = { ...BASE, name: 'quarters', batches: { percent: [25], order: 'list', bakeSeconds: 0, maxParallel: 25 } };

let stack: WholeStack;
let traffic: Traffic;
beforeAll(async () => {
  stack = await openWholeStack((document) => document, { hosts: HOSTS });
  await stack.api.post('/v1/apply', { documents: [FIRST, QUARTERS] });
  await stack.publish('1.0.0');
  await stack.publish('2.0.0', `fail-on:${LATE}`);
  expect((await ended(await stack.release('1.0.0', 'first'))).status).toBe('succeeded');
  traffic = new Traffic({ url: stack.url, perSecond: 50 });
}, RELEASE_TIMEOUT_MS);
afterAll(async () => {
  await traffic?.stop();
  await stack?.end();
}, 60_000);

const view = (id: string) => stack.api.get<ReleaseView>(`/v1/releases/${id}`);
/** A release of a hundred hosts is long to read, so the log is asked whether there is something to see. */
async function after(id: string, ...types: readonly StoredReleaseEvent['type'][]): Promise<ReleaseView> {
  const isThere = 'select 1 from events where stream = $1 and type = any($2)';
  await until(types.join(' or '), async () => (await stack.owner.pool.query(isThere, [`release/${id}`, types])).rowCount !== 0, RELEASE_TIMEOUT_MS - 20_000);
  return view(id);
}
const ended = (id: string) => after(id, 'release-succeeded', 'release-rolled-back', 'rollback-ended-incomplete', 'release-failed');
const typesOf = async (id: string) => (await readReleaseEvents(stack.owner, { release: id, limit: 10_000 })).map(({ type }) => type);

async function hostsByVersion(): Promise<Readonly<Record<string, readonly string[]>>> {
  const answers = Object.entries(await askHosts(stack.fleet));
  const grouped = Map.groupBy(answers, ([, answer]) => answer?.version ?? 'none');
  return Object.fromEntries([...grouped].map(([version, hosts]) => [version, hosts.map(([host]) => host)]));
}

test('one flap at host 77 of 100 stops the release, which asks and undoes nothing; excluded by the answer, it is the only host left behind, and no request failed', { timeout: RELEASE_TIMEOUT_MS }, async () => {
  const { plan } = await stack.api.post<{ plan: { batches: readonly { hosts: readonly string[] }[] } }>('/v1/plans', { pool: POOL, changes: [{ application: APPLICATION, version: '2.0.0' }], strategy: 'quarters' });
  expect(plan.batches.flatMap(({ hosts }) => hosts).indexOf(LATE) + 1).toBe(77);
  const id = await stack.release('2.0.0', 'quarters');
  const question = await after(id, 'paused', 'rollback-started');
  expect(question).toMatchObject({ status: 'releasing', waiting: { for: 'answer' } });
  expect(question.paused).toMatchObject({ cause: 'ask', reason: expect.stringContaining(`${LATE} (verify)`) });
  const finished = plan.batches.slice(0, 4).flatMap(({ hosts }) => hosts);
  expect((await hostsByVersion())['2.0.0']).toEqual(expect.arrayContaining(finished));
  expect(await typesOf(id)).not.toContain('rollback-started');
  expect(await stack.server(LATE)).toMatchObject({ isDrained: true });

  await stack.api.post(`/v1/releases/${id}/commands?waitSeconds=30`, { type: 'answer', choices: { [LATE]: 'exclude' }, reason: 'its disk is full' });
  expect(await ended(id)).toMatchObject({ status: 'succeeded', debt: [{ host: LATE, cause: 'skipped' }] });
  expect(await hostsByVersion()).toEqual({ '2.0.0': stack.fleet.hosts.map(({ name }) => name).filter((name) => name !== LATE), none: [LATE] });
  expect(stack.fleet.hosts.map(({ name }) => stack.starts(name).join())).toEqual(stack.fleet.hosts.map(() => '1.0.0,2.0.0'));
  expect(await typesOf(id)).not.toContain('rollback-started');
  const { failed, failures } = traffic.counts();
  expect({ failed, failures }).toEqual({ failed: 0, failures: [] });
});
