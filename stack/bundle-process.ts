/** Process: bundles the workflow code named by the first argument into the file named by the second. */
import { writeFileSync } from 'node:fs';
import { bundleWorkflowCode } from '@temporalio/worker';

const [source, target] = process.argv.slice(2);
if (source === undefined || target === undefined) {
  console.error('usage: node stack/bundle-process.ts WORKFLOWS.ts BUNDLE.js');
  process.exit(2);
}
const quiet = { trace() {}, debug() {}, info() {}, warn: console.error, error: console.error, log() {} };
const { code } = await bundleWorkflowCode({ workflowsPath: source, logger: quiet });
writeFileSync(target, code);
