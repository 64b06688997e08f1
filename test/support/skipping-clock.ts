/** A release bench whose Temporal has a clock that skips ahead while everybody waits. */
import { afterEach, beforeEach, inject } from 'vitest';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { openBench } from './release-bench.ts';
import { timeSkippingServer } from './temporal.ts';
import type { Bench, Faults } from './release-bench.ts';

export interface SkippingClock {
  /** lets the clock run for so long */
  readonly sleep: (ms: number) => Promise<void>;
  /** what the clock shows, in epoch milliseconds */
  readonly nowMs: () => Promise<number>;
  /** Runs `work` on a bench of its own, of 4 hosts unless said, and closes it however that ends. */
  readonly using: (work: (bench: Bench) => Promise<void>, bench?: { readonly hosts?: number; readonly faults?: Faults }) => Promise<void>;
}

/** Call it at the top of a file or in a `describe`. Each test has a clock of its own: what one release left running must not move or hold the time of the next. */
export function skippingClock(): SkippingClock {
  let server: TestWorkflowEnvironment | undefined;
  const running = (): TestWorkflowEnvironment => {
    if (server === undefined) throw new Error('The server with the skipping clock is there only while a test runs.');
    return server;
  };
  beforeEach(async () => {
    server = await timeSkippingServer();
    // It cannot list what it knows, so the worker's own registration does not work here.
    await server.connection.operatorService.addSearchAttributes({ namespace: 'default', searchAttributes: { Pool: 2, Applications: 7, Environment: 2, Phase: 2, Train: 2, RequestedBy: 2, Paused: 5 } });
  }, 120_000);
  afterEach(async () => {
    await server?.teardown();
    server = undefined;
  });
  return {
    sleep: (ms) => running().sleep(ms),
    nowMs: () => running().currentTimeMs(),
    async using(work, { hosts = 4, faults = {} } = {}) {
      const bench = await openBench(hosts, faults, ['web'], { address: running().address, namespace: 'default', bundle: inject('workflowBundle'), postgresUrl: inject('postgresUrl') });
      try {
        await work(bench);
      } finally {
        await bench.close();
      }
    },
  };
}
