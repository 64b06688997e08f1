/** Releases whose workflow was lost go on from the log alone: nothing is done twice, nothing older has a say, and every way out is open. */
import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { getReceipt } from '../../db/commands.ts';
import { appendReleaseEvents, readReleaseEvents } from '../../db/events.ts';
import { enqueue } from '../../db/outbox.ts';
import { askRepair, getRepair } from '../../db/repairs.ts';
import { SIGNALBOX } from '../../domain/vocabulary.ts';
import { commandUpdate } from '../../workflows/messages.ts';
import { FAST, openBench } from '../support/release-bench.ts';
import { until } from '../support/until.ts';
import type { Bench, Faults } from '../support/release-bench.ts';
import type { HookPoint, HookSpec } from '../../domain/inventory.ts';
import type { FindingAbout } from '../../domain/watchdog/finding.ts';

const BAKING = { bastion: { count: 1, bakeSeconds: 600, promote: 'auto' } } as const;
let bench: Bench;
let faults: Faults = {};

beforeEach(async () => {
  bench = await openBench(8, faults);
});
afterEach(async () => {
  faults = {};
  await bench.close();
});

async function adopt(release: string, about: FindingAbout = {}): Promise<string> {
  const id = `f-${randomBytes(6).toString('hex')}`;
  await askRepair(bench.db, { id, finding: `orphaned-release/${release}`, verb: 'adopt-release', about: { release, ...about }, reason: 'terminated by mistake', actor: { kind: 'token', name: 'op' } });
  await enqueue(bench.db, { kind: 'adopt', release, payload: { repair: id } });
  return id;
}

const settled = (id: string) => until('the repair', async () => {
  const repair = await getRepair(bench.db, id);
  return repair?.state === 'asked' ? null : repair;
}, 30_000);
const workflowOf = (release: string) => bench.client.workflow.getHandle(`release/${release}`);
const typesOf = async (release: string) => (await readReleaseEvents(bench.db, { release })).map(({ type }) => type);

describe('a release terminated by an admin', () => {
  test('between two batches goes on at the same place: no host is touched a second time', async () => {
    const id = await bench.release({ strategy: BAKING });
    const baking = await bench.until(id, ({ waiting }) => waiting?.for === 'bake', 'the bake');
    const bastion = baking.batches[0]?.targets[0]?.host ?? '';
    await workflowOf(id).terminate('by mistake');
    const repair = await settled(await adopt(id));
    expect(repair).toMatchObject({ state: 'applied' });
    expect((await bench.until(id, ({ waiting }) => waiting?.for === 'bake', 'the same bake')).waiting?.since).toBe(baking.waiting?.since);
    expect((await bench.send(id, 'promote')).state).toBe('applied');
    expect(await bench.ended(id)).toMatchObject({ status: 'succeeded', debt: [] });
    for (const [name, host] of bench.fleet.hosts) expect(host.starts, name).toEqual(['v2']);
    expect(bench.traffic.calls.filter((call) => call === `drain ${bastion}`)).toHaveLength(1);
    expect(await typesOf(id)).toContain('release-adopted');
  });

  test('in the queue keeps its place, and takes the pool when that is free', async () => {
    const first = await bench.release({ strategy: BAKING });
    await bench.until(first, ({ waiting }) => waiting?.for === 'bake');
    const queued = await bench.release({ version: 'v3' });
    await bench.until(queued, ({ waiting }) => waiting?.for === 'pool', 'the queue');
    await workflowOf(queued).terminate('by mistake');
    await settled(await adopt(queued));
    expect((await bench.view(queued)).waiting?.for).toBe('pool');
    await bench.send(first, 'promote');
    expect((await bench.ended(first)).status).toBe('succeeded');
    expect((await bench.ended(queued)).status).toBe('succeeded');
  });

  test('can be taken back by the command that follows its adoption', async () => {
    const id = await bench.release({ strategy: BAKING });
    await bench.until(id, ({ waiting }) => waiting?.for === 'bake');
    await workflowOf(id).terminate('by mistake');
    await adopt(id);
    expect((await bench.send(id, 'rollback')).state).toBe('applied');
    expect(await bench.ended(id)).toMatchObject({ status: 'rolled-back', rollback: { restored: 1 } });
    expect([...bench.fleet.hosts.values()].every(({ version }) => version === 'v1')).toBe(true);
    expect([...bench.traffic.servers.values()].every(({ inService }) => inService)).toBe(true);
  });

  test('while it is paused stays paused', async () => {
    const id = await bench.release({ strategy: BAKING });
    await bench.until(id, ({ waiting }) => waiting?.for === 'bake');
    await bench.send(id, 'pause');
    await bench.until(id, ({ paused }) => paused?.quiet === true, 'quiet');
    await workflowOf(id).terminate('by mistake');
    await settled(await adopt(id));
    expect((await bench.view(id)).paused).toMatchObject({ cause: 'operator', by: 'op' });
    expect((await bench.send(id, 'resume')).state).toBe('applied');
    expect((await bench.send(id, 'promote')).state).toBe('applied');
    expect((await bench.ended(id)).status).toBe('succeeded');
  });

  test('refuses the commands of the time in between, and says that it waits for adoption', async () => {
    const id = await bench.release({ strategy: BAKING });
    await bench.until(id, ({ waiting }) => waiting?.for === 'bake');
    await workflowOf(id).terminate('by mistake');
    const receipt = await bench.send(id, 'pause');
    expect(receipt).toMatchObject({ state: 'refused', refusal: { code: 'orphaned' } });
    expect(receipt.refusal?.message).toContain(`signalbox repair orphaned-release/${id}`);
    await settled(await adopt(id));
    expect((await bench.send(id, 'pause')).state).toBe('applied');
  });
});

describe('a batch that was cut off', () => {
  beforeEach(async () => {
    await bench.close();
    bench = await openBench(8, { health: [{ call: 'verify', nth: 3, fault: 'hang' }] });
  });

  test('runs what was begun once more under a new epoch, keeps what was finished, and counts every host once', async () => {
    const id = await bench.release();
    await bench.until(id, () => bench.health.calls.length >= 3, 'a verify that hangs');
    const before = await bench.view(id);
    await workflowOf(id).terminate('by mistake');
    await settled(await adopt(id));
    expect(await bench.ended(id)).toMatchObject({ status: 'succeeded', debt: [] });
    const cut = (await readReleaseEvents(bench.db, { release: id })).find(({ type }) => type === 'batch-cut-off');
    if (cut?.type !== 'batch-cut-off') throw new Error('nothing says where the batch stood');
    const { again, untouched, succeeded, failed } = cut.data;
    expect(again.length).toBeGreaterThan(0);
    expect(failed).toEqual([]);
    const batch = before.batches.find(({ status }) => status === 'rolling');
    expect(again.length + untouched.length + succeeded).toBe(batch?.targets.length);
    for (const [name, host] of bench.fleet.hosts) expect(host.starts.length, name).toBe(again.includes(name) ? host.starts.length : 1);
    expect([...bench.fleet.hosts.values()].every(({ version }) => version === 'v2')).toBe(true);
    expect([...bench.traffic.servers.values()].every(({ inService }) => inService)).toBe(true);
  });

  test('does not run a hook a second time that may not: the host is asked for it under its first opId', async () => {
    const hook = (at: HookPoint): HookSpec => ({ at, command: ['./hook'], idempotent: false, timeoutSeconds: 30, account: null });
    const hooks = [hook('after-drain'), hook('before-switch'), { ...hook('before-start'), idempotent: true }];
    const id = await bench.release({ hooks });
    await bench.until(id, () => bench.health.calls.length >= 3, 'a verify that hangs');
    await workflowOf(id).terminate('by mistake');
    await settled(await adopt(id));
    expect(await bench.ended(id)).toMatchObject({ status: 'succeeded', debt: [] });
    const cut = (await readReleaseEvents(bench.db, { release: id })).find(({ type }) => type === 'batch-cut-off');
    if (cut?.type !== 'batch-cut-off') throw new Error('nothing says where the batch stood');
    expect(cut.data.again.length).toBeGreaterThan(0);
    const opIds = (host: string) => new Set(bench.fleet.executor.inputs.flatMap(({ opId = '' }) => (opId.startsWith(`${id}/1/${host}/web/`) ? [opId.slice(`${id}/1/${host}/web/`.length)] : [])));
    for (const host of cut.data.again) {
      const all = [...opIds(host)];
      expect(all.filter((opId) => /^(?:after-drain|before-switch)/.test(opId)), host).toEqual(['after-drain.0/forward/0', 'before-switch.1/forward/0']);
      expect(all.filter((opId) => /^(?:before-start|switch)/.test(opId)).toSorted(), host).toEqual(['before-start.2/forward/0', 'before-start.2/forward/1', 'switch/forward/0', 'switch/forward/1']);
    }
  });

  test('is rolled back whole: also what was in work goes back', async () => {
    const id = await bench.release();
    await bench.until(id, () => bench.health.calls.length >= 3, 'a verify that hangs');
    await workflowOf(id).terminate('by mistake');
    await adopt(id);
    expect((await bench.send(id, 'rollback', { mode: 'emergency' })).state).toBe('applied');
    expect((await bench.ended(id)).status).toBe('rolled-back');
    expect([...bench.fleet.hosts.values()].every(({ version }) => version === 'v1')).toBe(true);
    expect([...bench.traffic.servers.values()].every(({ inService }) => inService)).toBe(true);
  });
});

test('a rollback that was cut off is adopted and comes to its end', async () => {
  await bench.close();
  bench = await openBench(4, { health: [{ call: 'verify', nth: 3, fault: 'hang' }] });
  const id = await bench.release({ strategy: { batches: { ...FAST.batches, advance: 'manual' } } });
  await bench.until(id, ({ waiting, batches }) => waiting?.for === 'promote' && batches[1]?.status === 'done', 'a person after batch 1');
  await bench.send(id, 'rollback');
  await bench.until(id, () => bench.health.calls.length >= 3, 'a verify of the way back that hangs');
  await workflowOf(id).terminate('by mistake');
  await settled(await adopt(id));
  expect(await bench.ended(id)).toMatchObject({ status: 'rolled-back' });
  expect([...bench.fleet.hosts.values()].every(({ version }) => version === 'v1')).toBe(true);
  expect([...bench.traffic.servers.values()].every(({ inService }) => inService)).toBe(true);
});

describe('an adoption', () => {
  test('of a release whose workflow runs is refused; one that ends it first replaces it, once', async () => {
    const id = await bench.release({ strategy: BAKING });
    await bench.until(id, ({ waiting }) => waiting?.for === 'bake');
    const first = (await workflowOf(id).describe()).runId;
    expect(await settled(await adopt(id))).toMatchObject({ state: 'refused', outcome: expect.stringContaining('runs again') });
    const repair = await adopt(id, { terminate: true });
    expect(await settled(repair)).toMatchObject({ state: 'applied' });
    const second = (await workflowOf(id).describe()).runId;
    expect(second).not.toBe(first);
    await enqueue(bench.db, { kind: 'adopt', release: id, payload: { repair } });
    await bench.send(id, 'pause');
    expect((await workflowOf(id).describe()).runId).toBe(second);
  });

  test('of a release that has ended is refused', async () => {
    const id = await bench.release();
    await bench.ended(id);
    expect(await settled(await adopt(id))).toMatchObject({ state: 'refused', outcome: expect.stringContaining('has ended') });
  });

  test('silences the lost workflow: a decision it had on its way is refused by the store', async () => {
    const id = await bench.release({ strategy: BAKING });
    await bench.until(id, ({ waiting }) => waiting?.for === 'bake');
    await workflowOf(id).terminate('by mistake');
    await settled(await adopt(id));
    const late = appendReleaseEvents(bench.db, { release: id, opId: 'd99', actor: SIGNALBOX, events: [{ type: 'bake-finished', data: { index: 0, cause: 'time', reason: null } }] });
    await expect(late).rejects.toMatchObject({ name: 'Adopted' });
    expect((await bench.view(id)).waiting?.for).toBe('bake');
  });

  test('applies no command a second time that was applied before', async () => {
    const id = await bench.release({ strategy: BAKING });
    await bench.until(id, ({ waiting }) => waiting?.for === 'bake');
    const command = { id: 'c-half-delivered', by: { kind: 'token', name: 'op' }, reason: 'test', type: 'pause' } as const;
    await bench.db.kysely.insertInto('commands').values({ id: command.id, release: id, command: JSON.stringify(command), state: 'accepted', at: new Date().toISOString() }).execute();
    // As a worker delivers it that dies before it hears the answer.
    await workflowOf(id).executeUpdate(commandUpdate, { args: [command], updateId: command.id });
    await bench.send(id, 'resume');
    await workflowOf(id).terminate('by mistake');
    await settled(await adopt(id));
    await enqueue(bench.db, { kind: 'command', release: id, payload: { commandId: command.id } });
    expect(await workflowOf(id).executeUpdate(commandUpdate, { args: [command], updateId: command.id })).toMatchObject({ events: [] });
    // Messages keep their order: with this one the second delivery is over, too.
    expect((await bench.send(id, 'promote')).state).toBe('applied');
    expect(await getReceipt(bench.db, command.id)).toMatchObject({ state: 'applied' });
    expect((await bench.view(id)).paused).toBeNull();
    expect((await typesOf(id)).filter((type) => type === 'paused')).toHaveLength(1);
  });
});

test('a store that was set back takes no decision of a workflow that has seen more, and the release goes on once it is adopted', async () => {
  const id = await bench.release({ strategy: BAKING });
  await bench.until(id, ({ waiting }) => waiting?.for === 'bake');
  const ahead = appendReleaseEvents(bench.db, { release: id, opId: 'd99', seen: 10_000, actor: SIGNALBOX, events: [{ type: 'bake-finished', data: { index: 0, cause: 'time', reason: null } }] });
  await expect(ahead).rejects.toMatchObject({ name: 'LogBehind' });
  const { epoch } = (await bench.db.kysely.selectFrom('releases').select('epoch').where('id', '=', id).executeTakeFirst()) ?? {};
  await settled(await adopt(id, { terminate: true, epochAbove: Number(epoch) + 50 }));
  const after = await bench.db.kysely.selectFrom('releases').select('epoch').where('id', '=', id).executeTakeFirst();
  expect(Number(after?.epoch)).toBeGreaterThan(Number(epoch) + 50);
  await bench.send(id, 'promote');
  expect((await bench.ended(id)).status).toBe('succeeded');
});
