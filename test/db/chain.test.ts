import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import { canonicalJson } from '../../domain/canonical-json.ts';
import { appendTargetEvent, verifyChain } from '../../db/events.ts';
import { putInventory } from '../../db/inventory.ts';
import { linkHash, Links, type ChainRow } from '../../db/verify-chain.ts';
import { SIGNALBOX } from '../../domain/vocabulary.ts';
import { ACTOR, hostSpec, journey, openStore, opIdOf, running, type Store } from './samples.ts';

let store: Store;
const releases: string[] = [];

beforeAll(async () => {
  store = await openStore();
  for (let pool = 0; pool < 4; pool += 1) {
    const hosts = Array.from({ length: 22 }, (_, index) => `p${pool}-h${index}`);
    const { release, epoch } = await running(store.db, { pool: `p${pool}`, hosts });
    releases.push(release);
    await Promise.all(hosts.map(async (host) => {
      for (const event of journey(host, epoch)) await appendTargetEvent(store.db, { release, opId: opIdOf(event), actor: SIGNALBOX, event });
    }));
  }
  await putInventory(store.db, { kind: 'host', name: 'web-01', spec: hostSpec('web-01'), expectedVersion: null, actor: ACTOR });
});
afterAll(() => store?.close());

async function rowsOf(stream: string): Promise<readonly ChainRow[]> {
  const { rows } = await sql<ChainRow>`
    select position, stream, version, id, type, schema, data::text as data, actor::text as actor, at, hash from events where stream = ${stream} order by version`.execute(store.owner.kysely);
  return rows;
}

/** A small generator of its own, so that a failing run can be repeated. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const TEXTS = ['stream', 'id', 'type', 'data', 'actor', 'at'] as const;

/** One byte of one column, another one than it was. */
function corrupted(row: ChainRow, random: (below: number) => number): ChainRow {
  const column = random(TEXTS.length + 3);
  if (column === TEXTS.length) return { ...row, hash: flipped(row.hash, random) };
  if (column === TEXTS.length + 1) return { ...row, schema: row.schema ^ 2 };
  if (column === TEXTS.length + 2) return { ...row, position: row.position + 1_000_000 };
  const name = TEXTS[column] ?? 'data';
  return { ...row, [name]: flipped(Buffer.from(row[name], 'utf8'), random).toString('utf8') };
}

function flipped(bytes: Buffer, random: (below: number) => number): Buffer {
  const changed = Buffer.from(bytes);
  const place = random(changed.length);
  changed[place] = (changed[place] ?? 0) ^ 1;
  return changed;
}

test('the untouched log of all streams is whole', async () => {
  const report = await verifyChain(store.owner);
  expect(report.broken).toEqual([]);
  expect(report.checked).toBeGreaterThan(1_000);
});

test('the hash is SHA-256 over the previous hash and the canonical JSON of the whole event', async () => {
  const rows = await rowsOf(`release/${releases[0]}`);
  let previous = Buffer.alloc(32);
  for (const { hash, data, actor, ...row } of rows.slice(0, 20)) {
    const text = canonicalJson({ ...row, data: JSON.parse(data), actor: JSON.parse(actor) });
    previous = createHash('sha256').update(previous).update(text).digest();
    expect(hash).toEqual(previous);
  }
});

test('one changed byte in any of 1,000 random rows is found, at that very row', async () => {
  const random = randomFrom(20_261_121);
  const streams = await Promise.all(releases.map((release) => rowsOf(`release/${release}`)));
  const all = streams.flat();
  let found = 0;
  for (let sample = 0; sample < 1_000; sample += 1) {
    const row = all[random(all.length)];
    if (!row) continue;
    const previous = all.find((one) => one.stream === row.stream && one.version === row.version - 1)?.hash ?? Buffer.alloc(32);
    const changed = corrupted(row, random);
    if (!linkHash(previous, changed).equals(changed.hash)) found += 1;
    else console.error(`not found: version ${row.version} of ${row.stream}`);
  }
  expect(found).toBe(1_000);
});

test('of a changed row the walk names its version and goes on to the end', async () => {
  const rows = await rowsOf(`release/${releases[1]}`);
  const links = new Links(`release/${releases[1]}`);
  for (const row of rows) links.add(row.version === 7 ? { ...row, data: `${row.data} ` } : row);
  const report = links.close({ version: rows.length, hash: rows.at(-1)?.hash ?? null });
  expect(report.checked).toBe(rows.length);
  expect(report.broken.map((one) => one.version)).toEqual([7]);
});

describe('a superuser who changes the tables is found', () => {
  const stream = () => `release/${releases[2]}`;

  /** Changes, looks, and undoes the change. */
  async function reportAfter(statement: string): Promise<readonly string[]> {
    const client = await store.owner.pool.connect();
    try {
      await client.query('create table if not exists kept_events as select * from events');
      await client.query('create table if not exists kept_streams as select * from streams');
      await client.query(statement.replaceAll('STREAM', stream()));
      const report = await verifyChain(store.owner, stream());
      return report.broken.map((one) => one.why);
    } finally {
      await client.query('truncate events, streams; insert into events select * from kept_events; insert into streams select * from kept_streams');
      client.release();
    }
  }

  test.each([
    ["update events set type = 'paused' where stream = 'STREAM' and version = 9", /^Version 9 .* does not fit/],
    ["update events set data = (data::text || ' ')::json where stream = 'STREAM' and version = 9", /^Version 9 .* does not fit/],
    ["update events set at = replace(at, 'Z', '+') where stream = 'STREAM' and version = 9", /^Version 9 .* does not fit/],
    ["update events set hash = sha256(hash) where stream = 'STREAM' and version = 9", /^Version 9 .* does not fit/],
    ["delete from events where stream = 'STREAM' and version = 9", /^Version 10 .* events between them are gone/],
    ["delete from events where stream = 'STREAM' and version > 9", /events end at version 9/],
    ["delete from events where stream = 'STREAM'", /events end at version 0/],
    ["delete from streams where stream = 'STREAM'", /lost the head/],
    ["update streams set version = 9, hash = (select hash from events where stream = 'STREAM' and version = 9) where stream = 'STREAM'", /head of the stream/],
  ])('%s', async (statement, why) => {
    const reasons = await reportAfter(statement);
    expect(reasons.join('\n')).toMatch(why);
  });

  test('afterwards the log is whole again', async () => {
    expect((await verifyChain(store.owner, stream())).broken).toEqual([]);
  });
});
