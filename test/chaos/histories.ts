/** Temporal's own record of the releases of a round: one that does not replay stops for good with whichever worker takes it up next. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { DefaultLogger, makeTelemetryFilterString, Runtime, Worker } from '@temporalio/worker';
import { lineToTemporal } from '../../worker/temporal-client.ts';
import { releaseWorkflowId } from '../../workflows/messages.ts';
import { nowMs } from './clock.ts';
import type { Breach } from './checker/judge.ts';
import type { ChaosStack } from './stack.ts';

let isQuiet = false;

/** One breach for each of these releases whose history does not replay; it is kept beside the round's record. */
export async function unreplayed({ folder, services: { temporal, namespace, bundle } }: ChaosStack, releases: readonly string[]): Promise<readonly Breach[]> {
  quieten();
  const connection = lineToTemporal(temporal);
  try {
    const client = new Client({ connection, namespace });
    const histories = await Promise.all(releases.map(async (release) => ({ workflowId: releaseWorkflowId(release), history: await client.workflow.getHandle(releaseWorkflowId(release)).fetchHistory() })));
    const breaches: Breach[] = [];
    for await (const { workflowId, error } of Worker.runReplayHistories({ workflowBundle: { codePath: bundle } }, histories)) {
      if (error === undefined) continue;
      const file = join(folder, 'rounds', `${workflowId.replaceAll('/', '-')}.history.json`);
      mkdirSync(join(folder, 'rounds'), { recursive: true });
      writeFileSync(file, historyToJSON(histories.find((one) => one.workflowId === workflowId)?.history ?? {}));
      breaches.push({ rule: 'I10', atMs: nowMs(), what: `the history of ${workflowId} does not replay (${error.message}); it is kept in ${file}` });
    }
    return breaches;
  } finally {
    await connection.close();
  }
}

/** What a replay has to say is in its breach. */
function quieten(): void {
  if (isQuiet) return;
  isQuiet = true;
  Runtime.install({ logger: new DefaultLogger('ERROR'), telemetryOptions: { logging: { filter: makeTelemetryFilterString({ core: 'ERROR', other: 'ERROR' }) } } });
}
