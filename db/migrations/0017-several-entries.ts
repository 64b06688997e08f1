/** Hosts that stand behind several traffic entries: wishes say of which pool their server is, and what is said in one pool concerns only the pools with the same server. */
import { sql, type Kysely } from 'kysely';

/** A wish that stands already is of the pool of its release, or of the first joined one that has the host. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table wanted_traffic add column pool text`.execute(db);
  await sql`
    update wanted_traffic w set pool = coalesce((
      select member.name from releases r
        join inventory own on own.kind = 'pool' and own.name = r.pool and own.spec -> 'joins' is not null
        cross join lateral json_array_elements_text(own.spec -> 'joins') with ordinality as joined (name, place)
        join inventory member on member.kind = 'pool' and member.name = joined.name and member.spec::jsonb -> 'hosts' ? w.host
        where r.id = w.release order by joined.place limit 1),
      (select r.pool from releases r where r.id = w.release), '')`.execute(db);
  await sql`alter table wanted_traffic alter column pool set not null`.execute(db);
  await sql`alter table wanted_traffic drop constraint wanted_traffic_pkey`.execute(db);
  await sql`alter table wanted_traffic add primary key (release, host, pool, server)`.execute(db);
  await serverPools(db);
  await sql`
    create function concerns_server(set_for text, of_pool text, of_host text) returns boolean language sql stable as $$
      select case when set_for in ('', of_pool) then true else set_for in (select server_pools(of_pool, of_host)) end
    $$`.execute(db);
}

/**
 * The pool itself, and every other one that has the same server of the host: behind the same traffic entry and by the same name. A joined
 * pool has the servers of its members, and none of its own.
 */
async function serverPools(db: Kysely<unknown>): Promise<void> {
  await sql`
    create or replace function server_pools(of_pool text, of_host text) returns setof text language sql stable as $$
      with own as (
        select member.name, member.spec from inventory asked
          join inventory member on member.kind = 'pool' and member.spec -> 'joins' is null and member.spec::jsonb -> 'hosts' ? of_host
            and (member.name = asked.name or coalesce(asked.spec::jsonb -> 'joins' ? member.name, false))
          where asked.kind = 'pool' and asked.name = of_pool
      ), same as (
        select own.name from own
        union
        select other.name from own
          join inventory other on other.kind = 'pool' and other.spec -> 'joins' is null and other.spec::jsonb -> 'hosts' ? of_host
            and own.spec -> 'traffic' ->> 'driver' <> 'none' and (own.spec::jsonb -> 'traffic') - 'drainTimeoutSeconds' = (other.spec::jsonb -> 'traffic') - 'drainTimeoutSeconds'
      )
      select of_pool
      union
      select name from same
      union
      select joined.name from same join inventory joined on joined.kind = 'pool' and joined.spec::jsonb -> 'joins' ? same.name
    $$`.execute(db);
}
