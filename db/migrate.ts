/** Brings the database to the newest schema. Forward only; two processes may run it at once, one waits for the other. */
import { Kysely, PostgresDialect } from 'kysely';
import { Migrator, type Migration } from 'kysely/migration';
import pg from 'pg';
import { survivingLostConnections } from './client.ts';
import * as events from './migrations/0001-events.ts';
import * as releases from './migrations/0002-releases.ts';
import * as locks from './migrations/0003-locks.ts';
import * as inbox from './migrations/0004-inbox.ts';
import * as inventory from './migrations/0005-inventory.ts';
import * as appends from './migrations/0006-appends.ts';
import * as appendGroup from './migrations/0007-append-group.ts';
import * as hostFlags from './migrations/0010-host-flags.ts';
import * as wayBack from './migrations/0011-way-back.ts';
import * as outages from './migrations/0013-outages.ts';
import * as plans from './migrations/0014-plans.ts';
import * as serverPools from './migrations/0016-server-pools.ts';
import * as severalEntries from './migrations/0017-several-entries.ts';
import * as watchdog from './migrations/0018-watchdog.ts';
import * as workers from './migrations/0019-workers.ts';
import * as fewerNotices from './migrations/0020-fewer-notices.ts';
import * as agents from './migrations/0023-agents.ts';
import * as liveness from './migrations/0025-liveness.ts';
import * as keepAlive from './migrations/0026-keep-alive.ts';
import * as begunUnlessStopped from './migrations/0027-begun-unless-stopped.ts';
import { grantServiceRole } from './roles.ts';

/** In the order of their names. A released migration is never changed: add the next one. */
export const MIGRATIONS: Readonly<Record<string, Migration>> = {
  '0001-events': events,
  '0002-releases': releases,
  '0003-locks': locks,
  '0004-inbox': inbox,
  '0005-inventory': inventory,
  '0006-appends': appends,
  '0007-append-group': appendGroup,
  '0010-host-flags': hostFlags,
  '0011-way-back': wayBack,
  '0013-outages': outages,
  '0014-plans': plans,
  '0016-server-pools': serverPools,
  '0017-several-entries': severalEntries,
  '0018-watchdog': watchdog,
  '0019-workers': workers,
  '0020-fewer-notices': fewerNotices,
  '0023-agents': agents,
  '0025-liveness': liveness,
  '0026-keep-alive': keepAlive,
  '0027-begun-unless-stopped': begunUnlessStopped,
};

export interface MigrateOptions {
  /** the schema owner's address */
  readonly url: string;
  /** password the service role gets; left alone when not given */
  readonly servicePassword?: string;
}

/** Names of the migrations that were applied by this call, oldest first. Throws what the first failing one threw; it leaves nothing behind. */
export async function migrate(options: MigrateOptions): Promise<{ readonly applied: readonly string[] }> {
  const pool = survivingLostConnections(new pg.Pool({ connectionString: options.url, max: 2, application_name: 'signalbox-migrate' }), () => {});
  const owner = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
  try {
    const migrator = new Migrator({ db: owner, provider: { getMigrations: async () => ({ ...MIGRATIONS }) } });
    const { error, results } = await migrator.migrateToLatest();
    if (error !== undefined) throw error;
    await grantServiceRole(owner, options.servicePassword);
    return { applied: (results ?? []).map((result) => result.migrationName) };
  } finally {
    await owner.destroy();
  }
}
