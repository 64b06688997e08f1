import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sql } from 'kysely';
import { checkDatabase, openDatabase } from '../../db/client.ts';
import { SERVICE_ROLE } from '../../db/roles.ts';
import { createEmptyDatabase } from '../support/postgres.ts';
import { openStore, running, type Store } from './samples.ts';

let store: Store;
beforeAll(async () => {
  store = await openStore();
  await running(store.db);
});
afterAll(() => store?.close());

const DENIED = '42501';

async function attempt(statement: string): Promise<string> {
  try {
    await sql.raw(statement).execute(store.db.kysely);
    return 'done';
  } catch (error) {
    return (error as { code: string }).code;
  }
}

describe('the service role and the event log', () => {
  test.each([
    ['update events set type = type'],
    ["update events set data = '{}' where version = 1"],
    ['delete from events'],
    ['delete from events where version = 1'],
    ['truncate events'],
    ['truncate events, streams cascade'],
    ["insert into events select * from events on conflict (stream, version) do update set type = 'x'"],
    ["merge into events e using streams s on s.stream = e.stream when matched then delete"],
    ['select * from events for update'],
    ['do $$ begin lock table events in access exclusive mode; end $$'],
  ])('is refused: %s', async (statement) => {
    expect(await attempt(statement)).toBe(DENIED);
  });

  test('reading and appending work, and nothing was lost', async () => {
    expect(await attempt('select count(*) from events')).toBe('done');
    const { rows } = await sql<{ count: number }>`select count(*) from events`.execute(store.owner.kysely);
    expect(rows[0]?.count).toBe(3);
  });
});

describe('the service role and the schema', () => {
  test.each([
    ['create table mine (a integer)'],
    ['create temporary table mine (a integer)'],
    ['create schema mine'],
    ['create view mine as select 1'],
    ['create function mine() returns integer language sql as $$ select 1 $$'],
    ['create or replace function append_event(a text) returns integer language sql as $$ select 1 $$'],
    ['create extension pgcrypto'],
    ['create role mine'],
    ['alter table events add column a integer'],
    ['alter table events disable trigger all'],
    ['alter table events owner to signalbox_service'],
    ['alter function append_event(text, text, text, integer, text, text, text) rename to mine'],
    ['alter sequence event_position restart'],
    ['drop table events'],
    ['drop table releases cascade'],
    ['drop function event_hash'],
    ['create index mine on events (type)'],
    ['create rule mine as on insert to events do instead nothing'],
    ['create trigger mine before insert on events execute function suppress_redundant_updates_trigger()'],
    ["comment on table events is 'x'"],
    ['set role pg_write_all_data'],
    ['set session_replication_role = replica'],
    ["select setval('event_position', 1)"],
  ])('is refused: %s', async (statement) => {
    expect(await attempt(statement)).toBe(DENIED);
  });

  test.each([['update kysely_migration set name = name'], ['delete from kysely_migration'], ['delete from streams'], ['delete from commands'], ['delete from host_locks'], ['delete from tokens']])('may not rewrite what others rely on: %s', async (statement) => {
    expect(await attempt(statement)).toBe(DENIED);
  });

  test('the role owns nothing and may become nobody else', async () => {
    const { rows } = await sql<{ owned: number; roles: number }>`
      select (select count(*) from pg_class c join pg_roles r on r.oid = c.relowner where r.rolname = ${SERVICE_ROLE}) as owned,
        (select count(*) from pg_auth_members m join pg_roles r on r.oid = m.member where r.rolname = ${SERVICE_ROLE}) as roles`.execute(store.owner.kysely);
    expect(rows[0]).toEqual({ owned: 0, roles: 0 });
  });

  test('every table of the schema has its rights written down', async () => {
    const { rows } = await sql<{ name: string }>`
      select relname as name from pg_class
      where relnamespace = 'public'::regnamespace and relkind = 'r' and not has_table_privilege(${SERVICE_ROLE}, oid, 'select') order by 1`.execute(store.owner.kysely);
    expect(rows.map((row) => row.name)).toEqual(['kysely_migration_lock']);
  });
});

describe('a database is checked before use', () => {
  test('a migrated one that keeps its promises is fit', async () => {
    await checkDatabase(store.db);
  });

  test('synchronous_commit=off is refused with what to do', async () => {
    const url = new URL(store.ownerUrl);
    url.searchParams.set('options', '-c synchronous_commit=off');
    const forgetful = openDatabase({ url: url.href, applicationName: 'test' });
    try {
      await expect(checkDatabase(forgetful)).rejects.toThrow(/synchronous_commit=off .* Set it to on/s);
    } finally {
      await forgetful.close();
    }
  });

  test('one without a schema names the command that makes it', async () => {
    const empty = await createEmptyDatabase();
    const db = openDatabase({ url: empty.ownerUrl, applicationName: 'test' });
    try {
      await expect(checkDatabase(db)).rejects.toThrow('signalbox migrate');
    } finally {
      await db.close();
      await empty.drop();
    }
  });
});
