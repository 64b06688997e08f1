/** A round over a real Temporal and a real Postgres, for sites that hosts name: found while nobody works there, cleared once somebody does. */
import '../support/quiet-runtime.ts';
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { deleteInventory, putInventory } from '../../db/inventory.ts';
import { listFindings } from '../../db/findings.ts';
import { givePulse } from '../../db/outages.ts';
import { sayNamespace } from '../../db/watchdog-facts.ts';
import { round } from '../../watchdog/round.ts';
import { openEyes, type TemporalEyes } from '../../watchdog/temporal-eyes.ts';
import { ACTOR, hostSpec, openStore, type Store } from '../db/samples.ts';
import { devServer } from '../support/temporal.ts';
import { until } from '../support/until.ts';
import { makeSiteHosts, newSiteKey, startSite } from '../worker/site-process.ts';

const taskQueue = `watchdog-${randomBytes(4).toString('hex')}`;
const signal = new AbortController().signal;
let store: Store;
let eyes: TemporalEyes;

beforeAll(async () => {
  const { address, namespace } = devServer();
  store = await openStore();
  eyes = openEyes({ temporalAddress: address, namespace, taskQueue });
  await sayNamespace(store.db, namespace);
});
afterAll(async () => {
  await eyes?.close();
  await store?.close();
});

async function silentSites(watching: TemporalEyes = eyes): Promise<readonly { readonly id: string; readonly matters: string }[]> {
  await givePulse(store.db);
  await round({ db: store.db, eyes: watching }, { release: null, head: null }, signal);
  return (await listFindings(store.db)).filter(({ kind }) => kind === 'site-silent').map(({ id, matters }) => ({ id, matters: matters ?? '' }));
}

describe('sites that hosts name', () => {
  test('are found while nobody works there, cleared once a worker of theirs is there or no host names them, and not judged from elsewhere', async () => {
    expect(await silentSites()).toEqual([]);
    for (const [name, site] of [['web-01', 'west'], ['web-02', 'west'], ['web-03', 'east']] as const) {
      await putInventory(store.db, { kind: 'host', spec: { ...hostSpec(name), site }, expectedVersion: null, actor: ACTOR, name });
    }
    expect(await silentSites()).toEqual([{ id: 'site-silent/east', matters: expect.stringContaining('web-03 cannot be reached') }, { id: 'site-silent/west', matters: expect.stringContaining('web-01, web-02 cannot be reached') }]);

    const { folder, dispose } = makeSiteHosts();
    const west = await startSite({ site: 'west', taskQueue, keys: [newSiteKey()], folder });
    const left = await until('only the other site is silent', async () => {
      const found = await silentSites();
      return found.length === 1 && found;
    });
    expect(left).toMatchObject([{ id: 'site-silent/east' }]);
    expect(await silentSites({ ...eyes, namespace: 'elsewhere' })).toMatchObject([{ id: 'site-silent/east' }]);
    await west.end();
    dispose();

    await deleteInventory(store.db, { kind: 'host', name: 'web-03', expectedVersion: 1, actor: ACTOR });
    expect((await silentSites()).map(({ id }) => id)).not.toContain('site-silent/east');
  });
});
