/** The ways back on real hosts: two versions at once, twice in a row, by width, and what then stands in the way of the next release. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { APPLICATION, askHosts, POOL, rootOf } from '../../examples/demo/fleet.ts';
import { Traffic } from '../../examples/demo/traffic.ts';
import { until } from '../support/until.ts';
import { openWholeStack, type WholeStack } from './whole-stack.ts';
import type { ReleaseAnswer } from '../../examples/demo/story.ts';
import type { RollbackPlan } from '../../domain/rollback-plan.ts';

const REQUESTS_PER_SECOND = 50;
const RELEASE_TIMEOUT_MS = 120_000;
const ENDED = new Set(['succeeded', 'rolled-back', 'rollback-incomplete', 'failed', 'aborted', 'rejected']);
/** One host of eight at a time, and a bake after each. */
const NARROW = { kind: 'Strategy', name: 'narrow', bastion: { count: 1, bakeSeconds: 0 }, batches: { percent: [33], bakeSeconds: 1 }, rollback: { batchPercent: 13 }, postRelease: { watchSeconds: 0 } };

/** Whatever is taken back goes to the oldest version, wherever it came from. */
const GOLDEN = { ...NARROW, name: 'golden', batches: { percent: [33], bakeSeconds: 0 }, rollback: { to: '1.0.0' } };

interface Answer extends ReleaseAnswer {
  readonly failure: { readonly code: string; readonly message: string } | null;
  readonly rollbackPlan: RollbackPlan | null;
}

let stack: WholeStack;
beforeAll(async () => {
  stack = await openWholeStack();
  await stack.api.post('/v1/apply', { documents: [NARROW, GOLDEN] });
  for (const version of ['1.0.0', '2.0.0', '3.0.0']) await stack.publish(version);
}, 120_000);
afterAll(() => stack?.end(), 60_000);

async function ended(id: string): Promise<Answer> {
  let seen: Answer | null = null;
  await until(`the end of release ${id}`, async () => ENDED.has((seen = await stack.api.get<Answer>(`/v1/releases/${id}`)).status), RELEASE_TIMEOUT_MS).catch((error: unknown) => {
    throw new Error(`${String(error)}: ${JSON.stringify(seen).slice(0, 3000)}`);
  });
  return seen as unknown as Answer;
}

async function ask(version: string, strategy: string | null = null): Promise<string> {
  const { id } = await stack.api.post<{ id: string }>('/v1/releases', { pool: POOL, changes: [{ application: APPLICATION, version }], strategy });
  return id;
}

/** Releases a good version and answers its id. */
async function release(version: string, strategy: string | null = null): Promise<string> {
  const id = await ask(version, strategy);
  expect(await ended(id)).toMatchObject({ status: 'succeeded' });
  await everybodyAnswers(version);
  return id;
}

/** Takes a finished release back and answers the release that did it. */
async function takeBack(id: string, more: { readonly to?: string; readonly mode?: string } = {}): Promise<Answer> {
  const { release: back } = await stack.api.post<{ release: string }>(`/v1/releases/${id}/commands`, { type: 'rollback', reason: 'it smells', ...more });
  return ended(back);
}

async function lift(): Promise<void> {
  await stack.api.post(`/v1/applications/${APPLICATION}/lift`, { reason: 'understood' });
}

async function everybodyAnswers(version: string): Promise<void> {
  const answers = await askHosts(stack.fleet);
  expect(Object.values(answers).map((answer) => answer?.version)).toEqual(stack.fleet.hosts.map(() => version));
}

async function eventsOf(id: string, type: string): Promise<readonly { readonly data: any }[]> {
  const { items, next } = await stack.api.get<{ items: readonly { readonly type: string; readonly data: any }[]; next: string | null }>(`/v1/releases/${id}/events?limit=200`);
  expect(next).toBeNull();
  return items.filter((event) => event.type === type);
}

async function underTraffic<T>(work: () => Promise<T>): Promise<T> {
  const traffic = new Traffic({ url: stack.url, perSecond: REQUESTS_PER_SECOND });
  try {
    return await work();
  } finally {
    const { failed, failures } = await traffic.stop();
    expect({ failed, failures }).toEqual({ failed: 0, failures: [] });
  }
}

test('two versions back at once: every host answers the oldest again, no request fails, and a person has to lift the hold before the next release', { timeout: 240_000 }, async () => {
  await release('1.0.0');
  await underTraffic(async () => {
    await release('2.0.0');
    const last = await release('3.0.0');
    const back = await takeBack(last, { to: '1.0.0' });
    expect(back).toMatchObject({ status: 'rolled-back', rollbackPlan: { to: { [APPLICATION]: '1.0.0' } } });
    expect(back.rollbackPlan?.targets.map(({ feasible, applications }) => [feasible, applications[0]?.version])).toEqual(stack.fleet.hosts.map(() => [true, '1.0.0']));
    await everybodyAnswers('1.0.0');
    for (const { name } of stack.fleet.hosts) expect(stack.starts(name), name).toEqual(['1.0.0', '2.0.0', '3.0.0', '1.0.0']);
    await expect(takeBack(back.id, { to: '1.0.0' })).rejects.toThrow(/409: Every host runs web 1.0.0 already/);
    await expect(ask('3.0.0')).rejects.toThrow(new RegExp(`409: Application ${APPLICATION} of pool ${POOL} is held after release ${last}`));
    await lift();
  });
});

test('twice in a row: the rollback of a rollback leads one version further back, host by host with a bake, or as wide as the floor allows in an emergency', { timeout: 240_000 }, async () => {
  await underTraffic(async () => {
    await release('2.0.0', 'narrow');
    const last = await release('3.0.0', 'narrow');
    const once = await takeBack(last);
    expect(once.status).toBe('rolled-back');
    await everybodyAnswers('2.0.0');
    const [started] = await eventsOf(once.id, 'rollback-started');
    expect(started?.data.batches.map((hosts: readonly string[]) => hosts.length)).toEqual(stack.fleet.hosts.map(() => 1));
    expect(await eventsOf(once.id, 'bake-started')).toHaveLength(stack.fleet.hosts.length - 1);
    expect((await eventsOf(once.id, 'target-step-succeeded')).filter(({ data }) => data.step === 'verify')).toHaveLength(stack.fleet.hosts.length);
    const twice = await takeBack(once.id, { mode: 'emergency' });
    expect(twice.status).toBe('rolled-back');
    await everybodyAnswers('1.0.0');
    const [emergency] = await eventsOf(twice.id, 'rollback-started');
    expect(emergency?.data.batches.map((hosts: readonly string[]) => hosts.length)).toEqual([2, 2, 2, 2]);
    expect(await eventsOf(twice.id, 'bake-started')).toEqual([]);
  });
  await lift();
});

test('a bad build is quarantined by the rollback it caused: it is not released again, and the next good version is', { timeout: 240_000 }, async () => {
  await stack.publish('4.0.0', 'never-answer');
  await stack.publish('5.0.0');
  const bad = await ask('4.0.0');
  expect(await ended(bad)).toMatchObject({ status: 'rolled-back' });
  const { quarantine } = await stack.api.get<{ quarantine: { release: string; by: string } }>(`/v1/packages/${APPLICATION}@4.0.0`);
  expect(quarantine).toMatchObject({ release: bad, by: 'signalbox', lifted: null });
  await expect(ask('4.0.0')).rejects.toThrow(new RegExp(`409: Package ${APPLICATION}@4.0.0 is quarantined after release ${bad}.*signalbox package lift`));
  await release('5.0.0');
  await stack.api.post(`/v1/packages/${APPLICATION}@4.0.0/lift`, { reason: 'try once more' });
  expect(await ended(await ask('4.0.0'))).toMatchObject({ status: 'rolled-back' });
  await everybodyAnswers('5.0.0');
});

test('a strategy that names a version: a bad build brings the one host it touched there and no other, a good one is taken back there whole, and no request fails', { timeout: 240_000 }, async () => {
  await stack.publish('6.0.0', 'never-answer');
  await stack.publish('7.0.0');
  await underTraffic(async () => {
    const bad = await ended(await ask('6.0.0', 'golden'));
    expect(bad).toMatchObject({ status: 'rolled-back', rollbackPlan: { to: { [APPLICATION]: '1.0.0' } } });
    expect(bad.rollbackPlan?.targets.map(({ feasible, applications }) => [feasible, applications[0]?.version])).toEqual(stack.fleet.hosts.map(() => [true, '1.0.0']));
    const [touched] = (await eventsOf(bad.id, 'target-fenced')).map(({ data }): string => data.host);
    const answers = await askHosts(stack.fleet);
    expect(Object.fromEntries(Object.entries(answers).map(([host, answer]) => [host, answer?.version]))).toEqual(Object.fromEntries(stack.fleet.hosts.map(({ name }) => [name, name === touched ? '1.0.0' : '5.0.0'])));
    const good = await release('7.0.0', 'golden');
    expect(await takeBack(good)).toMatchObject({ status: 'rolled-back', rollbackPlan: { to: { [APPLICATION]: '1.0.0' } } });
    await everybodyAnswers('1.0.0');
    await lift();
    await expect(ask('1.0.0', 'golden')).rejects.toThrow(/422.*sends rollbacks to web 1.0.0, which is the version this release brings/);
    await release('5.0.0');
  });
});

test('what a host does not keep any more is found in preparation, before anything is touched', { timeout: 240_000 }, async () => {
  const last = await release('2.0.0');
  const [first] = stack.fleet.hosts;
  if (first === undefined) throw new Error('the fleet has no hosts');
  const releases = join(rootOf(stack.fleet, first), APPLICATION, 'releases');
  const digestOf = async (version: string): Promise<string> => (await stack.api.get<{ sha256: string }>(`/v1/packages/${APPLICATION}@${version}`)).sha256;
  const starts = stack.starts(first.name).length;
  rmSync(join(releases, `${await digestOf('5.0.0')}.complete`));
  expect(await takeBack(last, { to: '5.0.0' })).toMatchObject({ status: 'failed', failure: { code: 'not-kept', message: expect.stringContaining(`not kept on ${first.name}`) } });
  await lift();
  rmSync(join(releases, `${await digestOf('2.0.0')}.complete`));
  const refused = await ended(await ask('3.0.0'));
  expect(refused).toMatchObject({ status: 'failed', failure: { code: 'rollback-infeasible', message: expect.stringContaining(`${first.name} could not be brought back`) } });
  expect(refused.rollbackPlan?.targets.filter(({ feasible }) => !feasible).map(({ host }) => host)).toEqual([first.name]);
  expect(stack.starts(first.name)).toHaveLength(starts);
  await everybodyAnswers('2.0.0');
});
