/** Who would miss an inventory object: other objects that name it (joined pools name their members alone), and releases that have not ended. */
import { sql } from 'kysely';
import type { Queryable } from './client.ts';
import type { ObjectName } from './inventory-kinds.ts';

/** Each as `<kind> <name>`, e.g. `pool web-prod`, `release r-…`; empty when nobody needs it. */
export async function objectUsers(db: Queryable, object: ObjectName): Promise<readonly string[]> {
  return [...(await objectsNaming(db, object)), ...(await releasesUsing(db, object))];
}

async function objectsNaming(db: Queryable, { kind, name }: ObjectName): Promise<readonly string[]> {
  const { rows } = await sql<{ user: string }>`
    select kind || ' ' || name as user from inventory
    where (kind = 'pool' and (
        (${kind} = 'host' and spec::jsonb -> 'hosts' ? ${name} and spec -> 'joins' is null)
        or (${kind} = 'application' and spec::jsonb -> 'applications' ? ${name} and spec -> 'joins' is null)
        or (${kind} = 'pool' and spec::jsonb -> 'joins' ? ${name})
        or (${kind} = 'strategy' and spec ->> 'strategy' = ${name})))
      or (kind = 'application' and ${kind} = 'recipe' and spec ->> 'recipe' = ${name})
      or (kind = 'recipe' and ${kind} = 'recipe' and spec ->> 'extends' = ${name})
      or (kind = 'package' and ${kind} = 'application' and spec ->> 'application' = ${name})
    order by 1`.execute(db.kysely);
  return rows.map((row) => row.user);
}

/** A release runs on its own snapshot, yet its objects must not vanish under it: its rollback and its readers still name them. */
async function releasesUsing(db: Queryable, { kind, name }: ObjectName): Promise<readonly string[]> {
  const { rows } = await sql<{ release: string }>`
    with running as (
      select r.id, i.inventory::jsonb as inventory from releases r join release_inventory i on i.release = r.id where r.finished_at is null
      union all
      select q.id, q.inventory::jsonb from release_requests q where not q.opened
    )
    select id as release from running
    where (${kind} = 'pool' and (inventory -> 'pool' ->> 'name' = ${name} or inventory -> 'members' @> jsonb_build_array(jsonb_build_object('name', ${name}::text))))
      or (${kind} = 'strategy' and inventory -> 'strategy' ->> 'name' = ${name})
      or (${kind} = 'application' and inventory -> 'applications' @> jsonb_build_array(jsonb_build_object('name', ${name}::text)))
      or (${kind} = 'recipe' and inventory -> 'applications' @> jsonb_build_array(jsonb_build_object('recipe', ${name}::text)))
      or (${kind} = 'host' and inventory -> 'hosts' @> jsonb_build_array(jsonb_build_object('name', ${name}::text)))
      or (${kind} = 'package' and inventory -> 'packages' @> jsonb_build_array(jsonb_build_object('id', ${name}::text)))
    order by 1`.execute(db.kysely);
  return rows.map((row) => `release ${row.release}`);
}
