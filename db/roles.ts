/** What the services may do in the database: everything they need, and nothing that could rewrite history or the schema. */
import { sql, type Kysely } from 'kysely';

export const SERVICE_ROLE = 'signalbox_service';

const RIGHTS: Readonly<Record<string, string>> = {
  events: 'select, insert',
  streams: 'select, insert, update',
  releases: 'select, insert, update',
  release_targets: 'select, insert, update',
  release_inventory: 'select, insert',
  release_rollback_plans: 'select, insert, update',
  release_requests: 'select, insert, update',
  pool_locks: 'select, insert, update',
  pool_queue: 'select, insert, update, delete',
  host_locks: 'select, insert, update',
  wanted_traffic: 'select, insert, update, delete',
  commands: 'select, insert, update',
  outbox: 'select, insert, update, delete',
  idempotency: 'select, insert, update, delete',
  tokens: 'select, insert, update',
  inventory: 'select, insert, update, delete',
  findings: 'select, insert, update, delete',
  repairs: 'select, insert, update',
  watchdog_turns: 'select, insert, update',
  host_flags: 'select, insert, update',
  flag_drains: 'select, insert, update, delete',
  drain_requests: 'select, insert, update',
  host_sightings: 'select, insert, update, delete',
  service_pulse: 'select, insert, update',
  outages: 'select, insert',
  workers: 'select, insert, update, delete',
  plans: 'select, insert, update, delete',
  release_paces: 'select, insert, delete',
  blocks: 'select, insert, update',
  host_tokens: 'select, insert, update',
  agents: 'select, insert, update, delete',
  agent_calls: 'select, insert, update, delete',
  host_programs: 'select, insert, delete',
  agent_desks: 'select, insert, update, delete',
  host_liveness: 'select, insert, update, delete',
  service_starts: 'select, insert, update',
  fleet_checks: 'select, insert, update, delete',
  kysely_migration: 'select',
};

/**
 * Makes the role if it is missing and gives it exactly these rights; run again after every migration. Without a password the role can
 * only be used by what the server trusts otherwise.
 */
export async function grantServiceRole(owner: Kysely<unknown>, password: string | undefined): Promise<void> {
  await owner.transaction().execute(async (tx) => {
    await sql`select pg_advisory_xact_lock(hashtext(${SERVICE_ROLE}))`.execute(tx);
    await ensureRole(tx, password);
    for (const statement of await databaseStatements(tx)) await sql.raw(statement).execute(tx);
    await sql`revoke create on schema public from public`.execute(tx);
    await sql`grant usage on schema public to ${sql.id(SERVICE_ROLE)}`.execute(tx);
    await sql`grant usage on all sequences in schema public to ${sql.id(SERVICE_ROLE)}`.execute(tx);
    for (const table of Object.keys(RIGHTS)) await grantOn(tx, table);
  });
}

/** Rights on one table, also after it was replaced by a rebuilt one. */
export async function grantOn<S>(owner: Kysely<S>, table: string): Promise<void> {
  const rights = RIGHTS[table];
  if (rights === undefined) throw new Error(`No rights are written down for the table ${table}; add it to db/roles.ts.`);
  await sql`revoke all on ${sql.table(table)} from ${sql.id(SERVICE_ROLE)}, public`.execute(owner);
  await sql`grant ${sql.raw(rights)} on ${sql.table(table)} to ${sql.id(SERVICE_ROLE)}`.execute(owner);
}

/** Roles belong to the whole server: two databases may make it at once, and the second finds it there. */
async function ensureRole(owner: Kysely<unknown>, password: string | undefined): Promise<void> {
  await sql`
    do $$ begin
      create role signalbox_service login nosuperuser nocreatedb nocreaterole noreplication;
    exception when duplicate_object or unique_violation then null;
    end $$`.execute(owner);
  if (password !== undefined) await sql`alter role ${sql.id(SERVICE_ROLE)} login password ${sql.lit(password)}`.execute(owner);
}

/** Temporary tables are schema too, and could shadow real ones. */
async function databaseStatements(owner: Kysely<unknown>): Promise<readonly string[]> {
  const { rows } = await sql<{ statement: string }>`
    select format(pattern, current_database()) as statement
    from unnest(array['revoke create, temporary on database %I from public', 'grant connect on database %I to signalbox_service']) pattern`.execute(owner);
  return rows.map((row) => row.statement);
}
