/** Rounds of the watchdog over a real Temporal and a real Postgres: what is found, what is cleared, what is repaired unasked. */
import '../support/quiet-runtime.ts';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { inTransaction, openDatabase, type Database } from '../../db/client.ts';
import { getFinding, listFindings } from '../../db/findings.ts';
import { repairFinding } from '../../db/finding-repairs.ts';
import { givePulse } from '../../db/outages.ts';
import { claimOutbox } from '../../db/outbox.ts';
import { getRepair, listOwnRepairs } from '../../db/repairs.ts';
import { sayNamespace } from '../../db/watchdog-facts.ts';
import { readReleaseEvents } from '../../db/events.ts';
import { acceptCommand, getReceipt } from '../../db/commands.ts';
import { releaseWorkflowId } from '../../workflows/messages.ts';
import { startWatchdog } from '../../watchdog/loop.ts';
import { openEyes, type TemporalEyes } from '../../watchdog/temporal-eyes.ts';
import { round, type Turns } from '../../watchdog/round.ts';
import { ACTOR, ask, end, endAll, newId, open, openStore, running, type Store } from '../db/samples.ts';
import { openBench, type Bench } from '../support/release-bench.ts';
import { devServer } from '../support/temporal.ts';
import { until } from '../support/until.ts';

const BAKING = { bastion: { count: 1, bakeSeconds: 600, promote: 'auto' } } as const;
const signal = new AbortController().signal;
let repairs = 0;

/** What `signalbox repair` does, short of the HTTP around it. */
async function repair(db: Database, findingId: string): Promise<string> {
  const finding = await getFinding(db, findingId);
  if (finding?.verb == null) throw new Error(`nothing repairs ${findingId}`);
  const { verb, about } = finding;
  const id = `f-watchdog${repairs++}`;
  await inTransaction(db, (tx) => repairFinding(tx, { id, finding: findingId, verb, about, reason: 'test', actor: ACTOR }));
  return id;
}

describe('while nobody delivers anything', () => {
  let store: Store;
  let eyes: TemporalEyes;
  let client: Client;
  let connection: Connection;
  const turns: Turns = { release: null, head: null };
  const look = (): Promise<void> => round({ db: store.db, eyes }, turns, signal);
  const found = async (kind: string) => (await listFindings(store.db)).filter((finding) => finding.kind === kind);

  beforeAll(async () => {
    const { address, namespace } = devServer();
    store = await openStore();
    connection = await Connection.connect({ address });
    client = new Client({ connection, namespace });
    eyes = openEyes({ temporalAddress: address, namespace, taskQueue: 'watchdog' });
  });
  beforeEach(async () => {
    await givePulse(store.db);
  });
  afterEach(async () => {
    await endAll(store.db);
    await store.db.kysely.deleteFrom('outbox').execute();
  });
  afterAll(async () => {
    await eyes?.close();
    await connection?.close();
    await store?.close();
  });

  test('a release that was asked for and whose start got lost is started again, once, and that is an event', async () => {
    const { db } = store;
    const release = await ask(db);
    await look();
    expect(await listOwnRepairs(db, { subject: release, limit: 10 })).toEqual([]);
    await db.kysely.deleteFrom('outbox').where('release', '=', release).execute();
    await look();
    await look();
    expect(await listOwnRepairs(db, { subject: release, limit: 10 })).toMatchObject([{ what: 'dispatched-again', sentence: expect.stringContaining(release) }]);
    expect(await claimOutbox(db, { limit: 50 })).toMatchObject([{ kind: 'start', release }]);
    expect(await found('orphaned-release')).toEqual([]);
  });

  test('a release that is open in the log and unknown to Temporal is orphaned; it is no finding any more when it has ended', async () => {
    const { db } = store;
    const { release } = await running(db);
    await db.kysely.deleteFrom('outbox').execute();
    await look();
    expect(await found('orphaned-release')).toMatchObject([{ id: `orphaned-release/${release}`, subject: release, sentence: expect.stringContaining('preparing'), repair: `signalbox repair orphaned-release/${release} --reason ...` }]);
    expect(await listOwnRepairs(db, { subject: release, limit: 10 })).toEqual([]);
    await end(db, release);
    await look();
    expect(await found('orphaned-release')).toEqual([]);
  });

  test('a watchdog that looks into another namespace than workers work in concludes nothing', async () => {
    const { db } = store;
    await running(db);
    await db.kysely.deleteFrom('outbox').execute();
    await sayNamespace(db, 'elsewhere');
    await look();
    expect(await found('orphaned-release')).toEqual([]);
    await sayNamespace(db, devServer().namespace);
    await look();
    expect(await found('orphaned-release')).toHaveLength(1);
  });

  test('while Temporal does not answer nothing is concluded, and what was found stays', async () => {
    const { db } = store;
    const { release } = await running(db);
    await db.kysely.deleteFrom('outbox').execute();
    await look();
    const away = openEyes({ temporalAddress: '127.0.0.1:1', namespace: 'default', taskQueue: 'watchdog' });
    await round({ db, eyes: away }, { release: null, head: null }, signal);
    await away.close();
    expect(await found('orphaned-release')).toMatchObject([{ subject: release }]);
  });

  test('what a release still owns after its end is freed at once, whoever waits is named, and that is an event', async () => {
    const { db } = store;
    const { release } = await running(db);
    const waiting = await open(db);
    await end(db, release);
    await db.kysely.updateTable('pool_locks').set({ holder: release }).execute();
    await db.kysely.updateTable('host_locks').set({ release }).execute();
    await sql`insert into pool_queue (release, pool, hosts, priority) values (${waiting}, 'web-prod', '{web-01}', 1) on conflict do nothing`.execute(db.kysely);
    await db.kysely.deleteFrom('outbox').execute();
    await look();
    expect(await listOwnRepairs(db, { subject: release, limit: 10 })).toMatchObject([{ what: 'lock-freed' }]);
    expect(await db.kysely.selectFrom('pool_locks').select('holder').execute()).toEqual([{ holder: waiting }]);
    expect((await claimOutbox(db, { limit: 50 })).map(({ kind, release: of }) => [kind, of])).toContainEqual(['wake', waiting]);
  });

  test('what a release owns that nobody knows is a finding; its repair frees it, and then it is none', async () => {
    const { db } = store;
    const unknown = newId();
    await sql`insert into pool_locks (pool, holder) values ('lost', ${unknown})`.execute(db.kysely);
    await look();
    const id = `orphaned-lock/${unknown}`;
    expect(await found('orphaned-lock')).toMatchObject([{ id, verb: 'free-lock', sentence: expect.stringContaining('lost') }]);
    expect(await getRepair(db, await repair(db, id))).toMatchObject({ state: 'applied' });
    await look();
    expect(await found('orphaned-lock')).toEqual([]);
    const events = await sql<{ type: string }>`select type from events where stream = ${`finding/${id}`} order by version`.execute(db.kysely);
    expect(events.rows.map(({ type }) => type)).toEqual(['finding-opened', 'finding-cleared']);
  });

  test('workers that give no pulse are a finding, until they do', async () => {
    const { db } = store;
    await sql`update service_pulse set at = now() - interval '25 seconds'`.execute(db.kysely);
    await look();
    expect(await found('no-workers')).toMatchObject([{ id: 'no-workers', repair: 'signalbox worker' }]);
    await givePulse(db);
    await look();
    expect(await found('no-workers')).toEqual([]);
  });

  test('a workflow whose code fails again and again is stuck, and says with what', async () => {
    const { db } = store;
    const release = await ask(db);
    await db.kysely.deleteFrom('outbox').execute();
    const { address, namespace } = devServer();
    const taskQueue = `poison-${newId()}`;
    const native = await NativeConnection.connect({ address });
    const worker = await Worker.create({ connection: native, namespace, taskQueue, workflowsPath: fileURLToPath(new URL('poison-workflow.ts', import.meta.url)) });
    const run = worker.run();
    const handle = await client.workflow.start('release', { workflowId: releaseWorkflowId(release), taskQueue, args: [{ release }] });
    try {
      await until('the finding', async () => {
        await look();
        return (await found('stuck-release')).length > 0;
      }, 40_000);
      expect(await found('stuck-release')).toMatchObject([{ subject: release, sentence: expect.stringContaining('kaputt at line 1'), about: { terminate: true } }]);
    } finally {
      await handle.terminate();
      worker.shutdown();
      await run;
      await native.close();
    }
    await look();
    expect(await found('stuck-release')).toEqual([]);
  });

  test('two watchdogs share one turn: together they look no more often than one', async () => {
    const { db } = store;
    let looks = 0;
    const counting: TemporalEyes = { ...eyes, answers: async () => (looks++, false) };
    const log = { warn: () => undefined };
    const startedMs = performance.now();
    const both = ['one', 'other'].map((by) => startWatchdog({ db, eyes: counting, by, log, everyMs: 300 }));
    await until('several rounds', () => looks >= 6, 20_000);
    await Promise.all(both.map((watchdog) => watchdog.stop()));
    // A turn counts from the moment it was asked for, so one may seem to come early; two that look on their own look twice as often.
    expect(looks).toBeLessThanOrEqual(2 + (performance.now() - startedMs) / 300);
  });
});

describe('beside running releases', () => {
  let bench: Bench;
  let eyes: TemporalEyes;
  const turns: Turns = { release: null, head: null };
  const look = (): Promise<void> => round({ db: bench.db, eyes }, turns, signal);
  const ids = async () => (await listFindings(bench.db)).map(({ id }) => id);

  beforeEach(async () => {
    const { address, namespace } = devServer();
    bench = await openBench(4);
    eyes = openEyes({ temporalAddress: address, namespace, taskQueue: bench.taskQueue });
    await givePulse(bench.db);
  });
  afterEach(async () => {
    await eyes.close();
    await bench.close();
  });

  test('one that was terminated is found, its repair brings it back, and it ends well with its pool free', async () => {
    const id = await bench.release({ strategy: BAKING });
    await bench.until(id, ({ waiting }) => waiting?.for === 'bake');
    await look();
    expect(await ids()).toEqual([]);
    await bench.client.workflow.getHandle(releaseWorkflowId(id)).terminate('by mistake');
    await look();
    expect(await ids()).toEqual([`orphaned-release/${id}`]);
    const asked = await repair(bench.db, `orphaned-release/${id}`);
    await until('the adoption', async () => (await getRepair(bench.db, asked))?.state === 'applied', 30_000);
    await look();
    expect(await ids()).toEqual([]);
    await bench.send(id, 'promote');
    expect((await bench.ended(id)).status).toBe('succeeded');
    expect(await bench.db.kysely.selectFrom('pool_locks').select('holder').where('holder', 'is not', null).execute()).toEqual([]);
  });

  test('one whose log was set back stores nothing more, is found, and goes on from the log once it is adopted, before what waited for it', async () => {
    const owner = openDatabase({ url: bench.database.ownerUrl, applicationName: 'restore' });
    const id = await bench.release({ strategy: BAKING });
    await bench.until(id, ({ waiting }) => waiting?.for === 'bake');
    const restore = await photograph(owner, id);
    await bench.send(id, 'pause');
    await bench.until(id, ({ paused }) => paused?.quiet === true, 'quiet');
    await restore();
    await owner.close();
    expect((await bench.view(id)).paused).toBeNull();
    await look();
    expect(await listFindings(bench.db)).toMatchObject([{ id: `log-behind/${id}`, verb: 'adopt-release', about: { terminate: true, epochAbove: expect.any(Number) } }]);
    const before = (await readReleaseEvents(bench.db, { release: id })).length;
    await acceptCommand(bench.db, { release: id, command: { id: 'c-waits0000', by: ACTOR, reason: 'test', type: 'resume' } });
    const asked = await repair(bench.db, `log-behind/${id}`);
    await until('the adoption', async () => (await getRepair(bench.db, asked))?.state === 'applied', 40_000);
    const events = await readReleaseEvents(bench.db, { release: id });
    expect(events[before]).toMatchObject({ type: 'release-adopted', version: before + 1 });
    await until('the command that waited', async () => (await getReceipt(bench.db, 'c-waits0000'))?.state === 'refused', 40_000);
    await look();
    expect(await ids()).toEqual([]);
    await bench.send(id, 'promote');
    expect((await bench.ended(id)).status).toBe('succeeded');
  });
});

/** Keeps what the database holds of a release; answers the way back to exactly that, as a restored backup would be. */
async function photograph(owner: Database, release: string): Promise<() => Promise<void>> {
  const stream = `release/${release}`;
  const row = await owner.kysely.selectFrom('releases').selectAll().where('id', '=', release).executeTakeFirstOrThrow();
  const head = await owner.kysely.selectFrom('streams').selectAll().where('stream', '=', stream).executeTakeFirstOrThrow();
  return async () => {
    await owner.kysely.transaction().execute(async (tx) => {
      await sql`alter table events disable trigger user`.execute(tx);
      await tx.deleteFrom('events').where('stream', '=', stream).where('version', '>', head.version).execute();
      await tx.updateTable('streams').set({ version: head.version, hash: head.hash, transaction: head.transaction }).where('stream', '=', stream).execute();
      await tx.updateTable('releases').set({ status: row.status, paused: row.paused, core: JSON.stringify(row.core), core_version: row.core_version }).where('id', '=', release).execute();
      await sql`alter table events enable trigger user`.execute(tx);
    });
  };
}
