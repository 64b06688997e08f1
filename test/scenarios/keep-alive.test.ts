/** Dead services outside releases: a real host program and real processes that are killed, a real database, and the watch over hosts as in a worker. */
import { sql } from 'kysely';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { appendTargetEvent } from '../../db/events.ts';
import { listFindings } from '../../db/findings.ts';
import { listOwnRepairs } from '../../db/repairs.ts';
import { createLocalExecutor, type LocalExecutor } from '../../drivers/executors/local.ts';
import { FLAPS } from '../../domain/keep-alive.ts';
import { SIGNALBOX } from '../../domain/vocabulary.ts';
import { startHostWatch } from '../../worker/host-watch.ts';
import { startApiUnderTest, type ApiUnderTest } from '../api/api-under-test.ts';
import { APPLICATION, host, STRATEGY } from '../api/samples.ts';
import { begun, end, endAll, observation, running, succeeded } from '../db/samples.ts';
import { HOST_PROGRAM, install, makeBench, observe, step, witness, type HostBench, type Installed } from '../host/host-bench.ts';
import { until } from '../support/until.ts';
import type { Executor } from '../../drivers/executors/port.ts';
import type { Loop } from '../../worker/dispatcher.ts';

const HOST = 'web-01';
const FLAPPING = `service-flapping/${HOST}/web`;
const log = pino({ level: 'silent' });
let api: ApiUnderTest;
let local: LocalExecutor;
let machine: HostBench;
let good: Installed;
let looks: number;
const watches: Loop[] = [];

beforeEach(async () => {
  api = await startApiUnderTest();
  local = createLocalExecutor({ hostProgram: HOST_PROGRAM });
  machine = makeBench('dash');
  looks = 0;
  good = await install(machine, '1.0.0');
  await machine.result('switch', { ...step('switch'), ...good, expectedDigest: '' });
  await machine.result('start', step('start'));
  const documents = [APPLICATION, STRATEGY, { ...host(HOST), executor: { driver: 'local', root: machine.root } }, { kind: 'Pool', name: 'web-prod', environment: 'prod', applications: ['web'], hosts: [HOST], traffic: { driver: 'none' } }];
  expect((await api.ask('POST', '/v1/apply', { body: { documents } })).status).toBe(200);
  // A release found it running, took it out and in again, and left what was there.
  const { release, epoch } = await running(api.db, { hosts: [HOST] });
  await appendTargetEvent(api.db, { release, opId: 'observe', actor: SIGNALBOX, event: { type: 'target-observed', data: { host: HOST, epoch, observation: observation(good.digest) } } });
  for (const event of [begun(HOST, epoch), succeeded(HOST, epoch), succeeded(HOST, epoch, 'admit')]) await appendTargetEvent(api.db, { release, opId: `${event.type}/${'step' in event.data ? event.data.step : ''}`, actor: SIGNALBOX, event });
  await end(api.db, release);
});
afterEach(async () => {
  for (const watch of watches.splice(0)) await watch.stop();
  await local.close();
  machine.dispose();
  await endAll(api.db);
  await api.close();
});

/** Counts looks; `before` runs ahead of a verb. */
function watch({ everyMs, before = async () => undefined }: { readonly everyMs?: number; readonly before?: (verb: string) => Promise<unknown> } = {}): void {
  const executor: Executor = {
    driver: 'local',
    run: async (to, verb, input, options) => {
      await before(verb);
      const answer = await local.run(to, verb, input, options);
      if (verb === 'observe') looks++;
      return answer;
    },
  };
  watches.push(startHostWatch({ db: api.db, executorFor: () => executor, log, by: 'test', ...(everyMs === undefined ? {} : { everyMs }) }));
}

const pid = async (): Promise<number | null> => (await observe(machine)).process?.pid ?? null;
async function kill(): Promise<number> {
  const running = (await pid()) ?? 0;
  process.kill(running, 'SIGKILL');
  await until('it is dead', async () => (await pid()) === null);
  return running;
}
const again = (not: number | null): Promise<number> => until('it runs again', async () => {
  const now = await pid();
  return now !== null && now !== not && now;
}, 30_000);
const looksMore = async (count: number): Promise<void> => {
  const from = looks;
  await until(`${count} more looks`, () => looks >= from + count, 30_000);
};
const lastTurn = async (): Promise<number> => (await sql<{ at: Date }>`select at from watchdog_turns where part = 'hosts'`.execute(api.db.kysely)).rows[0]?.at.getTime() ?? 0;
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) {
    const last = await lastTurn();
    await until('a turn', async () => (await lastTurn()) !== last, 30_000);
  }
}
const findings = async (): Promise<readonly string[]> => (await listFindings(api.db)).map(({ id }) => id);

describe('a service that was killed', () => {
  test('is started again within 30 s at the pace of a worker, counted, and said', async () => {
    watch();
    const killedMs = performance.now();
    await again(await kill());
    expect(performance.now() - killedMs).toBeLessThan(30_000);
    expect(witness(machine)).toHaveLength(2);
    await until('it is said', async () => (await listOwnRepairs(api.db, { limit: 5 })).length > 0);
    expect(await listOwnRepairs(api.db, { limit: 5 })).toMatchObject([{ what: 'started-again', subject: `${HOST}/web` }]);
    expect((await api.ask('GET', `/v1/hosts/${HOST}/liveness`)).body.startedAgain).toMatchObject([{ application: 'web', times: 1, lastAt: expect.stringMatching(/^20.*Z$/) }]);
    expect(await findings()).toEqual([]);
  });

  test('while a release owns its host is not touched; once the host is free it is', async () => {
    const { release } = await running(api.db, { hosts: [HOST] });
    watch({ everyMs: 50 });
    const before = await kill();
    await turns(3);
    expect(await pid()).toBeNull();
    await end(api.db, release);
    await again(before);
  });

  test('that an operator drained stays dead until it is admitted', async () => {
    await api.ask('POST', `/v1/hosts/${HOST}/drain`, { body: { reason: 'new disk', force: true } });
    watch({ everyMs: 50 });
    const before = await kill();
    await looksMore(3);
    expect(await pid()).toBeNull();
    await api.ask('POST', `/v1/hosts/${HOST}/admit`, { body: { reason: 'it is in' } });
    await again(before);
  });

  test('is not started against a newer command that reached the host after the look', async () => {
    let newer = 1_000;
    watch({ everyMs: 50, before: async (verb) => (verb === 'start' ? machine.result('fence', { applications: 'web', epoch: String((newer += 1_000)) }) : undefined) });
    await kill();
    await until('a start was refused', async () => (await api.db.kysely.selectFrom('service_starts').select('outcome').execute()).some(({ outcome }) => outcome?.includes('newer command')));
    expect(await pid()).toBeNull();
    expect(witness(machine)).toHaveLength(1);
  });

  test('is not started when a release takes the host between the look and the start', async () => {
    let taken = false;
    watch({ everyMs: 50, before: async (verb) => {
      if (verb !== 'observe' || taken || (await pid()) !== null) return;
      taken = true;
      await running(api.db, { hosts: [HOST] });
    } });
    await kill();
    await until('the release has it', () => taken);
    await turns(2);
    expect(witness(machine)).toHaveLength(1);
    expect(await api.db.kysely.selectFrom('service_starts').selectAll().where('looked_at', 'is', null).execute()).toEqual([]);
  });

  test('again and again is left alone and told; its repair starts it again', async () => {
    watch({ everyMs: 50 });
    let last = await kill();
    for (let times = 0; times < FLAPS.startsMax; times++) {
      await again(last);
      last = await kill();
    }
    await until('the finding', async () => (await findings()).includes(FLAPPING));
    await looksMore(3);
    expect(await pid()).toBeNull();
    expect(witness(machine)).toHaveLength(1 + FLAPS.startsMax);
    expect((await api.ask('POST', `/v1/findings/${encodeURIComponent(FLAPPING)}/repair`, { body: { reason: 'looked' } })).body).toMatchObject({ state: 'applied', outcome: expect.stringContaining('kept alive again') });
    expect(await findings()).toEqual([]);
    await again(last);
  });

  test('and left alone is forgotten once somebody else made it run', async () => {
    watch({ everyMs: 50 });
    let last = await kill();
    for (let times = 0; times < FLAPS.startsMax; times++) {
      await again(last);
      last = await kill();
    }
    await until('the finding', async () => (await findings()).includes(FLAPPING));
    const { maxEpoch } = await machine.result('observe', { applications: 'web' });
    await machine.result('start', step('by-a-person', Number(maxEpoch)));
    await until('it is cleared', async () => !(await findings()).includes(FLAPPING));
    await again(await kill());
  });
});
