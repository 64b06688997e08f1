import { MockActivityEnvironment } from '@temporalio/testing';
import { describe, expect, test } from 'vitest';
import { createActivities } from '../../activities/activities.ts';
import { createFacts } from '../../activities/facts.ts';
import { readReleaseEvents } from '../../db/events.ts';
import { until } from '../support/until.ts';
import { using } from './using.ts';
import type { LateCommand } from '../../db/refusals.ts';
import type { StepInput } from '../../activities/step-context.ts';
import type { Bench } from '../support/release-bench.ts';
import type { Traffic } from '../../drivers/traffic/port.ts';

/** The activities as a second worker would run them: same database, hosts and balancer. */
function otherWorker(bench: Bench, traffic: Traffic = bench.traffic) {
  return createActivities({
    db: bench.db, facts: createFacts(bench.db), health: bench.health,
    hostProgram: null,
    executorFor: () => bench.fleet.executor,
    trafficFor: () => traffic,
    storeFor: () => ({ driver: 'fake', schemes: ['http'], inspect: async () => ({ sizeBytes: null }) }),
    fetching: (_signal, work) => work(),
  });
}

/** A release that bakes behind its bastion, and what an activity on that bastion is given. */
async function baking(bench: Bench): Promise<{ readonly id: string; readonly input: StepInput }> {
  const id = await bench.release({ strategy: { bastion: { count: 1, bakeSeconds: 60, promote: 'auto' } } });
  const release = await bench.until(id, ({ waiting }) => waiting?.for === 'bake', 'the bake');
  const acquired = (await readReleaseEvents(bench.db, { release: id })).find(({ type }) => type === 'pool-acquired');
  const { epoch } = (acquired as unknown as { data: { epoch: number } }).data;
  return { id, input: { release: id, host: release.batches[0]?.targets[0]?.host ?? '', epoch, direction: 'forward', round: 0, preImageOf: id } };
}

/** What the log says of late commands on that host. */
async function refusals({ db }: Bench, host: string) {
  const { rows } = await db.pool.query<{ data: LateCommand }>(`select data from events where stream = $1 and type = 'late-command-refused' order by version`, [`refusal/${host}`]);
  return rows.map(({ data }) => data);
}

/** Everything an activity could change. */
async function world(bench: Bench, id: string) {
  const hosts = [...bench.fleet.hosts.entries()].map(([name, { digest, config, pid, maxEpoch, starts }]) => ({ name, digest, config, pid, maxEpoch, starts: [...starts] }));
  return { hosts, servers: [...bench.traffic.servers.entries()], events: (await readReleaseEvents(bench.db, { release: id })).length };
}

describe('a worker that was frozen while its release was rolled back', () => {
  test('effects nothing after the thaw, whichever step it was at', async () => {
    await using(4, {}, async (bench) => {
      const { id, input } = await baking(bench);
      await bench.send(id, 'rollback', { mode: 'emergency' });
      await bench.ended(id);
      const before = await world(bench, id);
      const activities = otherWorker(bench);
      const steps = [activities.drainTarget, activities.stopTarget, activities.switchTarget, activities.startTarget, activities.verifyTarget, activities.admitTarget, activities.fenceTarget];
      const outcomes: (string | undefined)[] = [];
      for (const step of steps) {
        // A round of its own, so that no remembered answer of the host stands in for a refusal.
        outcomes.push(await new MockActivityEnvironment().run(step, { ...input, round: 7 }).then(() => 'done', (error: { type?: string; message: string }) => error.type ?? error.message));
      }
      expect(outcomes).toEqual(steps.map(() => 'StaleEpoch'));
      expect(await world(bench, id)).toEqual(before);
      const { host, epoch } = input;
      const noted = await refusals(bench, host);
      expect(noted.map(({ step }) => step)).toEqual(['drain', 'stop', 'switch', 'start', 'verify', 'admit', 'fence']);
      for (const one of noted) expect(one).toMatchObject({ release: id, host, epoch, direction: 'forward', round: 7, sentence: expect.stringMatching(/void|outdated/) });
    });
  });

  test('does not put the host into service, even when it was frozen right before the write', async () => {
    await using(4, {}, async (bench) => {
      const { id, input } = await baking(bench);
      const thaw = Promise.withResolvers<void>();
      let isFrozen = false;
      const frozen: Traffic = {
        ...bench.traffic,
        admit: async (server, wanted, options) => {
          isFrozen = true;
          await thaw.promise;
          return bench.traffic.admit(server, wanted, options);
        },
      };
      const zombie = new MockActivityEnvironment().run(otherWorker(bench, frozen).admitTarget, input).then(() => 'done', (error: { type?: string }) => error.type);
      await until('the zombie is frozen', () => isFrozen);
      await bench.send(id, 'rollback', { mode: 'emergency' });
      await bench.ended(id);
      const { host } = input;
      bench.traffic.servers.set(host, { admin: 'drain', operational: 'up', weight: 1, connections: 0, inService: false });
      const before = await world(bench, id);
      thaw.resolve();
      expect(await zombie).toBe('StaleEpoch');
      expect(await world(bench, id)).toEqual(before);
      expect(await refusals(bench, host)).toMatchObject([{ release: id, step: 'admit', epoch: input.epoch }]);
    });
  });
});
