import { expect, test } from 'vitest';
import { WorkflowUpdateStage } from '@temporalio/client';
import { readReleaseEvents } from '../../db/events.ts';
import { commandUpdate } from '../../workflows/messages.ts';
import { using } from '../activities/using.ts';
import { unhealthy } from '../support/fake-health.ts';
import { until } from '../support/until.ts';
import { gateAnswer } from './gate.ts';
import type { Command } from '../../domain/release/commands.ts';
import type { Bench } from '../support/release-bench.ts';

const BASTION_BAKES = { bastion: { count: 1, bakeSeconds: 60, promote: 'auto' } } as const;
const by = (name: string) => ({ kind: 'token', name }) as const;

/** Sent past the store's receipts, as soon as possible: comes back when the workflow has let it in or refused it. */
function sendAtOnce(bench: Bench, id: string, command: Command) {
  return bench.client.workflow.getHandle(`release/${id}`).startUpdate(commandUpdate, { args: [command], updateId: command.id, waitForStage: WorkflowUpdateStage.ACCEPTED });
}

const typesOf = async (bench: Bench, id: string) => (await readReleaseEvents(bench.db, { release: id })).map(({ type }) => type);

test('a retry sent on a brake that the log shows and the workflow does not know yet is let in and applied', async () => {
  await using(4, { health: [{ call: 'verify', nth: 1, fault: { lie: unhealthy('health-timeout', 'cold') } }] }, async (bench) => {
    const answer = gateAnswer(bench.db, '"brake-applied"');
    const id = await bench.release({ strategy: { onFailure: 'hold' } });
    const shown = await bench.until(id, ({ paused }) => paused?.cause === 'brake', 'the brake in the log');
    expect(shown.allowedCommands).toContain('retry');
    await until('the answer that is held back', () => answer.held() === 1);
    const retry = await sendAtOnce(bench, id, { id: 'c-retry', type: 'retry', by: by('op'), reason: 'cold start', targets: null });
    answer.open();
    expect(await retry.result()).toEqual({ applied: true, events: ['targets-retried'] });
    expect((await bench.ended(id)).status).toBe('succeeded');
  });
});

test('of two pauses at the same moment one is applied and the other refused, and the log has one', async () => {
  await using(4, {}, async (bench) => {
    const id = await bench.release({ strategy: BASTION_BAKES });
    await bench.until(id, ({ waiting }) => waiting?.for === 'bake');
    const answer = gateAnswer(bench.db, '"paused"');
    const first = await sendAtOnce(bench, id, { id: 'c-first', type: 'pause', by: by('one'), reason: 'lunch' });
    await until('the answer that is held back', () => answer.held() === 1);
    const second = await sendAtOnce(bench, id, { id: 'c-second', type: 'pause', by: by('two'), reason: 'alarm' });
    answer.open();
    expect(await first.result()).toEqual({ applied: true, events: ['paused'] });
    await expect(second.result()).rejects.toMatchObject({ cause: { type: 'Refused', details: [{ code: 'already-paused' }] } });
    expect((await bench.view(id)).paused).toMatchObject({ by: 'one', reason: 'lunch' });
    await bench.send(id, 'resume');
    await bench.send(id, 'promote');
    expect((await bench.ended(id)).status).toBe('succeeded');
    expect((await typesOf(bench, id)).filter((type) => type === 'paused')).toHaveLength(1);
  });
});

test('an abort sent while the start of a batch is being written down leaves every host of that batch alone', async () => {
  await using(4, {}, async (bench) => {
    const answer = gateAnswer(bench.db, '"batch-started"', '"part":"whole"');
    const id = await bench.release();
    await until('the answer that is held back', () => answer.held() === 1);
    const abort = await sendAtOnce(bench, id, { id: 'c-abort', type: 'abort', by: by('op'), reason: 'wrong day' });
    answer.open();
    expect(await abort.result()).toEqual({ applied: true, events: ['abort-started'] });
    const release = await bench.ended(id);
    expect(release.status).toBe('aborted');
    expect([...bench.fleet.hosts.values()].map(({ version }) => version).toSorted()).toEqual(['v1', 'v1', 'v1', 'v2']);
    expect(bench.traffic.calls.filter((call) => call.startsWith('drain'))).toHaveLength(1);
  });
});
