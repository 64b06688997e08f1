/** Machines that no release should begin on, as preparation finds them: the real host program, reached by the real local executor. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createActivities } from '../../activities/activities.ts';
import { createFacts } from '../../activities/facts.ts';
import { acquirePool } from '../../db/pools.ts';
import { createReleaseRequest, openRelease } from '../../db/requests.ts';
import { createLocalExecutor } from '../../drivers/executors/local.ts';
import { SYSTEM_PATH } from '../../drivers/executors/system-path.ts';
import { ACTOR, endAll, inventoryOf, newId, openStore, requestOf, type Store } from '../db/samples.ts';
import { HOST_PROGRAM } from '../host/host-bench.ts';
import { createFakeHealth } from '../support/fake-health.ts';
import { createFakeTraffic } from '../support/fake-traffic.ts';
import type { Survey } from '../../activities/observe-targets.ts';
import type { ReleaseKind } from '../../domain/vocabulary.ts';

const HOST = 'web-01';
let store: Store;
let folder: string;
let hostProgram: string;
const closings: (() => Promise<void>)[] = [];

beforeAll(async () => {
  store = await openStore();
});
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fitness-'));
  hostProgram = HOST_PROGRAM;
});
afterEach(async () => {
  for (const close of closings.splice(0)) await close();
  await endAll(store.db);
  rmSync(folder, { recursive: true, force: true });
});
afterAll(() => store?.close());

/** A tool of the host that answers otherwise than this machine's. */
function tool(name: string, script: string): void {
  const file = join(folder, name);
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
}

async function survey(kind: ReleaseKind = 'rollout'): Promise<Survey> {
  const { db } = store;
  const release = newId();
  const inventory = inventoryOf('web-prod', [HOST]);
  const hosts = inventory.hosts.map((host) => ({ ...host, executor: { driver: 'local' as const, root: join(folder, 'root') } }));
  await createReleaseRequest(db, { id: release, request: requestOf(release, { hosts: [HOST] }), inventory: { ...inventory, hosts }, actor: ACTOR });
  await openRelease(db, { release });
  const acquired = await acquirePool(db, { release, opId: 'acquire', actor: ACTOR });
  if (acquired.type !== 'pool-acquired') throw new Error(`no pool: ${acquired.type}`);
  const local = createLocalExecutor({ hostProgram, path: `${folder}:${SYSTEM_PATH}` });
  closings.push(() => local.close());
  const activities = createActivities({
    db, facts: createFacts(db), health: createFakeHealth(), hostProgram: null,
    executorFor: () => local,
    trafficFor: () => createFakeTraffic([HOST]),
    storeFor: () => ({ driver: 'fake', schemes: ['https'], inspect: async () => ({ sizeBytes: null }) }),
    fetching: (_signal, work) => work(),
  });
  return (await new MockActivityEnvironment().run(activities.observeTargets, { release, epoch: acquired.data.epoch, hosts: [HOST], adopt: false, kind })) as Survey;
}

const WRONG_CLOCK = `echo $(($(/bin/date +%s) - 7200))`;

describe('preparation', () => {
  test('goes on with a machine that is well', async () => {
    expect(await survey()).toMatchObject({ inService: [HOST], failed: [] });
  });

  test('refuses a host whose clock is wrong, and says by how much and what to do', async () => {
    tool('date', WRONG_CLOCK);
    const { failed } = await survey();
    expect(failed).toMatchObject([{ host: HOST, step: 'observe', failure: { class: 'host', code: 'clock-skewed' } }]);
    expect(failed[0]?.failure.message).toMatch(/The clock of web-01 is at least 7(199|200|198) s behind/);
    expect(failed[0]?.failure.next).toContain('Set the clock');
  });

  test('refuses a host whose disk is full to the last byte', async () => {
    tool('df', 'echo Filesystem 1024-blocks Used Available Capacity Mounted on; echo /dev/x 1000000 1000000 0 100% /');
    expect((await survey()).failed).toMatchObject([{ failure: { class: 'host', code: 'disk-full', message: expect.stringContaining('0 MB free') } }]);
  });

  test('refuses a host whose host program is too old for this worker', async () => {
    hostProgram = join(folder, 'old-program');
    writeFileSync(hostProgram, readFileSync(HOST_PROGRAM, 'utf8').replace(' logApplication vitals', ' logApplication'));
    expect((await survey()).failed).toMatchObject([{ failure: { class: 'host', code: 'host-program-old', next: expect.stringContaining('Install the host program') } }]);
  });

  test('of a rollback goes on whatever clock and host program are: it brings back what ran there', async () => {
    tool('date', WRONG_CLOCK);
    hostProgram = join(folder, 'old-program');
    writeFileSync(hostProgram, readFileSync(HOST_PROGRAM, 'utf8').replace(' logApplication vitals', ' logApplication'));
    expect((await survey('rollback')).failed).toEqual([]);
  });
});
