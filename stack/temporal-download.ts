/** Process: has the Temporal SDK download its development server into the folder named by the first argument, tries it once, ends. */
import { TestWorkflowEnvironment } from '@temporalio/testing';

const VERSION = 'v1.9.1';

const folder = process.argv[2];
if (folder === undefined) {
  console.error('usage: node stack/temporal-download.ts FOLDER');
  process.exit(2);
}
try {
  const server = await TestWorkflowEnvironment.createLocal({
    server: { executable: { type: 'cached-download', version: VERSION, downloadDir: folder, ttl: '365d' } },
  });
  await server.teardown();
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exit(1);
}
process.exit(0);
