/** Every strategy of examples/strategies, released to a fleet on a clock that skips: nothing in the cookbook is only text. */
import { afterEach, beforeEach, expect, inject, test } from 'vitest';
import { readReleaseEvents } from '../../db/events.ts';
import { batchesOf, strategyExamples, strategyOf } from '../../docs/generate/strategies.ts';
import { openBench } from '../support/release-bench.ts';
import { timeSkippingServer } from '../support/temporal.ts';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { Command } from '../../domain/release/commands.ts';
import type { ReleaseView } from '../../domain/release/view.ts';
import type { Bench } from '../support/release-bench.ts';

const HOSTS = 24;
/** What the person that the strategy asks would say. */
const SAYS: Readonly<Record<string, Command['type']>> = { promote: 'promote', 'sign-off': 'approve' };

let server: TestWorkflowEnvironment;
beforeEach(async () => {
  server = await timeSkippingServer();
  await server.connection.operatorService.addSearchAttributes({ namespace: 'default', searchAttributes: { Pool: 2, Applications: 7, Environment: 2, Phase: 2, Train: 2, RequestedBy: 2, Paused: 5 } });
}, 120_000);
afterEach(() => server?.teardown());

/** Answers people's waits and lets the clock run through planned ones, until the release has ended. */
async function seenThrough(bench: Bench, id: string): Promise<ReleaseView> {
  for (;;) {
    const { waiting, finishedAt } = await bench.until(id, (release) => release.finishedAt !== null || release.waiting?.until != null || SAYS[release.waiting?.for ?? ''] !== undefined, 'the next wait');
    if (finishedAt !== null) return bench.view(id);
    const word = SAYS[waiting?.for ?? ''];
    if (word !== undefined) await bench.send(id, word);
    else await server.sleep(Math.max(1, Date.parse(waiting?.until ?? '') - (await server.currentTimeMs()) + 1));
  }
}

test.each(strategyExamples().map((example) => [example.name, example] as const))('%s brings the new version to every host, with the bakes and rests of its plan', { timeout: 120_000 }, async (_name, example) => {
  const strategy = strategyOf(example);
  const bench = await openBench(HOSTS, {}, ['web'], { address: server.address, namespace: 'default', bundle: inject('workflowBundle'), postgresUrl: inject('postgresUrl') });
  try {
    const id = await bench.release({ strategy });
    expect(await seenThrough(bench, id)).toMatchObject({ status: 'succeeded', debt: [] });
    expect([...bench.fleet.hosts.values()].every(({ version }) => version === 'v2')).toBe(true);
    const events = await readReleaseEvents(bench.db, { release: id, limit: 10_000 });
    const planned = events.find(({ type }) => type === 'plan-made');
    const batches = planned?.type === 'plan-made' ? planned.data.plan.batches : [];
    expect(batches.some(({ kind }) => kind === 'bastion')).toBe(batchesOf(strategy).some(({ kind }) => kind === 'bastion'));
    const bakes = events.flatMap((event) => (event.type === 'bake-started' ? [event.data.seconds] : []));
    expect(bakes).toEqual([...batches.map(({ bakeSeconds }) => bakeSeconds), strategy.postRelease.watchSeconds].filter((seconds) => seconds > 0));
    const rests = events.flatMap((event) => (event.type === 'rest-started' ? [event.data.seconds] : []));
    expect(rests).toEqual(batches.flatMap(({ pauseSeconds = 0, manual }) => (pauseSeconds > 0 && !manual ? [pauseSeconds] : [])));
  } finally {
    await bench.close();
  }
});
