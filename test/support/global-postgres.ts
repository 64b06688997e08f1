/** One Postgres for the whole run: its owner's address is `inject('postgresUrl')`. */
import type { TestProject } from 'vitest/node';
import { sharedPostgres } from './shared.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** owner's address of a Postgres of this run; make a database of your own in it */
    postgresUrl: string;
  }
}

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const postgres = await sharedPostgres();
  project.provide('postgresUrl', postgres.value);
  return postgres.release;
}
