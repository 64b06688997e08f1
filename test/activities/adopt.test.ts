/** A host put back on its own console: the real host program, reached by the real local executor, surveyed by a release. */
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createActivities } from '../../activities/activities.ts';
import { createFacts } from '../../activities/facts.ts';
import { readReleaseEvents } from '../../db/events.ts';
import { acquirePool } from '../../db/pools.ts';
import { createReleaseRequest, openRelease } from '../../db/requests.ts';
import { createLocalExecutor } from '../../drivers/executors/local.ts';
import { createFakeHealth } from '../support/fake-health.ts';
import { createFakeTraffic } from '../support/fake-traffic.ts';
import { ACTOR, endAll, inventoryOf, newId, openStore, requestOf, running, type Store } from '../db/samples.ts';
import { HOST_PROGRAM, install, makeBench, observe, step, type HostBench, type Installed } from '../host/host-bench.ts';
import type { Survey } from '../../activities/observe-targets.ts';
import type { LocalExecutor } from '../../drivers/executors/local.ts';
import type { Executor, HostInput, HostVerb } from '../../drivers/executors/port.ts';

const HOST = 'web-01';
let store: Store;
let local: LocalExecutor;
const benches: HostBench[] = [];

beforeAll(async () => {
  local = createLocalExecutor({ hostProgram: HOST_PROGRAM });
  store = await openStore();
});
afterEach(async () => {
  for (const bench of benches.splice(0)) bench.dispose();
  await endAll(store.db);
});
afterAll(async () => {
  await local?.close();
  await store?.close();
});

/** Version 1 is proven and linked on a host, under epoch 1. */
async function provenHost(): Promise<{ readonly bench: HostBench; readonly good: Installed }> {
  const bench = makeBench('dash');
  benches.push(bench);
  const good = await install(bench, '1.0.0');
  await bench.result('switch', { ...step('switch'), ...good, expectedDigest: '' });
  await bench.result('clean', { ...step('clean'), keep: '5', protect: '' });
  return { bench, good };
}

async function backByHand(bench: HostBench): Promise<string> {
  const { code, output } = await bench.raw('back', '', ['--root', bench.root]);
  expect(code, output).toBe(0);
  return (JSON.parse(output) as { result: { marker: string } }).result.marker;
}

interface Sent {
  readonly verb: HostVerb;
  readonly input: HostInput;
}

/** A release that owns the pool and is about to look at its host. */
async function owner(root: string, sizeBytes = 10): Promise<{ readonly release: string; readonly epoch: number }> {
  const { db } = store;
  // The first epoch of all may be the one that was in force on the host before: a newer release it must be.
  await running(db);
  await endAll(db);
  const release = newId();
  const inventory = inventoryOf('web-prod', [HOST]);
  const hosts = inventory.hosts.map((host) => ({ ...host, executor: { driver: 'local' as const, root } }));
  await createReleaseRequest(db, { id: release, request: requestOf(release, { hosts: [HOST] }), inventory: { ...inventory, hosts, packages: inventory.packages.map((spec) => ({ ...spec, sizeBytes })) }, actor: ACTOR });
  await openRelease(db, { release });
  const acquired = await acquirePool(db, { release, opId: 'acquire', actor: ACTOR });
  if (acquired.type !== 'pool-acquired') throw new Error(`no pool: ${acquired.type}`);
  return { release, epoch: acquired.data.epoch };
}

async function survey({ release, epoch }: { readonly release: string; readonly epoch: number }, adopt: boolean): Promise<{ readonly survey: Survey; readonly sent: readonly Sent[] }> {
  const sent: Sent[] = [];
  const recording: Executor = {
    driver: 'local',
    run: (host, verb, input, options) => {
      sent.push({ verb, input });
      return local.run(host, verb, input, options);
    },
  };
  const activities = createActivities({
    db: store.db, facts: createFacts(store.db), health: createFakeHealth(),
    hostProgram: null,
    executorFor: () => recording,
    trafficFor: () => createFakeTraffic([HOST]),
    storeFor: () => ({ driver: 'fake', schemes: ['https'], inspect: async () => ({ sizeBytes: null }) }),
    fetching: (_signal, work) => work(),
  });
  const answer = await new MockActivityEnvironment().run(activities.observeTargets, { release, epoch, hosts: [HOST], adopt });
  return { survey: answer as Survey, sent };
}

const eventsOf = async (release: string) => (await readReleaseEvents(store.db, { release })).filter(({ type }) => type.startsWith('target-'));

describe('a host on which somebody used break-glass', () => {
  test('is refused without adopt, and no command but the look is sent to it', async () => {
    const { bench } = await provenHost();
    const marker = await backByHand(bench);
    const { release, epoch } = await owner(bench.root);
    const { survey: seen, sent } = await survey({ release, epoch }, false);
    expect(seen).toMatchObject({ inService: [], failed: [{ host: HOST, step: 'observe', failure: { class: 'host', code: 'adopt-needed' } }] });
    expect(seen.failed[0]?.failure.message).toContain(HOST);
    expect(seen.failed[0]?.failure.next).toContain('adopt: true');
    expect(sent.map(({ verb }) => verb)).toEqual(['observe']);
    expect(await bench.result('observe', { applications: 'web' })).toMatchObject({ marker, maxEpoch: 1 });
    expect(await eventsOf(release)).toMatchObject([{ type: 'target-preparation-failed', data: { host: HOST, step: 'observe', failure: { code: 'adopt-needed' } } }]);
  });

  test('is adopted by a fence that carries the marker and the epoch of the release, the first command it gets', async () => {
    const { bench, good } = await provenHost();
    const marker = await backByHand(bench);
    const { release, epoch } = await owner(bench.root);
    expect(await bench.run('stop', step('before', epoch))).toMatchObject({ ok: false, error: 'adopt-needed' });
    const { survey: seen, sent } = await survey({ release, epoch }, true);
    expect(seen).toEqual({ inService: [HOST], failed: [] });
    expect(sent).toMatchObject([{ verb: 'observe' }, { verb: 'fence', input: { marker, epoch: String(epoch), applications: 'web' } }]);
    expect(sent[0]?.input).not.toHaveProperty('marker');
    expect(await bench.result('observe', { applications: 'web' })).toMatchObject({ marker: null, maxEpoch: epoch });
    expect(await bench.run('stop', step('after', epoch))).toMatchObject({ ok: true });
    expect(await bench.run('stop', step('old', epoch - 1))).toMatchObject({ ok: false, error: 'stale-epoch' });
    const [told, ...more] = await eventsOf(release);
    expect(more).toEqual([]);
    expect(told).toMatchObject({ type: 'target-observed', data: { host: HOST, observation: { applications: [{ application: 'web', version: '1.0.0', ...good }] } } });
  });

  test('is not adopted when it cannot be released anyway: it keeps its marker, and who used break-glass is not forgotten', async () => {
    const { bench } = await provenHost();
    const marker = await backByHand(bench);
    const { survey: seen, sent } = await survey(await owner(bench.root, Number.MAX_SAFE_INTEGER), true);
    expect(seen.failed).toMatchObject([{ failure: { code: 'disk-full' } }]);
    expect(sent.map(({ verb }) => verb)).toEqual(['observe']);
    expect(await bench.result('observe', { applications: 'web' })).toMatchObject({ marker });
  });

  test('is adopted once: an attempt that comes after finds no marker and sends no second fence', async () => {
    const { bench } = await provenHost();
    await backByHand(bench);
    const owned = await owner(bench.root);
    const first = await survey(owned, true);
    const second = await survey(owned, true);
    expect(second.survey).toEqual(first.survey);
    expect(second.sent.map(({ verb }) => verb)).toEqual(['observe']);
    expect(await eventsOf(owned.release)).toHaveLength(1);
  });

  test('is not adopted by an outdated release: the epoch the host obeys is newer', async () => {
    const { bench } = await provenHost();
    const { release, epoch } = await owner(bench.root);
    await bench.result('fence', { epoch: String(epoch + 1), applications: 'web' });
    const marker = await backByHand(bench);
    await expect(survey({ release, epoch }, true)).rejects.toMatchObject({ type: 'StaleEpoch' });
    expect(await bench.result('observe', { applications: 'web' })).toMatchObject({ marker, maxEpoch: epoch + 1 });
  });
});

test('with adopt a host that nobody put back by hand is only looked at', async () => {
  const { bench, good } = await provenHost();
  const owned = await owner(bench.root);
  const { survey: seen, sent } = await survey(owned, true);
  expect(seen).toEqual({ inService: [HOST], failed: [] });
  expect(sent.map(({ verb }) => verb)).toEqual(['observe']);
  expect(await observe(bench)).toMatchObject(good);
  expect(await bench.result('observe', { applications: 'web' })).toMatchObject({ marker: null, maxEpoch: 1 });
});
