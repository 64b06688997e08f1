/** Pools that take the same server out of traffic: what is said of a host in one of them concerns it in all of them. */
import { sql, type Kysely } from 'kysely';

/**
 * The pool itself, and every other one that has the host and either joins the pool, is joined by it, or names the same server behind the
 * same traffic entry.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create function server_pools(of_pool text, of_host text) returns setof text language sql stable as $$
      select of_pool
      union
      select other.name from inventory own
        join inventory other on other.kind = 'pool' and other.name <> of_pool and other.spec::jsonb -> 'hosts' ? of_host
        where own.kind = 'pool' and own.name = of_pool and (
          coalesce(own.spec::jsonb -> 'joins' ? other.name, false) or coalesce(other.spec::jsonb -> 'joins' ? own.name, false)
          or (own.spec -> 'traffic' ->> 'driver' <> 'none' and (own.spec::jsonb -> 'traffic') - 'drainTimeoutSeconds' = (other.spec::jsonb -> 'traffic') - 'drainTimeoutSeconds'))
    $$`.execute(db);
}
