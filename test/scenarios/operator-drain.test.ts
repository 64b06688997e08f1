/** A host is drained in the middle of a release, by the whole system under live traffic. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { APPLICATION, askHosts, POOL } from '../../examples/demo/fleet.ts';
import { Traffic } from '../../examples/demo/traffic.ts';
import { until } from '../support/until.ts';
import { openWholeStack, type WholeStack } from './whole-stack.ts';
import type { HostStanding } from '../../domain/host-standing.ts';
import type { ReleaseView } from '../../domain/release/view.ts';

const RELEASE_TIMEOUT_MS = 120_000;

let stack: WholeStack;
beforeAll(async () => {
  stack = await openWholeStack();
  await stack.publish('1.0.0');
  await ended(await stack.release('1.0.0'));
}, 120_000);
afterAll(() => stack?.end(), 60_000);

const read = (id: string): Promise<ReleaseView> => stack.api.get<ReleaseView>(`/v1/releases/${id}`);
const command = (id: string, type: string): Promise<unknown> => stack.api.post(`/v1/releases/${id}/commands?waitSeconds=20`, { type, reason: 'a disk is changed' });
const move = (host: string, verb: 'drain' | 'admit'): Promise<HostStanding & { readonly done: boolean; readonly sentence: string }> => stack.api.post(`/v1/hosts/${host}/${verb}?waitSeconds=20`, { reason: 'a disk is changed' });

async function ended(id: string): Promise<ReleaseView> {
  await until(`the end of release ${id}`, async () => (await read(id)).finishedAt !== null, RELEASE_TIMEOUT_MS);
  const release = await read(id);
  expect(release).toMatchObject({ status: 'succeeded' });
  return release;
}

test('a host that an operator drains in the middle of a release gets the new version, stays out, and serves again once admitted; no request fails', { timeout: 240_000 }, async () => {
  await stack.publish('2.0.0');
  const { plan } = await stack.api.post<{ plan: { batches: readonly { hosts: readonly string[] }[] } }>('/v1/plans', { pool: POOL, changes: [{ application: APPLICATION, version: '2.0.0' }] });
  const [first = '', last = ''] = [plan.batches[0]?.hosts[0], plan.batches.at(-1)?.hosts.at(-1)];
  const traffic = new Traffic({ url: stack.url, perSecond: 50 });
  const id = await stack.release('2.0.0');
  await until('the bastion runs the new version', () => stack.starts(first).includes('2.0.0'), RELEASE_TIMEOUT_MS);
  await command(id, 'pause');
  await until('the pause is quiet', async () => (await read(id)).paused?.quiet === true);
  expect(stack.starts(last)).toEqual(['1.0.0']);
  expect(await move(last, 'drain')).toMatchObject({ done: true, pools: [{ keptOutBy: ['operator'], observed: { admin: 'drain', inService: false } }] });
  await command(id, 'resume');
  const release = await ended(id);
  const targets = release.batches.flatMap((batch) => batch.targets);
  expect(targets.filter(({ keptOut }) => keptOut !== undefined)).toMatchObject([{ host: last, status: 'succeeded', keptOut: ['operator'] }]);
  expect(stack.starts(last)).toEqual(['1.0.0', '2.0.0']);
  expect((await askHosts(stack.fleet))[last]?.version).toBe('2.0.0');
  expect(await stack.api.get<HostStanding>(`/v1/hosts/${last}/flags`)).toMatchObject({ serves: false, pools: [{ observed: { admin: 'drain', inService: false } }] });
  expect(await move(last, 'admit')).toMatchObject({ done: true, serves: true, pools: [{ observed: { admin: 'ready', inService: true } }] });
  const { total, failed, failures } = await traffic.stop();
  expect({ failed, failures }).toEqual({ failed: 0, failures: [] });
  expect(total).toBeGreaterThan(50);
});
