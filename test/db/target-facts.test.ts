import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { appendReleaseEvents, appendTargetEvent } from '../../db/events.ts';
import { leftOutBy } from '../../db/target-facts.ts';
import { admittedTo } from '../../domain/traffic-beneath.ts';
import { SIGNALBOX, type Direction, type Step } from '../../domain/vocabulary.ts';
import type { Observation } from '../../domain/release/target.ts';
import { ACTOR, begun, end, endAll, journey, observation, observed, opIdOf, openStore, running, succeeded, type Asked, type Store } from './samples.ts';

let store: Store;
beforeAll(async () => { store = await openStore(); });
afterEach(() => endAll(store.db));
afterAll(() => store?.close());

let hosts = 0;

/** A pool of one host that no release of another test ever saw. */
function ownHost(): { readonly host: string; readonly asked: Asked } {
  hosts += 1;
  const host = `left-${hosts}`;
  return { host, asked: { pool: host, hosts: [host] } };
}

interface Owner {
  readonly release: string;
  readonly epoch: number;
}

async function tell({ release }: Owner, ...events: readonly Parameters<typeof opIdOf>[0][]): Promise<void> {
  for (const event of events) await appendTargetEvent(store.db, { release, opId: `${event.type}/${opIdOf(event)}`, actor: SIGNALBOX, event });
}

/** Observes the host as given, takes it out of traffic and goes no further. */
async function drainsOnly(asked: Asked, host: string, seen: Observation = observation('d1')): Promise<Owner> {
  const owner = await running(store.db, asked);
  const { epoch } = owner;
  await tell(owner, { type: 'target-observed', data: { host, epoch, observation: seen } }, begun(host, epoch), succeeded(host, epoch));
  return owner;
}

async function finishes(asked: Asked, host: string): Promise<Owner> {
  const owner = await running(store.db, asked);
  await tell(owner, ...journey(host, owner.epoch));
  return owner;
}

/** The way back of a release, these steps long. */
async function goesBack(owner: Owner, host: string, steps: readonly Step[]): Promise<void> {
  const [started] = await appendReleaseEvents(store.db, {
    release: owner.release, opId: 'back', actor: ACTOR,
    events: [{ type: 'rollback-started', data: { mode: 'regular', cause: 'operator', reason: 'bad', batches: [[host]], then: 'rolled-back', epoch: 0 } }],
  });
  if (started?.type !== 'rollback-started') throw new Error('no rollback');
  const { epoch } = started.data;
  const direction: Direction = 'back';
  for (const step of steps) {
    const key = { host, epoch, direction, round: 0, step };
    await tell({ ...owner, epoch }, { type: 'target-step-begun', data: key }, { type: 'target-step-succeeded', data: { ...key, result: {}, durationMs: 1, repeated: false } });
  }
}

/** As a release that looks at the host anew asks. */
const asks = async (host: string) => {
  const left = await leftOutBy(store.db, 'r-new', host);
  if (left === null) return null;
  const { admin, weight } = admittedTo(left.preImage, 'forward');
  return { release: left.release, admin, weight };
};

describe('a host that a release left out of traffic', () => {
  test('is told with that release and how the server stood before it', async () => {
    const { host, asked } = ownHost();
    const { release } = await drainsOnly(asked, host);
    await end(store.db, release);
    expect(await asks(host)).toEqual({ release, admin: 'ready', weight: 100 });
  });

  test('is told also when its way back ended before it was admitted', async () => {
    const { host, asked } = ownHost();
    const owner = await finishes(asked, host);
    await goesBack(owner, host, ['drain', 'stop', 'switch']);
    await end(store.db, owner.release);
    expect(await asks(host)).toEqual({ release: owner.release, admin: 'ready', weight: 100 });
  });

  test('stays told when the release after it left it out as well, with the place it had before both', async () => {
    const { host, asked } = ownHost();
    const first = await drainsOnly(asked, host);
    await end(store.db, first.release);
    const leftBy = await asks(host);
    if (leftBy === null) throw new Error('nothing was left');
    const drained: Observation = { ...observation('d1'), traffic: { admin: 'drain', operational: 'up', weight: 0, connections: 0, inService: false } };
    const second = await drainsOnly(asked, host, { ...drained, leftBy });
    await end(store.db, second.release);
    expect(await asks(host)).toEqual({ release: second.release, admin: 'ready', weight: 100 });
  });

  test('is told past a later release that only looked at it', async () => {
    const { host, asked } = ownHost();
    const first = await drainsOnly(asked, host);
    await end(store.db, first.release);
    const second = await running(store.db, asked);
    await tell(second, observed(host, second.epoch, 'd1'));
    await end(store.db, second.release);
    expect(await asks(host)).toMatchObject({ release: first.release });
  });
});

describe('a host that was refused at first touch', () => {
  test('is told when the release had drained it already by an earlier attempt', async () => {
    const { host, asked } = ownHost();
    const owner = await running(store.db, asked);
    const { release, epoch } = owner;
    await tell(owner, observed(host, epoch, 'd1'), begun(host, epoch), {
      type: 'target-step-failed',
      data: { host, epoch, direction: 'forward', round: 0, step: 'drain', failure: { class: 'host', code: 'drift-after-drain', message: 'changed', next: 'look' }, durationMs: 1 },
    });
    await end(store.db, release);
    expect(await asks(host)).toEqual({ release, admin: 'ready', weight: 100 });
  });
});

describe('a host is nobody\'s to bring back', () => {
  test('when no release ever touched it, or one only looked at it', async () => {
    const { host, asked } = ownHost();
    expect(await asks(host)).toBe(null);
    const looked = await running(store.db, asked);
    await tell(looked, observed(host, looked.epoch, 'd1'));
    expect(await asks(host)).toBe(null);
  });

  test('when the release that took it out admitted it again', async () => {
    const { host, asked } = ownHost();
    const { release } = await finishes(asked, host);
    await end(store.db, release);
    expect(await asks(host)).toBe(null);
  });

  test('when its way back ended with its admission', async () => {
    const { host, asked } = ownHost();
    const owner = await drainsOnly(asked, host);
    await goesBack(owner, host, ['admit']);
    await end(store.db, owner.release);
    expect(await asks(host)).toBe(null);
  });

  test('when a later release brought it back', async () => {
    const { host, asked } = ownHost();
    await end(store.db, (await drainsOnly(asked, host)).release);
    await end(store.db, (await finishes(asked, host)).release);
    expect(await asks(host)).toBe(null);
  });

  test('when the release refused it at first touch, for somebody else had drained it', async () => {
    const { host, asked } = ownHost();
    const owner = await running(store.db, asked);
    const { release, epoch } = owner;
    const failedWith = (code: string, round: number) => ({ type: 'target-step-failed' as const, data: { host, epoch, direction: 'forward' as const, round, step: 'drain' as const, failure: { class: 'host' as const, code, message: 'changed', next: 'look' }, durationMs: 1 } });
    await tell(owner, observed(host, epoch, 'd1'), begun(host, epoch), failedWith('drift', 0));
    await end(store.db, release);
    expect(await asks(host)).toBe(null);
  });

  test('when its way back found that nothing had reached it', async () => {
    const { host, asked } = ownHost();
    const owner = await running(store.db, asked);
    await tell(owner, observed(host, owner.epoch, 'd1'), begun(host, owner.epoch));
    await goesBack(owner, host, []);
    const { rows } = await store.db.pool.query<{ epoch: number }>('select epoch from host_locks where host = $1', [host]);
    const epoch = rows[0]?.epoch ?? 0;
    await tell({ ...owner, epoch }, { type: 'target-fenced', data: { host, epoch, untouched: true, observation: observation('d1') } });
    await end(store.db, owner.release);
    expect(await asks(host)).toBe(null);
  });

  test('when it was the release itself, or a host of another name', async () => {
    const { host, asked } = ownHost();
    const { release } = await drainsOnly(asked, host);
    expect(await leftOutBy(store.db, release, host)).toBe(null);
    expect(await asks('left-none')).toBe(null);
  });
});
