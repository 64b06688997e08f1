import '../support/quiet-runtime.ts';
import { randomBytes } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { acceptCommand, getReceipt, settleCommand } from '../../db/commands.ts';
import { readReleaseEvents } from '../../db/events.ts';
import { CLAIM_SECONDS, type ClaimedMessage, type OutboxKind } from '../../db/outbox.ts';
import { deliver } from '../../worker/deliver.ts';
import { ACTOR, ask, newId, openStore, type Store } from '../db/samples.ts';
import { openBench, type Bench } from '../support/release-bench.ts';
import { devServer } from '../support/temporal.ts';
import { until } from '../support/until.ts';
import { signalsOf, workflowOf } from './told-workflow.ts';
import type { DispatcherDeps } from '../../worker/dispatcher.ts';
import type { Command } from '../../domain/release/commands.ts';

const log = pino({ level: 'silent' });

function message(kind: OutboxKind, release: string, payload: ClaimedMessage['payload'] = {}): ClaimedMessage {
  return { id: 0, kind, release, payload, attempts: 1 };
}

const newCommand = (type: 'pause' | 'resume' = 'pause'): Command => ({ id: `c-${randomBytes(6).toString('hex')}`, by: ACTOR, reason: 'test', type });

describe('to Temporal, while no worker is there', () => {
  let store: Store;
  let connection: Connection;
  let deps: DispatcherDeps;
  const started: string[] = [];

  beforeAll(async () => {
    const { address, namespace } = devServer();
    store = await openStore();
    connection = await Connection.connect({ address });
    deps = { db: store.db, client: new Client({ connection, namespace }), taskQueue: `test-${newId()}`, databaseUrl: store.serviceUrl, log };
  });
  afterAll(async () => {
    await Promise.all(started.map((release) => workflowOf(deps.client, release).terminate().catch(() => undefined)));
    await connection?.close();
    await store?.close();
  });

  /** A release whose workflow was started, for nobody to run. */
  async function startedRelease(): Promise<string> {
    const release = await ask(store.db);
    started.push(release);
    await deliver(deps, message('start', release));
    return release;
  }

  async function accepted(release: string): Promise<Command> {
    const command = newCommand();
    await acceptCommand(store.db, { command, release });
    return command;
  }

  const send = (release: string, { id }: Command): Promise<void> => deliver(deps, message('command', release, { commandId: id }));

  test('a start begins the workflow of the release under its own id, and Temporal\'s lists show what it does', async () => {
    const release = await startedRelease();
    const told = await workflowOf(deps.client, release).describe();
    expect(told).toMatchObject({ workflowId: `release/${release}`, type: 'release', taskQueue: deps.taskQueue, status: { name: 'RUNNING' } });
    expect(await told.staticSummary()).toBe('web 2 → web-prod');
  });

  test('a second start is the first one, while that runs and after it ended', async () => {
    const release = await startedRelease();
    const { runId } = await workflowOf(deps.client, release).describe();
    await deliver(deps, message('start', release));
    expect(await workflowOf(deps.client, release).describe()).toMatchObject({ runId, status: { name: 'RUNNING' } });
    await workflowOf(deps.client, release).terminate();
    await deliver(deps, message('start', release));
    expect(await workflowOf(deps.client, release).describe()).toMatchObject({ runId, status: { name: 'TERMINATED' } });
  });

  test('a wake and a supersede reach the workflow as signals', async () => {
    const release = await startedRelease();
    await deliver(deps, message('wake', release, { pool: 'web-prod' }));
    await deliver(deps, message('supersede', release, { by: 'r-newer' }));
    expect(await signalsOf(deps.client, release)).toEqual(['poolGranted', 'superseded r-newer']);
  });

  test.each([['wake', {}], ['supersede', { by: 'r-newer' }]] as const)('a %s for a release that ended, or that Temporal never saw, needs no further delivery', async (kind, payload) => {
    const release = await startedRelease();
    await workflowOf(deps.client, release).terminate();
    await deliver(deps, message(kind, release, payload));
    expect(await signalsOf(deps.client, release)).toEqual([]);
    await deliver(deps, message(kind, newId(), payload));
  });

  test('a command for a release that runs by the log, but whose workflow was terminated, is refused with what to do about it', async () => {
    const release = await startedRelease();
    const command = await accepted(release);
    await workflowOf(deps.client, release).terminate();
    await send(release, command);
    expect(await getReceipt(store.db, command.id)).toMatchObject({ state: 'refused', refusal: { code: 'orphaned', allowed: [], message: expect.stringContaining(`signalbox repair orphaned-release/${release}`) }, settledAt: expect.any(String) });
  });

  test('a command for a workflow that Temporal does not know is refused the same', async () => {
    const release = await ask(store.db);
    const command = await accepted(release);
    await send(release, command);
    expect(await getReceipt(store.db, command.id)).toMatchObject({ state: 'refused', refusal: { code: 'orphaned' } });
  });

  test('a command that is settled or unknown is not sent again', async () => {
    const release = await startedRelease();
    const command = await accepted(release);
    const settled = await settleCommand(store.db, { id: command.id, state: 'applied' });
    // Nobody would answer it: had it been sent, this would last as long as a delivery may.
    await send(release, command);
    await deliver(deps, message('command', release, { commandId: 'c-nobody-sent' }));
    expect(await getReceipt(store.db, command.id)).toEqual(settled);
  });

  test('a command that nobody answers is given up before its claim runs out, and stays accepted for the next delivery', async () => {
    const release = await startedRelease();
    const command = await accepted(release);
    const beganMs = performance.now();
    await expect(send(release, command)).rejects.toThrow();
    expect((performance.now() - beganMs) / 1000).toBeLessThan(CLAIM_SECONDS / 2);
    expect(await getReceipt(store.db, command.id)).toMatchObject({ state: 'accepted' });
  });
});

describe('to a running release', () => {
  let bench: Bench;
  let deps: DispatcherDeps;

  beforeAll(async () => {
    bench = await openBench(4);
    deps = { db: bench.db, client: bench.client, taskQueue: bench.taskQueue, databaseUrl: bench.database.serviceUrl, log };
  });
  afterAll(() => bench?.close());

  /** As if the worker that delivered it had died before it could write down the answer. */
  async function forgotten(id: string): Promise<void> {
    await bench.db.kysely.updateTable('commands').set({ state: 'accepted', settled_at: null, refusal: null, settled_reason: null }).where('id', '=', id).execute();
    expect(await getReceipt(bench.db, id)).toMatchObject({ state: 'accepted' });
  }

  test('a command delivered again is applied once, also when another one came between', async () => {
    const id = await bench.release({ strategy: { bastion: { count: 1, bakeSeconds: 60, promote: 'auto' } } });
    await bench.until(id, ({ waiting }) => waiting?.for === 'bake', 'the bake');
    const pause = await bench.send(id, 'pause');
    expect(pause).toMatchObject({ state: 'applied' });
    expect(await bench.send(id, 'resume')).toMatchObject({ state: 'applied' });
    await forgotten(pause.id);
    const before = await bench.view(id);
    await deliver(deps, message('command', id, { commandId: pause.id }));
    expect(await getReceipt(bench.db, pause.id)).toMatchObject({ state: 'applied' });
    expect(await bench.view(id)).toMatchObject({ version: before.version, paused: null });
    expect((await readReleaseEvents(bench.db, { release: id })).filter(({ type }) => type === 'paused')).toHaveLength(1);
    await bench.send(id, 'promote');
    await bench.ended(id);
  });

  test('a refusal by the workflow is the receipt\'s, with its code and what is allowed instead', async () => {
    const id = await bench.release({ version: 'v3', strategy: { bastion: { count: 1, bakeSeconds: 60, promote: 'auto' } } });
    await bench.until(id, ({ waiting }) => waiting?.for === 'bake', 'the bake');
    const { version, allowedCommands } = await bench.view(id);
    const receipt = await bench.send(id, 'resume');
    expect(receipt).toMatchObject({ state: 'refused', refusal: { code: 'not-paused', message: expect.any(String) } });
    expect(receipt.refusal?.allowed).toEqual(allowedCommands);
    expect((await bench.view(id)).version).toBe(version);
    await bench.send(id, 'promote');
    await bench.ended(id);
  });

  test('a command that comes after its end is refused as finished and changes nothing of its record', async () => {
    const id = await bench.release();
    const { version } = await bench.ended(id);
    await until('its end in Temporal', async () => (await workflowOf(bench.client, id).describe()).status.name === 'COMPLETED');
    expect(await bench.send(id, 'pause')).toMatchObject({ state: 'refused', refusal: { code: 'finished', allowed: [] } });
    expect((await bench.view(id)).version).toBe(version);
  });
});
