import { defineConfig } from 'vitest/config';

const POSTGRES = 'test/support/global-postgres.ts';
const TEMPORAL = 'test/support/global-temporal.ts';

export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: { name: 'unit', include: ['test/{domain,model,mutation}/**/*.test.ts', 'test/chaos/checker/*.test.ts', 'test/*.test.ts'], testTimeout: 30_000 },
      },
      {
        extends: true,
        test: {
          name: 'integration',
          include: ['test/{db,drivers,host,api,cli,stack,examples,docs,bench}/**/*.test.ts'],
          globalSetup: [POSTGRES],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'workflows',
          include: ['test/{activities,workflows,worker,watchdog,replay}/**/*.test.ts'],
          globalSetup: [POSTGRES, TEMPORAL],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'scenarios',
          include: ['test/scenarios/**/*.test.ts'],
          globalSetup: [POSTGRES, TEMPORAL],
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
      {
        extends: true,
        // Kills its servers, so it shares none.
        test: { name: 'chaos', include: ['test/chaos/*.test.ts'], testTimeout: 180_000, hookTimeout: 180_000 },
      },
    ],
  },
});
