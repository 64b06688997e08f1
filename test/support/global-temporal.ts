/** One Temporal development server and one workflow bundle for the whole run. */
import type { TestProject } from 'vitest/node';
import { sharedBundle, sharedTemporal } from './shared.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** host:port of a Temporal development server that forgets everything; take a task queue of your own */
    temporalAddress: string;
    /** file for `workflowBundle: { codePath }`; empty when bundling failed, the reason is on standard error */
    workflowBundle: string;
  }
}

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const [temporal, bundle] = await Promise.all([sharedTemporal(), sharedBundle()]);
  project.provide('temporalAddress', temporal.value);
  project.provide('workflowBundle', bundle.value);
  return async () => {
    await temporal.release();
    await bundle.release();
  };
}
