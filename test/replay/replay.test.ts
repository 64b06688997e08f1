import '../support/quiet-runtime.ts';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { historyFromJSON } from '@temporalio/common/lib/proto-utils.js';
import { Worker } from '@temporalio/worker';
import { expect, test } from 'vitest';
import { devServer } from '../support/temporal.ts';

const HISTORIES = fileURLToPath(new URL('histories/', import.meta.url));
const files = readdirSync(HISTORIES).filter((name) => name.endsWith('.json')).sort();

const KEPT = [
  'success', 'pause-and-resume', 'operator-rollback', 'automatic-rollback', 'continue-as-new', 'continue-as-new-2',
  'slices', 'slices-slice-1', 'slices-of-one-lane', 'slices-of-one-lane-slice-1', 'pause-in-rollback', 'pause-in-survey', 'pause-deadline-in-batch', 'pause-deadline-one-clock',
  'release-deadline', 'rollback-deadline',
];

test('releases begun by an earlier build are replayed by the workflows of today without a difference', async () => {
  expect(files.map((name) => name.replace('.json', ''))).toEqual(expect.arrayContaining(KEPT));
  const histories = files.map((name) => ({ workflowId: name, history: historyFromJSON(JSON.parse(readFileSync(join(HISTORIES, name), 'utf8'))) }));
  const differences: Record<string, string> = {};
  let replayed = 0;
  for await (const { workflowId, error } of Worker.runReplayHistories({ workflowBundle: { codePath: devServer().bundle } }, histories)) {
    replayed++;
    if (error !== undefined) differences[workflowId] = error.message;
  }
  expect(differences).toEqual({});
  expect(replayed).toBe(files.length);
});
