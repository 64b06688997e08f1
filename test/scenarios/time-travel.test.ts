import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { appendReleaseEvents, appendTargetEvent, readReleaseEvents, verifyChain } from '../../db/events.ts';
import { acquirePool } from '../../db/pools.ts';
import { getInventoryOf, getReleaseAt } from '../../db/queries.ts';
import { createReleaseRequest, loadReleaseRequest, openRelease } from '../../db/requests.ts';
import { BalancerDown } from '../../drivers/traffic/port.ts';
import { isTargetEvent, type CoreEvent, type ReleaseEvent, type StoredReleaseEvent } from '../../domain/release/events.ts';
import { releaseView } from '../../domain/release/view.ts';
import { startApiUnderTest, type ApiUnderTest } from '../api/api-under-test.ts';
import { unhealthy } from '../support/fake-health.ts';
import { openBench, type Bench } from '../support/release-bench.ts';

let api: ApiUnderTest;
let bench: Bench;
beforeAll(async () => {
  api = await startApiUnderTest();
  bench = await openBench(6, {
    traffic: [{ call: 'drain', nth: 2, fault: { fail: new BalancerDown('nobody answers') } }],
    health: [{ call: 'verify', nth: 4, fault: { lie: unhealthy('wrong-version', 'v1 answered') } }],
  });
});
afterAll(async () => {
  await bench?.close();
  await api?.close();
});

/** A release with everything in it: a bake, a pause, a wait for the balancer, a failure, a rollback. */
async function recorded(): Promise<readonly StoredReleaseEvent[]> {
  const id = await bench.release({ strategy: { bastion: { count: 1, bakeSeconds: 60, promote: 'auto' } } });
  await bench.until(id, ({ waiting }) => waiting?.for === 'bake', 'the bake');
  await bench.send(id, 'pause');
  await bench.send(id, 'resume');
  await bench.send(id, 'promote');
  expect((await bench.ended(id)).status).toBe('rolled-back');
  return readReleaseEvents(bench.db, { release: id, limit: 10_000 });
}

/** The epoch is the store's own to give: target events are told under the one it gave here. */
function under(epoch: number, { type, data }: StoredReleaseEvent): ReleaseEvent {
  return { type, data: 'epoch' in data ? { ...data, epoch } : data } as ReleaseEvent;
}

/** Appends what was recorded, one event at a time, and calls `seen` after each. */
async function tellAgain(story: readonly StoredReleaseEvent[], seen: (release: string) => Promise<void>): Promise<string> {
  const [first] = story;
  const { db } = api;
  const release = `r-${randomBytes(6).toString('hex')}`;
  const original = String(first?.id.split('/')[0]);
  const asked = await loadReleaseRequest(bench.db, original);
  if (asked === null) throw new Error(`no request of ${original}`);
  await createReleaseRequest(db, { id: release, request: { ...asked.request, id: release }, inventory: await getInventoryOf(bench.db, original), actor: asked.actor });
  await seen(release);
  await openRelease(db, { release });
  await seen(release);
  let epoch = 0;
  for (const event of story.slice(2)) {
    const opId = `told-${event.version}`;
    const { actor } = event;
    if (event.type === 'pool-acquired') epoch = epochOf([await acquirePool(db, { release, opId, actor })]);
    else {
      const again = under(epoch, event);
      if (isTargetEvent(again)) await appendTargetEvent(db, { release, opId, actor, event: again });
      else epoch = epochOf(await appendReleaseEvents(db, { release, opId, actor, events: [again as CoreEvent] })) || epoch;
    }
    await seen(release);
  }
  return release;
}

function epochOf(events: readonly { readonly data: object }[]): number {
  const data = events[0]?.data as { readonly epoch?: number } | undefined;
  return data?.epoch ?? 0;
}

test('at every version of a release, time travel answers exactly what was answered live', async () => {
  const story = await recorded();
  const types = new Set(story.map(({ type }) => type));
  for (const type of ['paused', 'bake-finished', 'target-step-waiting', 'target-step-failed', 'rollback-started', 'target-fenced', 'release-rolled-back']) expect(types).toContain(type);
  const live = new Map<number, string>();
  const release = await tellAgain(story, async (id) => {
    const { status, text, body, headers } = await api.ask('GET', `/v1/releases/${id}`);
    expect(status).toBe(200);
    expect(headers.get('etag')).toBe(`"${body.version}"`);
    live.set(body.version, text);
  });
  // Opening tells two events in one transaction, so the first of them is never seen alone.
  expect([...live.keys()]).toEqual([0, ...story.slice(1).map(({ version }) => version)]);
  for (const [version, text] of live) {
    const then = await api.ask('GET', `/v1/releases/${release}/at?version=${version}`);
    expect(then.status, `version ${version}`).toBe(200);
    expect(JSON.parse(then.text), `version ${version}`).toEqual(JSON.parse(text));
  }
  expect((await verifyChain(api.db)).broken).toEqual([]);
});

test('what a release answers while it runs is what time travel answers later', async () => {
  const live = new Map<number, unknown>();
  const id = await bench.release({ version: 'v7' });
  await bench.until(id, (release) => {
    live.set(release.version, release);
    return release.finishedAt !== null;
  }, 'the end');
  expect(live.size).toBeGreaterThan(5);
  for (const [version, view] of live) {
    const folded = await getReleaseAt(bench.db, id, version);
    expect(folded && JSON.parse(JSON.stringify(releaseView(folded))), `version ${version}`).toEqual(JSON.parse(JSON.stringify(view)));
  }
});
