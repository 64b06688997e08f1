import { describe, expect, test } from 'vitest';
import { forgetDrain, rememberDrain } from '../../db/flag-drains.ts';
import { observedFlags, setHostFlag } from '../../db/host-flags.ts';
import { listFindings } from '../../db/findings.ts';
import { unhealthy } from '../support/fake-health.ts';
import { using } from './using.ts';
import type { Bench } from '../support/release-bench.ts';
import type { ReleaseView } from '../../domain/release/view.ts';

const HOST = 'web-06';
const PLACE = { host: HOST, pool: 'web-prod' };
const BAKING = { strategy: { bastion: { count: 1, bakeSeconds: 60, promote: 'auto' } } } as const;

const set = (bench: Bench, up: boolean) => setHostFlag(bench.db, { host: HOST, owner: 'operator', pool: null, up, reason: 'new disk', forced: false, actor: { kind: 'token', name: 'op' } });

/** What the keeper of flags does at the balancer. */
const takenOut = async (bench: Bench): Promise<void> => {
  await rememberDrain(bench.db, { ...PLACE, server: HOST, weight: 1 });
  show(bench, { admin: 'drain', inService: false });
};
const broughtBack = async (bench: Bench): Promise<void> => {
  show(bench, { admin: 'ready', inService: true });
  await forgetDrain(bench.db, PLACE);
};
const show = (bench: Bench, more: { readonly admin: 'ready' | 'drain'; readonly inService: boolean }) => bench.traffic.servers.set(HOST, { operational: 'up', weight: 1, connections: 0, ...more });

const keptOut = ({ batches }: ReleaseView) => batches.flatMap(({ targets }) => targets).filter((target) => target.keptOut !== undefined).map(({ host, keptOut: by }) => [host, by]);
const beneath = async (bench: Bench) => (await observedFlags(bench.db, 'web-prod', [HOST])).get(HOST)?.beneath ?? null;
const admitted = (bench: Bench) => bench.traffic.servers.get(HOST);

/** Runs `change` in the pause of the bastion's bake, before the host's turn. */
async function changedInTheBake(bench: Bench, change: () => Promise<void>): Promise<string> {
  const id = await bench.release(BAKING);
  await bench.until(id, ({ waiting }) => waiting?.for === 'bake', 'the bake');
  await change();
  await bench.send(id, 'promote');
  return id;
}

/** Runs `change` right before the host is admitted, behind every look that was taken before. */
function beforeAdmit(bench: Bench, change: () => Promise<unknown>): void {
  const { admit } = bench.traffic;
  let isFirst = true;
  bench.traffic.admit = async (server, wanted, options) => {
    if (server === HOST && isFirst) {
      isFirst = false;
      await change();
    }
    return admit(server, wanted, options);
  };
}

describe('a host under a lowered flag', () => {
  test('gets the new version, is not admitted, and is listed as kept out; the flag alone holds it then', async () => {
    await using(6, {}, async (bench) => {
      await set(bench, false);
      await takenOut(bench);
      const release = await bench.ended(await bench.release());
      expect(release).toMatchObject({ status: 'succeeded', warnings: expect.arrayContaining([`Released but left out of traffic, as somebody put them: ${HOST}.`]) });
      expect(keptOut(release)).toEqual([[HOST, ['operator']]]);
      expect(bench.fleet.hosts.get(HOST)?.version).toBe('v2');
      expect(admitted(bench)).toMatchObject({ admin: 'drain', inService: false });
      expect(await beneath(bench)).toEqual({ weight: 1 });
    });
  });

  test('that is raised in the middle of the release serves at its end, as it stood before', async () => {
    await using(6, {}, async (bench) => {
      await set(bench, false);
      await takenOut(bench);
      const id = await changedInTheBake(bench, async () => {
        await set(bench, true);
        await broughtBack(bench);
      });
      const release = await bench.ended(id);
      expect(release).toMatchObject({ status: 'succeeded', paused: null });
      expect(keptOut(release)).toEqual([]);
      expect(admitted(bench)).toMatchObject({ admin: 'ready', inService: true });
      expect(await listFindings(bench.db)).toEqual([]);
    });
  });

  test('that is raised while the release has it in work is admitted by the release', async () => {
    await using(6, {}, async (bench) => {
      await set(bench, false);
      await takenOut(bench);
      beforeAdmit(bench, () => set(bench, true));
      const release = await bench.ended(await bench.release());
      expect(keptOut(release)).toEqual([]);
      expect(admitted(bench)).toMatchObject({ admin: 'ready', inService: true });
      expect(await beneath(bench)).toBe(null);
    });
  });
});

describe('a flag that is lowered in the middle of a release', () => {
  test('before the host\'s turn is no drift: the host is installed and stays out', async () => {
    await using(6, {}, async (bench) => {
      const id = await changedInTheBake(bench, async () => {
        await set(bench, false);
        await takenOut(bench);
      });
      const release = await bench.ended(id);
      expect(release).toMatchObject({ status: 'succeeded', paused: null });
      expect(keptOut(release)).toEqual([[HOST, ['operator']]]);
      expect(bench.fleet.hosts.get(HOST)?.version).toBe('v2');
      expect(admitted(bench)).toMatchObject({ admin: 'drain' });
    });
  });

  test('at the very moment of the admission keeps the host out, and leaves it to the flag', async () => {
    await using(6, {}, async (bench) => {
      beforeAdmit(bench, () => set(bench, false));
      const release = await bench.ended(await bench.release());
      expect(release.status).toBe('succeeded');
      expect(keptOut(release)).toEqual([[HOST, ['operator']]]);
      expect(admitted(bench)).toMatchObject({ admin: 'drain' });
      expect(await beneath(bench)).toEqual({ weight: 1 });
    });
  });

  test('after the host was admitted is nothing the audit complains of', async () => {
    await using(6, {}, async (bench) => {
      const id = await bench.release({ strategy: { postRelease: { watchSeconds: 60 } } });
      await bench.until(id, ({ status }) => status === 'post-release', 'the watch');
      await set(bench, false);
      await takenOut(bench);
      await bench.send(id, 'promote');
      expect(await bench.ended(id)).toMatchObject({ status: 'succeeded', paused: null });
    });
  });
});

describe('a rollback', () => {
  const bad = { health: [{ call: `verify ${HOST}`, nth: 1, fault: { lie: unhealthy('wrong-version', 'v1 answered') } }] };
  const versions = (bench: Bench) => [...bench.fleet.hosts.values()].map(({ version }) => version);

  test('restores a host whose flag was lowered meanwhile, and leaves it out', async () => {
    await using(6, bad, async (bench) => {
      const id = await changedInTheBake(bench, async () => {
        await set(bench, false);
        await takenOut(bench);
      });
      expect((await bench.ended(id)).status).toBe('rolled-back');
      expect(versions(bench)).toEqual(Array.from({ length: 6 }, () => 'v1'));
      expect(admitted(bench)).toMatchObject({ admin: 'drain' });
      expect(await beneath(bench)).toEqual({ weight: 1 });
    });
  });

  test('brings a host whose flag was raised meanwhile to service, as it stood before any flag', async () => {
    await using(6, bad, async (bench) => {
      await set(bench, false);
      await takenOut(bench);
      const id = await changedInTheBake(bench, async () => {
        await set(bench, true);
        await broughtBack(bench);
      });
      expect((await bench.ended(id)).status).toBe('rolled-back');
      expect(versions(bench)).toEqual(Array.from({ length: 6 }, () => 'v1'));
      expect(admitted(bench)).toMatchObject({ admin: 'ready', inService: true });
    });
  });
});
