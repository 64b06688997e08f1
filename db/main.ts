/** Process: `signalbox migrate`. Brings the database up to the newest schema as its owner; also sets the service role's password if one is given. */
import { migrate } from './migrate.ts';
import { readMigrateConfig } from '../config.ts';

try {
  const { migrateUrl, servicePassword } = readMigrateConfig();
  const { applied } = await migrate(servicePassword === null ? { url: migrateUrl } : { url: migrateUrl, servicePassword });
  console.log(applied.length === 0 ? 'The database schema is up to date.' : `Applied ${applied.join(', ')}.`);
} catch (error) {
  console.error(`signalbox: the database was not migrated: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
