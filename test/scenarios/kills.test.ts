import { afterAll, beforeAll, expect, test } from 'vitest';
import { verifyChain } from '../../db/events.ts';
import { rebuildProjections } from '../../db/rebuild.ts';
import { APPLICATION, askHosts, POOL } from '../../examples/demo/fleet.ts';
import { touchedHosts, type ReleaseAnswer } from '../../examples/demo/story.ts';
import { Traffic } from '../../examples/demo/traffic.ts';
import { until } from '../support/until.ts';
import { openWholeStack, type Killable, type WholeStack } from './whole-stack.ts';

const REQUESTS_PER_SECOND = 50;
const RELEASE_TIMEOUT_MS = 120_000;
const ENDED = new Set(['succeeded', 'rolled-back', 'rollback-incomplete', 'failed', 'aborted', 'rejected']);

let stack: WholeStack;
beforeAll(async () => {
  stack = await openWholeStack();
  await stack.publish('1.0.0');
  expect((await ended(await stack.release('1.0.0'))).status).toBe('succeeded');
  await everybodyAnswers('1.0.0');
}, 120_000);
afterAll(() => stack?.end(), 60_000);

/** The API may be away for a moment: it is asked again. */
function read(id: string): Promise<ReleaseAnswer | null> {
  return stack.api.get<ReleaseAnswer>(`/v1/releases/${id}`).catch(() => null);
}

async function ended(id: string): Promise<ReleaseAnswer> {
  let seen: ReleaseAnswer | null = null;
  await until(`the end of release ${id}`, async () => ENDED.has((seen = (await read(id)) ?? seen)?.status ?? ''), RELEASE_TIMEOUT_MS).catch((error: unknown) => {
    throw new Error(`${String(error)}: ${JSON.stringify(seen).slice(0, 3000)}`);
  });
  return seen as unknown as ReleaseAnswer;
}

async function everybodyAnswers(version: string): Promise<void> {
  const answers = await askHosts(stack.fleet);
  expect(Object.values(answers).map((answer) => answer?.version)).toEqual(stack.fleet.hosts.map(() => version));
}

function startsOf(version: string): number {
  return stack.fleet.hosts.flatMap(({ name }) => stack.starts(name)).filter((started) => started === version).length;
}

/** Kills `name` as soon as so many applications have been started on `version`, which is in the middle of a step; ends when it is back. */
async function killAt(name: Killable, version: string, starts: number): Promise<void> {
  await until(`start ${starts} of ${version}`, () => startsOf(version) >= starts, RELEASE_TIMEOUT_MS);
  await stack.kill(name);
}

/** Versions without a gap, every hash as computed, and projections that are exactly the fold of the events. */
async function recordIsWhole(id: string): Promise<void> {
  const { owner } = stack;
  const { rows } = await owner.pool.query<{ version: number }>('select version from events where stream = $1 order by version', [`release/${id}`]);
  expect(rows.map(({ version }) => version)).toEqual(rows.map((_, index) => index + 1));
  expect((await verifyChain(owner)).broken).toEqual([]);
  const live = await projections();
  await rebuildProjections(owner);
  expect(await projections()).toEqual(live);
}

async function projections(): Promise<readonly string[]> {
  const { rows } = await stack.owner.pool.query<{ text: string }>(`
    select t::text as text from releases t union all select t::text from release_targets t union all
    select t::text from release_inventory t union all select t::text from release_rollback_plans t union all select t::text from inventory t union all
    select t::text from blocks t order by 1`);
  return rows.map(({ text }) => text);
}

async function underTraffic<T>(work: () => Promise<T>): Promise<T> {
  const traffic = new Traffic({ url: stack.url, perSecond: REQUESTS_PER_SECOND });
  try {
    return await work();
  } finally {
    const { total, failed, failures } = await traffic.stop();
    expect({ failed, failures }).toEqual({ failed: 0, failures: [] });
    expect(total).toBeGreaterThan(REQUESTS_PER_SECOND);
  }
}

test('a release during which API, worker, Temporal and Postgres are killed once each succeeds, starts each application once and fails no request', { timeout: 240_000 }, async () => {
  await stack.publish('2.0.0');
  const release = await underTraffic(async () => {
    const id = await stack.release('2.0.0');
    await Promise.all([stack.kill('api'), killAt('worker', '2.0.0', 1)]);
    await killAt('Temporal', '2.0.0', 2);
    await killAt('Postgres', '2.0.0', 4);
    return ended(id);
  });
  expect(new Set(stack.killed)).toEqual(new Set(['api', 'worker', 'Temporal', 'Postgres']));
  expect(release.status).toBe('succeeded');
  for (const { name } of stack.fleet.hosts) expect(stack.starts(name), name).toEqual(['1.0.0', '2.0.0']);
  await everybodyAnswers('2.0.0');
  await recordIsWhole(release.id);
});

test('a bad build is rolled back under a killed worker: touched hosts start once per direction, the others not at all', { timeout: 240_000 }, async () => {
  const { plan } = await stack.api.post<{ plan: { batches: readonly { hosts: readonly string[] }[] } }>('/v1/plans', { pool: POOL, changes: [{ application: APPLICATION, version: '2.0.0' }] });
  const victim = plan.batches[2]?.hosts[0] ?? '';
  await stack.publish('3.0.0', `fail-on:${victim}`);
  const before = startsOf('2.0.0');
  const release = await underTraffic(async () => {
    const id = await stack.release('3.0.0');
    await killAt('worker', '2.0.0', before + 1);
    return ended(id);
  });
  expect(release.status).toBe('rolled-back');
  const touched = touchedHosts(release);
  expect(touched).toContain(victim);
  for (const { name } of stack.fleet.hosts) {
    expect(stack.starts(name), name).toEqual(touched.includes(name) ? ['1.0.0', '2.0.0', '3.0.0', '2.0.0'] : ['1.0.0', '2.0.0']);
  }
  await everybodyAnswers('2.0.0');
  await recordIsWhole(release.id);
});
