import '../support/quiet-runtime.ts';
import { Client, type Connection } from '@temporalio/client';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { openDatabase } from '../../db/client.ts';
import { acceptCommand } from '../../db/commands.ts';
import { enqueue } from '../../db/outbox.ts';
import { startDispatcher, type Loop } from '../../worker/dispatcher.ts';
import { lineToTemporal } from '../../worker/temporal-client.ts';
import { ACTOR, ask, newId, openStore, type Store } from '../db/samples.ts';
import { devServer } from '../support/temporal.ts';
import { until } from '../support/until.ts';
import { startTemporalLine, type TemporalLine } from './temporal-line.ts';
import { signalsOf, workflowOf } from './told-workflow.ts';

const taskQueue = `test-${newId()}`;
let store: Store;
let line: TemporalLine;
/** over the line, as the dispatchers have it */
let wired: { readonly connection: Connection; readonly client: Client };
/** past the line, to look at what arrived */
let direct: { readonly connection: Connection; readonly client: Client };
const loops: Loop[] = [];
const releases: string[] = [];

beforeAll(async () => {
  const { address, namespace } = devServer();
  store = await openStore();
  line = await startTemporalLine(address);
  const clientAt = (where: string) => {
    const connection = lineToTemporal(where);
    return { connection, client: new Client({ connection, namespace }) };
  };
  wired = clientAt(line.address);
  direct = clientAt(address);
});
afterEach(async () => {
  await Promise.all(loops.splice(0).map((loop) => loop.stop()));
});
afterAll(async () => {
  await Promise.all(releases.map((release) => workflowOf(direct.client, release).terminate().catch(() => undefined)));
  await Promise.all([wired?.connection.close(), direct?.connection.close()]);
  await line?.cut();
  await store?.close();
});

function dispatch(db = store.db): Loop {
  const loop = startDispatcher({ db, client: wired.client, taskQueue, databaseUrl: store.serviceUrl, log: pino({ level: 'silent' }) });
  loops.push(loop);
  return loop;
}

/** A release that was asked for: its start is the first message of its own. */
async function asked(): Promise<string> {
  const release = await ask(store.db);
  releases.push(release);
  return release;
}

const SIGNALS = ['superseded r-1', 'poolGranted', 'superseded r-2', 'superseded r-3'];

async function askedWithSignals(): Promise<string> {
  const release = await asked();
  await enqueue(store.db, { kind: 'supersede', release, payload: { by: 'r-1' } });
  await enqueue(store.db, { kind: 'wake', release, payload: { pool: 'web-prod' } });
  for (const by of ['r-2', 'r-3']) await enqueue(store.db, { kind: 'supersede', release, payload: { by } });
  return release;
}

const LISTENERS = `select from pg_stat_activity where datname = current_database() and application_name = 'signalbox-listen'`;
const undelivered = () => store.db.kysely.selectFrom('outbox').selectAll().where('delivered_at', 'is', null).orderBy('id').execute();
const allDelivered = (timeoutMs?: number) => until('the delivery of everything', async () => (await undelivered()).length === 0, timeoutMs);

test('the messages of a release arrive in the order they were committed, its start first', async () => {
  dispatch();
  const release = await askedWithSignals();
  await allDelivered();
  expect(await signalsOf(direct.client, release)).toEqual(SIGNALS);
});

test('what was committed before the dispatcher began is delivered as well', async () => {
  const release = await askedWithSignals();
  dispatch();
  await allDelivered();
  expect(await signalsOf(direct.client, release)).toEqual(SIGNALS);
});

test('two dispatchers at once deliver every message once, and each release keeps its order', async () => {
  const other = openDatabase({ url: store.serviceUrl, applicationName: 'test-other' });
  try {
    const own = [dispatch(), dispatch(other)];
    const made = await Promise.all(Array.from({ length: 12 }, askedWithSignals));
    await allDelivered();
    for (const release of made) expect(await signalsOf(direct.client, release)).toEqual(SIGNALS);
    await Promise.all(own.map((loop) => loop.stop()));
  } finally {
    await other.close();
  }
});

test('while Temporal is away nothing is lost: the cause is kept, nothing overtakes a start, and all arrives in order once it is back', async () => {
  dispatch();
  await line.cut();
  const made = await Promise.all([1, 2, 3].map(askedWithSignals));
  const starts = await until('each start has failed', async () => {
    const rows = (await undelivered()).filter(({ kind }) => kind === 'start');
    return rows.every(({ error }) => error !== null) && rows;
  }, 30_000);
  expect(starts.map(({ release }) => release).toSorted()).toEqual(made.toSorted());
  expect((await undelivered()).filter(({ kind, attempts }) => kind !== 'start' && attempts > 0)).toEqual([]);
  await line.mend();
  await allDelivered(40_000);
  for (const release of made) expect(await signalsOf(direct.client, release)).toEqual(SIGNALS);
});

test('a command that nobody answers holds up no other release', async () => {
  dispatch();
  const silent = await asked();
  await allDelivered();
  await acceptCommand(store.db, { command: { id: 'c-unanswered', by: ACTOR, reason: 'no worker runs this release', type: 'pause' }, release: silent });
  const attemptsOf = async (release: string) => (await undelivered()).filter((message) => message.release === release).map(({ attempts }) => attempts);
  await until('the command is on its way', async () => (await attemptsOf(silent))[0] === 1);
  const other = await asked();
  await until('the start of the other release is delivered', async () => (await attemptsOf(other)).length === 0);
  expect(await attemptsOf(silent)).toEqual([1]);
  await workflowOf(direct.client, silent).terminate();
  await allDelivered(20_000);
});

test('a line that was cut for long is taken up again within seconds', async () => {
  const cut = await startTemporalLine(devServer().address);
  const connection = lineToTemporal(cut.address);
  try {
    await cut.cut();
    const asks = () => connection.withDeadline(Date.now() + 500, () => connection.workflowService.getSystemInfo({})).then(() => true, () => false);
    const cutAt = performance.now();
    await until('nine seconds without an answer', async () => !(await asks()) && performance.now() - cutAt > 9_000, 15_000);
    await cut.mend();
    await until('an answer', asks, 2_500);
  } finally {
    await connection.close();
    await cut.cut();
  }
});

test('a start whose delivery was forgotten is delivered again and stays one workflow', async () => {
  dispatch();
  const release = await asked();
  await allDelivered();
  const { runId } = await workflowOf(direct.client, release).describe();
  await store.db.kysely.updateTable('outbox').set({ delivered_at: null, attempts: 0 }).where('release', '=', release).execute();
  await allDelivered();
  const { rows } = await store.db.pool.query('select attempts from outbox where release = $1', [release]);
  expect(rows).toEqual([{ attempts: 1 }]);
  expect(await workflowOf(direct.client, release).describe()).toMatchObject({ runId, status: { name: 'RUNNING' } });
});

test('a message whose notification was lost is found all the same', async () => {
  dispatch();
  const release = await asked();
  await allDelivered();
  await store.db.pool.query(`insert into outbox (kind, release, payload) values ('supersede', $1, '{"by":"r-quiet"}')`, [release]);
  await allDelivered(5_000);
  expect(await signalsOf(direct.client, release)).toEqual(['superseded r-quiet']);
});

test('a dispatcher that was stopped listens and delivers no more; the next one takes over what waits', async () => {
  const first = dispatch();
  const before = await asked();
  await allDelivered();
  await first.stop();
  await until('silence', async () => (await store.db.pool.query(LISTENERS)).rowCount === 0);
  const after = await askedWithSignals();
  await expect(workflowOf(direct.client, after).describe()).rejects.toThrow();
  dispatch();
  await allDelivered();
  expect(await signalsOf(direct.client, after)).toEqual(SIGNALS);
  expect(await signalsOf(direct.client, before)).toEqual([]);
});
