/** Capacity flags of hosts, the servers they took out of traffic, what operators ask about them, and what balancers were last seen to show. */
import { sql, type Kysely } from 'kysely';

/** `pool` '' stands for every pool of the host. host_flags is a projection of the streams of hosts; the other three are work at hand. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table host_flags (
      host text not null,
      owner text not null check (owner in ('operator', 'health', 'fleet-check')),
      pool text not null default '',
      up boolean not null,
      forced boolean not null,
      reason text not null,
      actor json not null,
      since text not null,
      primary key (host, owner, pool)
    )`.execute(db);
  await sql`create index host_flags_down on host_flags (host) where not up`.execute(db);
  await sql`
    create table flag_drains (
      host text not null,
      pool text not null,
      server text not null,
      weight integer,
      confirmed boolean not null default false,
      at timestamptz not null default now(),
      primary key (host, pool)
    )`.execute(db);
  await sql`
    create table drain_requests (
      id text primary key,
      host text not null,
      pool text not null default '',
      reason text not null,
      actor json not null,
      at timestamptz not null default now(),
      state text not null default 'asked' check (state in ('asked', 'applied', 'refused')),
      refusal json,
      settled_at timestamptz
    )`.execute(db);
  await sql`create index drain_requests_asked on drain_requests (at) where state = 'asked'`.execute(db);
  await sql`
    create table host_sightings (
      pool text not null,
      host text not null,
      server text not null,
      traffic json not null,
      at timestamptz not null default now(),
      primary key (pool, host)
    ) with (fillfactor = 50)`.execute(db);
}
