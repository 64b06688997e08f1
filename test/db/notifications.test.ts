import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import pg from 'pg';
import { appendReleaseEvents, appendTargetEvent } from '../../db/events.ts';
import { listen, listenOutbox, type Listener } from '../../db/notifications.ts';
import { acceptCommand, settleCommand } from '../../db/commands.ts';
import { createReleaseRequest } from '../../db/requests.ts';
import { ACTOR, endAll, HOSTS, inventoryOf, journey, newId, openStore, opIdOf, requestOf, running, type Store } from './samples.ts';

let store: Store;
const listeners: Listener[] = [];
beforeAll(async () => { store = await openStore(); });
afterEach(async () => {
  for (const listener of listeners.splice(0)) await listener.close();
  await endAll(store.db);
});
afterAll(() => store?.close());

async function until(what: string, isSo: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!isSo()) {
    if (Date.now() > deadline) throw new Error(`It never came to pass that ${what}.`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function hearing(): Promise<{ readonly heard: string[]; readonly gaps: () => number }> {
  const heard: string[] = [];
  let gaps = 0;
  listeners.push(listen(store.serviceUrl, (id) => heard.push(id), () => { gaps += 1; }));
  await until('listening began', () => gaps > 0);
  return { heard, gaps: () => gaps };
}

const note = (release: string, opId: string) => appendReleaseEvents(store.db, { release, opId, actor: ACTOR, events: [{ type: 'resumed', data: { reason: 'a secret reason' } }] });

test('everything that is notified is the id of a release and nothing else', async () => {
  const payloads: string[] = [];
  const client = new pg.Client({ connectionString: store.ownerUrl });
  await client.connect();
  try {
    client.on('notification', (message) => payloads.push(`${message.channel} ${message.payload}`));
    await client.query('listen signalbox_release; listen signalbox_outbox');
    const { release } = await running(store.db);
    await note(release, 'x');
    await acceptCommand(store.db, { release, command: { id: 'c-heard', by: ACTOR, reason: 'a secret reason', type: 'pause' } });
    await settleCommand(store.db, { id: 'c-heard', state: 'applied' });
    await until('all was heard', () => payloads.length >= 6);
    expect(new Set(payloads)).toEqual(new Set([`signalbox_release ${release}`, `signalbox_outbox ${release}`]));
  } finally {
    await client.end();
  }
});

test('listeners hear of a release once its events are there to be read', async () => {
  const { release } = await running(store.db);
  const { heard } = await hearing();
  await note(release, 'y');
  await until('the release was heard of', () => heard.includes(release));
});

test('of many steps at once listeners hear now and then, and once the last of them is there to be read', async () => {
  const { release, epoch } = await running(store.db);
  const { heard } = await hearing();
  const events = HOSTS.flatMap((host) => journey(host, epoch));
  for (const event of events) await appendTargetEvent(store.db, { release, opId: opIdOf(event), actor: ACTOR, event });
  const atLast = heard.length;
  await until('the release was heard of after its last step', () => heard.length > atLast);
  expect(heard.filter((one) => one === release).length).toBeLessThan(events.length / 2);
});

test('what is undone is never heard of', async () => {
  const { heard } = await hearing();
  const undone = newId();
  await store.db.kysely.transaction().execute(async (kysely) => {
    await createReleaseRequest({ kysely }, { id: undone, request: requestOf(undone), inventory: inventoryOf('web-prod', HOSTS), actor: ACTOR });
    throw new Error('undone');
  }).catch(() => {});
  const { release } = await running(store.db);
  await until('the other was heard of', () => heard.includes(release));
  expect(heard).not.toContain(undone);
});

test('a listener whose connection is cut listens again and tells that it may have missed something', async () => {
  const { heard, gaps } = await hearing();
  await store.owner.pool.query(`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'signalbox-listen'`);
  await until('it listened again', () => gaps() === 2);
  const { release } = await running(store.db);
  await until('the release was heard of', () => heard.includes(release));
});

test('a dispatcher is woken by new work', async () => {
  let woken = 0;
  listeners.push(listenOutbox(store.serviceUrl, () => { woken += 1; }));
  await until('listening began', () => woken === 1);
  const id = newId();
  await createReleaseRequest(store.db, { id, request: requestOf(id), inventory: inventoryOf('web-prod', HOSTS), actor: ACTOR });
  await until('it was woken', () => woken === 2);
});
