import { expect, test } from 'vitest';
import { defaultPayloadConverter } from '@temporalio/common';
import { using } from '../activities/using.ts';
import { FAST } from '../support/release-bench.ts';
import { until } from '../support/until.ts';
import type { Bench } from '../support/release-bench.ts';

/** What Temporal's UI says of every timer of the release, in the order in which they were started; null: nothing. */
async function timersOf(bench: Bench, id: string): Promise<readonly (string | null)[]> {
  const { events } = await bench.client.workflow.getHandle(`release/${id}`).fetchHistory();
  return (events ?? [])
    .filter(({ timerStartedEventAttributes: started }) => started)
    .map(({ userMetadata }) => (userMetadata?.summary ? defaultPayloadConverter.fromPayload<string>(userMetadata.summary) : null));
}

test('every timer of a release says in the UI what it waits for', async () => {
  await using(4, {}, async (bench) => {
    const id = await bench.release({
      strategy: {
        pause: { deadlineHours: 24, then: 'abort' }, bastion: { count: 1, bakeSeconds: 60, promote: 'auto' },
        batches: { ...FAST.batches, percent: [50], mode: 'window', bakeSeconds: 60 }, postRelease: { watchSeconds: 60 },
      },
    });
    const says = (summary: string) => until(`a timer for ${summary}`, async () => (await timersOf(bench, id)).at(-1) === summary);
    const send = async (...[type, more]: [Parameters<Bench['send']>[1], Parameters<Bench['send']>[2]?]) => expect(await bench.send(id, type, more)).toMatchObject({ state: 'applied' });
    await until('the first run', () => bench.client.workflow.getHandle(`release/${id}`).describe().catch(() => null));
    await says('bastion · bake');
    await send('pause');
    await says(`paused · until ${(await bench.view(id)).paused?.deadline ?? ''} · then abort`);
    await send('resume');
    await says('bastion · bake');
    await send('promote');
    await says('batch 1 · bake');
    await send('promote');
    await says('post-release · watch');
    await send('rollback');
    await says('rollback 1 · bake');
    await send('rollback', { mode: 'emergency' });
    expect((await bench.ended(id)).status).toBe('rolled-back');
    expect(await timersOf(bench, id)).not.toContain(null);
  });
});
