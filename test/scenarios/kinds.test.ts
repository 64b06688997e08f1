/** Kinds of release with everything real: whose process is another one afterwards, and whose is not. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { APPLICATION, POOL, askHosts } from '../../examples/demo/fleet.ts';
import { touchedHosts, type ReleaseAnswer } from '../../examples/demo/story.ts';
import { until } from '../support/until.ts';
import { openWholeStack, type WholeStack } from './whole-stack.ts';

const RELEASE_TIMEOUT_MS = 120_000;
const ENDED = new Set(['succeeded', 'rolled-back', 'rollback-incomplete', 'failed', 'aborted', 'rejected']);
/** Holds after its bastion until somebody promotes it. */
const HELD = { kind: 'Strategy', name: 'held', bastion: { count: 1, bakeSeconds: 0, promote: 'manual' }, batches: { percent: [25], bakeSeconds: 0 }, postRelease: { watchSeconds: 0 } };

interface Told extends ReleaseAnswer {
  readonly kind: string;
  readonly skipped: readonly { readonly host: string; readonly why: string }[];
  readonly compared: { readonly left: readonly string[]; readonly joined: readonly string[]; readonly scaleOut: string | null } | null;
}

let stack: WholeStack;
let names: readonly string[];
let last: string;

beforeAll(async () => {
  stack = await openWholeStack();
  names = stack.fleet.hosts.map(({ name }) => name);
  last = names.at(-1) ?? '';
  for (const version of ['1.0.0', '2.0.0', '3.0.0']) await stack.publish(version);
  await stack.api.post('/v1/apply', { documents: [HELD] });
  await poolOf(names.slice(0, -1));
  expect((await ended(await release({ version: '1.0.0' }))).status).toBe('succeeded');
});
afterAll(() => stack?.end(), 60_000);

async function poolOf(hosts: readonly string[]): Promise<void> {
  const current = await stack.api.get<object>(`/v1/pools/${POOL}`);
  await stack.api.post('/v1/apply', { documents: [{ ...current, hosts }] });
}

async function release({ version, ...asked }: { readonly version?: string; readonly kind?: string; readonly strategy?: string }): Promise<string> {
  const changes = version === undefined ? {} : { changes: [{ application: APPLICATION, version }] };
  return (await stack.api.post<{ id: string }>('/v1/releases', { pool: POOL, ...asked, ...changes, reason: 'scenario' })).id;
}

const read = (id: string) => stack.api.get<Told>(`/v1/releases/${id}`);
const command = (id: string, type: string) => stack.api.post(`/v1/releases/${id}/commands`, { type, reason: 'scenario' });

async function ended(id: string): Promise<Told> {
  await until(`the end of release ${id}`, async () => ENDED.has((await read(id)).status), RELEASE_TIMEOUT_MS).catch(async (error: unknown) => {
    throw new Error(`${String(error)}: ${JSON.stringify(await read(id)).slice(0, 3000)}`);
  });
  return read(id);
}

async function waitsFor(id: string, what: string): Promise<void> {
  await until(`${id} waits for ${what}`, async () => ((await read(id)).waiting as { for?: string } | null)?.for === what, RELEASE_TIMEOUT_MS);
}

async function pids(): Promise<Readonly<Record<string, number | undefined>>> {
  return Object.fromEntries(Object.entries(await askHosts(stack.fleet)).map(([name, answer]) => [name, answer?.pid]));
}

async function versions(): Promise<Readonly<Record<string, string | undefined>>> {
  return Object.fromEntries(Object.entries(await askHosts(stack.fleet)).map(([name, answer]) => [name, answer?.version]));
}

test('a release of what runs everywhere touches nothing and says why; with one process gone only that host is released to', async () => {
  const before = await pids();
  const nothing = await ended(await release({ version: '1.0.0' }));
  expect(nothing).toMatchObject({ status: 'succeeded', batches: [] });
  expect(nothing.skipped).toEqual(names.slice(0, -1).map((host) => ({ host, why: 'runs web 1.0.0 already, in service and healthy' })));
  expect(await pids()).toEqual(before);
  const [victim = ''] = names.slice(2);
  process.kill(before[victim] ?? 0, 'SIGKILL');
  const one = await ended(await release({ version: '1.0.0' }));
  expect([one.status, touchedHosts(one)]).toEqual(['succeeded', [victim]]);
  const after = await pids();
  expect(after[victim]).not.toBe(before[victim]);
  expect({ ...after, [victim]: 0 }).toEqual({ ...before, [victim]: 0 });
});

test('a redeploy without a version starts what runs anew on every host', async () => {
  const before = await pids();
  const starts = names.slice(0, -1).map((name) => stack.starts(name).length);
  const again = await ended(await release({ kind: 'redeploy' }));
  expect(again).toMatchObject({ kind: 'redeploy', status: 'succeeded', skipped: [] });
  expect(again.batches.map(({ kind }) => kind)).not.toContain('bastion');
  const after = await pids();
  for (const [index, name] of names.slice(0, -1).entries()) {
    expect(after[name], name).not.toBe(before[name]);
    expect(stack.starts(name).length, name).toBe((starts[index] ?? 0) + 1);
  }
  expect(await versions()).toEqual({ ...Object.fromEntries(names.map((name) => [name, '1.0.0'])), [last]: undefined });
});

test('a host that joins in mid-release runs the new version in the end, and nobody was restarted for it', async () => {
  const id = await release({ version: '2.0.0', strategy: 'held' });
  await waitsFor(id, 'promote');
  await poolOf(names);
  await command(id, 'promote');
  const first = await ended(id);
  expect(first).toMatchObject({ status: 'succeeded', compared: { left: [], joined: [last] } });
  const before = await pids();
  const scaleOut = await ended(first.compared?.scaleOut ?? '');
  expect(scaleOut).toMatchObject({ kind: 'scale-out', status: 'succeeded' });
  expect(touchedHosts(scaleOut)).toEqual([last]);
  expect(await versions()).toEqual(Object.fromEntries(names.map((name) => [name, '2.0.0'])));
  expect({ ...(await pids()), [last]: 0 }).toEqual({ ...before, [last]: 0 });
});

test('a hotfix that comes last goes first', async () => {
  const holder = await release({ version: '1.0.0', strategy: 'held' });
  await waitsFor(holder, 'promote');
  const rollout = await release({ version: '1.0.0' });
  await waitsFor(rollout, 'pool');
  const hotfix = await release({ version: '3.0.0', kind: 'hotfix' });
  await waitsFor(hotfix, 'pool');
  // Not a rollback: a person's rollback holds the application, and then nothing goes first.
  await command(holder, 'abort');
  expect((await ended(hotfix)).status).toBe('succeeded');
  expect((await ended(rollout)).status).toBe('succeeded');
  const epoch = async (id: string): Promise<number> => {
    const { items } = await stack.api.get<{ items: readonly { type: string; data: { epoch?: number } }[] }>(`/v1/releases/${id}/events`);
    return items.find(({ type }) => type === 'pool-acquired')?.data.epoch ?? 0;
  };
  expect(await epoch(hotfix)).toBeLessThan(await epoch(rollout));
  expect(await epoch(hotfix)).toBeGreaterThan(0);
});
