/** Every strategy of examples/strategies, released to a fleet on a clock that skips: nothing in the cookbook is only text. */
import { expect, test } from 'vitest';
import { readReleaseEvents } from '../../db/events.ts';
import { batchesOf, strategyExamples, strategyOf } from '../../docs/generate/strategies.ts';
import { skippingClock } from '../support/skipping-clock.ts';
import type { Command } from '../../domain/release/commands.ts';
import type { ReleaseView } from '../../domain/release/view.ts';
import type { Bench } from '../support/release-bench.ts';

const HOSTS = 24;
/** What the person that the strategy asks would say. */
const SAYS: Readonly<Record<string, Command['type']>> = { promote: 'promote', 'sign-off': 'approve' };

const clock = skippingClock();

/** Answers people's waits and lets the clock run through planned ones, until the release has ended. */
async function seenThrough(bench: Bench, id: string): Promise<ReleaseView> {
  for (;;) {
    const { waiting, finishedAt } = await bench.until(id, (release) => release.finishedAt !== null || release.waiting?.until != null || SAYS[release.waiting?.for ?? ''] !== undefined, 'the next wait');
    if (finishedAt !== null) return bench.view(id);
    const word = SAYS[waiting?.for ?? ''];
    if (word !== undefined) await bench.send(id, word);
    else await clock.sleep(Math.max(1, Date.parse(waiting?.until ?? '') - (await clock.nowMs()) + 1));
  }
}

test.each(strategyExamples().map((example) => [example.name, example] as const))('%s brings the new version to every host, with the bakes and rests of its plan', { timeout: 120_000 }, async (_name, example) => {
  const strategy = strategyOf(example);
  await clock.using(async (bench) => {
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
  }, { hosts: HOSTS });
});
