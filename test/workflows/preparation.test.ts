import { expect, test } from 'vitest';
import { using } from '../activities/using.ts';
import { until } from '../support/until.ts';

test('rollback while a host is being staged ends the release and its workflow, and frees the pool', async () => {
  await using(4, { executor: [{ call: 'fetch web-02', nth: 1, fault: 'hang' }] }, async (bench) => {
    const id = await bench.release();
    await bench.until(id, () => bench.fleet.executor.calls.includes('fetch web-02'), 'staging');
    expect(await bench.send(id, 'rollback')).toMatchObject({ state: 'applied' });
    expect((await bench.ended(id)).status).toBe('rolled-back');
    expect((await bench.ended(await bench.release({ version: 'v3' }))).status).toBe('succeeded');
    const handle = bench.client.workflow.getHandle(`release/${id}`);
    await until('its end in Temporal', async () => (await handle.describe()).status.name === 'COMPLETED', 15_000);
  });
});

test('abort while a host is being staged ends the release and its workflow', async () => {
  await using(4, { executor: [{ call: 'fetch web-02', nth: 1, fault: 'hang' }] }, async (bench) => {
    const id = await bench.release();
    await bench.until(id, () => bench.fleet.executor.calls.includes('fetch web-02'), 'staging');
    expect(await bench.send(id, 'abort')).toMatchObject({ state: 'applied' });
    expect((await bench.ended(id)).status).toBe('aborted');
    await until('its end in Temporal', async () => (await bench.client.workflow.getHandle(`release/${id}`).describe()).status.name === 'COMPLETED', 15_000);
  });
});
