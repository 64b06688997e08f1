/** What people are asked when a host fails, with everything real: services, databases, balancer, applications, users. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { APPLICATION, askHosts, POOL } from '../../examples/demo/fleet.ts';
import { Traffic } from '../../examples/demo/traffic.ts';
import { until } from '../support/until.ts';
import { openWholeStack, type WholeStack } from './whole-stack.ts';
import type { ReleaseView } from '../../domain/release/view.ts';

const RELEASE_TIMEOUT_MS = 120_000;
const BASE = { bastion: { count: 1, bakeSeconds: 0 }, batches: { percent: [25], bakeSeconds: 0 }, postRelease: { watchSeconds: 0 } };
const STRATEGIES = [
  { kind: 'Strategy', name: 'tolerant', ...BASE, tolerance: { perBatch: 1, total: 1 } },
  { kind: 'Strategy', name: 'asking', ...BASE, onFailure: 'ask' },
  { kind: 'Strategy', name: 'signed', ...BASE, signOff: 'after-bastion' },
];

let stack: WholeStack;
let traffic: Traffic;
beforeAll(async () => {
  stack = await openWholeStack();
  await stack.api.post('/v1/apply', { documents: STRATEGIES });
  await stack.publish('1.0.0');
  expect((await ended(await stack.release('1.0.0'))).status).toBe('succeeded');
  traffic = new Traffic({ url: stack.url, perSecond: 50 });
}, 120_000);
afterAll(async () => {
  await traffic?.stop();
  await stack?.end();
}, 60_000);

const view = (id: string) => stack.api.get<ReleaseView>(`/v1/releases/${id}`);
const seen = (id: string, what: string, is: (release: ReleaseView) => boolean) => until(what, async () => ((release) => is(release) && release)(await view(id)), RELEASE_TIMEOUT_MS);
const ended = (id: string) => seen(id, 'the end', ({ finishedAt }) => finishedAt !== null);
const versionOf = async (host: string) => (await askHosts(stack.fleet))[host]?.version;

async function send(id: string, command: object): Promise<{ readonly state: string }> {
  return stack.api.post(`/v1/releases/${id}/commands?waitSeconds=30`, { reason: 'scenario', ...command });
}

/** The plan tells who will be in which batch. */
async function hostOfBatch(index: number): Promise<string> {
  const { plan } = await stack.api.post<{ plan: { batches: readonly { hosts: readonly string[] }[] } }>('/v1/plans', { pool: POOL, changes: [{ application: APPLICATION, version: '1.0.0' }] });
  return plan.batches[index]?.hosts[0] ?? '';
}

async function nobodyWasFailed(): Promise<void> {
  const { failed, failures } = traffic.counts();
  expect({ failed, failures }).toEqual({ failed: 0, failures: [] });
}

test('the bastion gets no request from outside until somebody has approved it, and then it serves', { timeout: 180_000 }, async () => {
  await stack.publish('2.0.0');
  const bastion = await hostOfBatch(0);
  const id = await stack.release('2.0.0', 'signed');
  const waiting = await seen(id, 'the wait for a sign-off', (release) => release.waiting?.for === 'sign-off');
  expect(waiting.allowedCommands).toEqual(expect.arrayContaining(['approve', 'reject']));
  const { requests, isDrained } = await stack.server(bastion);
  expect(isDrained).toBe(true);
  const before = traffic.counts().total;
  await until('fifty more requests of users', () => traffic.counts().total > before + 50);
  expect((await stack.server(bastion)).requests).toBe(requests);
  expect(await send(id, { type: 'approve' })).toMatchObject({ state: 'applied' });
  expect((await ended(id)).status).toBe('succeeded');
  await until('a request to the bastion', async () => (await stack.server(bastion)).requests > requests);
  await nobodyWasFailed();
});

test('a release that asks: the answer retry runs the host again, and the answer exclude leaves it on its old version, drained', { timeout: 180_000 }, async () => {
  const victim = await hostOfBatch(2);
  await stack.publish('3.0.0', `fail-on:${victim}`);
  const id = await stack.release('3.0.0', 'asking');
  await seen(id, 'the question', (release) => release.waiting?.for === 'answer');
  await expect(send(id, { type: 'answer', choices: { [await hostOfBatch(1)]: 'exclude' } })).rejects.toThrow(/waits for no answer/);
  expect(await send(id, { type: 'answer', choices: { [victim]: 'retry' } })).toMatchObject({ state: 'applied' });
  await seen(id, 'the second question', ({ waiting, batches }) => waiting?.for === 'answer' && batches.some(({ targets }) => targets.some(({ host, attempts }) => host === victim && attempts === 2)));
  expect(await send(id, { type: 'answer', choices: { [victim]: 'exclude' } })).toMatchObject({ state: 'applied' });
  expect(await ended(id)).toMatchObject({ status: 'succeeded', debt: [{ host: victim, cause: 'skipped' }] });
  expect(await stack.server(victim)).toMatchObject({ isDrained: true });
  await nobodyWasFailed();
});

test('a failed host within tolerance stays drained past the end of the release, is listed as debt, and the next good release brings it back', { timeout: 180_000 }, async () => {
  const victim = await hostOfBatch(2);
  await stack.publish('4.0.0', `fail-on:${victim}`);
  const tolerated = await ended(await stack.release('4.0.0', 'tolerant'));
  expect(tolerated).toMatchObject({ status: 'succeeded', debt: [{ host: victim, cause: 'failed' }] });
  expect(await stack.server(victim)).toMatchObject({ isDrained: true });
  const { requests } = await stack.server(victim);
  const before = traffic.counts().total;
  await until('fifty more requests of users', () => traffic.counts().total > before + 50);
  expect((await stack.server(victim)).requests).toBe(requests);
  await stack.publish('5.0.0');
  expect(await ended(await stack.release('5.0.0'))).toMatchObject({ status: 'succeeded', debt: [] });
  expect(await versionOf(victim)).toBe('5.0.0');
  expect(await stack.server(victim)).toMatchObject({ isDrained: false });
  await nobodyWasFailed();
});
