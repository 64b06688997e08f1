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

test('releases begun by an earlier build are replayed by the workflows of today without a difference', async () => {
  expect(files).toEqual(expect.arrayContaining(['success.json', 'pause-and-resume.json', 'operator-rollback.json', 'automatic-rollback.json', 'continue-as-new.json', 'continue-as-new-2.json']));
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
