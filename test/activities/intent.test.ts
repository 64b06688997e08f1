import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { until } from '../support/until.ts';
import { using } from './using.ts';

test('no server is taken out before the log knows that its drain was begun', { timeout: 150_000 }, async () => {
  await using(3, {}, async (bench) => {
    const id = await bench.release({ strategy: { bastion: { count: 1, bakeSeconds: 600, promote: 'auto' } } });
    const baking = await bench.until(id, ({ waiting }) => waiting?.for === 'bake', 'the bake');
    const bastion = baking.batches[0]?.targets[0]?.host ?? '';
    const next = bench.names.filter((name) => name !== bastion);
    const out = () => next.filter((name) => bench.traffic.servers.get(name)?.admin !== 'ready');
    await bench.db.kysely.transaction().execute(async (holder) => {
      await sql`set local idle_in_transaction_session_timeout = 0`.execute(holder);
      // The append of what these targets do waits for their rows; everything else of the release goes on.
      await sql`select 1 from release_targets where release = ${id} and host in (${sql.join(next)}) for update`.execute(holder);
      expect(await bench.send(id, 'promote')).toMatchObject({ state: 'applied' });
      await until('the fence around the write', async () => {
        const free = await sql`select host from host_locks where host in (${sql.join(next)}) for no key update skip locked`.execute(bench.db.kysely);
        return free.rows.length < next.length;
      }, 60_000);
      expect(out()).toEqual([]);
    });
    expect((await bench.ended(id)).status).toBe('succeeded');
    expect(bench.names.map((name) => bench.fleet.hosts.get(name)?.version)).toEqual(['v2', 'v2', 'v2']);
  });
});
