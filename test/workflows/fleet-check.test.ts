/** Fleet checks over a real Temporal, Postgres and worker; hosts in memory, whose faults are scripted. */
import { afterEach, describe, expect, test } from 'vitest';
import { sql } from 'kysely';
import { inTransaction } from '../../db/client.ts';
import { askFleetCheck, getFleetCheck } from '../../db/fleet-checks.ts';
import { listFindings } from '../../db/findings.ts';
import { applyInventory, deleteInventory } from '../../db/inventory.ts';
import { pageLiveness } from '../../db/liveness.ts';
import { ExecutorDown, HostUnreachable } from '../../drivers/executors/port.ts';
import { fleetCheckWorkflowId } from '../../workflows/messages.ts';
import { times } from '../activities/using.ts';
import { ACTOR, hostSpec } from '../db/samples.ts';
import { openBench, type Bench, type Faults } from '../support/release-bench.ts';
import { until } from '../support/until.ts';
import type { FleetCheck } from '../../db/fleet-checks.ts';

let bench: Bench;
let asked = 0;
afterEach(() => bench?.close());

async function openFleet(hosts: number, faults: Faults = {}): Promise<void> {
  bench = await openBench(hosts, faults);
  await applyInventory(bench.db, { documents: bench.names.map((name) => ({ kind: 'host' as const, name, spec: hostSpec(name) })), actor: ACTOR, dryRun: false });
}

async function check(timeoutMs?: number): Promise<FleetCheck> {
  const id = `k-test${String(asked++).padStart(6, '0')}`;
  await inTransaction(bench.db, (tx) => askFleetCheck(tx, { id, actor: ACTOR, reason: null }));
  return until('the end of the check', async () => {
    const found = await getFleetCheck(bench.db, id);
    return found?.finishedAt != null && found;
  }, timeoutMs ?? 40_000);
}

const findings = async (): Promise<readonly string[]> => (await listFindings(bench.db)).map(({ id }) => id);
const states = async () => Object.fromEntries((await pageLiveness(bench.db, { limit: 100 })).map(({ host, known }) => [host, known?.state ?? 'unknown']));
const silent = (host: string) => ({ fail: new HostUnreachable(host, 'connection refused') });

describe('a fleet check', () => {
  test('tells which hosts are dead, and takes it back at the next one when they answer; a hiccup is none', async () => {
    await openFleet(4, { executor: [...times(2, 'observe web-02', silent('web-02')), ...times(1, 'observe web-03', silent('web-03'))] });
    expect(await check()).toMatchObject({ hosts: 4, dead: 1, unjudged: 0 });
    expect(await states()).toEqual({ 'web-01': 'up', 'web-02': 'dead', 'web-03': 'up', 'web-04': 'up' });
    expect(await listFindings(bench.db)).toMatchObject([{ id: 'host-unreachable/web-02', sentence: expect.stringContaining('connection refused') }]);
    expect(await check()).toMatchObject({ hosts: 4, dead: 0 });
    expect(await findings()).toEqual([]);
    expect(await states()).toMatchObject({ 'web-02': 'up' });
  });

  test('says nothing of hosts while the way to them is away: what was known of them stays', async () => {
    await openFleet(2, { executor: [...times(2, 'observe web-02', silent('web-02')), { call: 'observe web-02', nth: 3, fault: { fail: new ExecutorDown('no ssh') } }] });
    await check();
    expect(await check()).toMatchObject({ hosts: 2, dead: 0, unjudged: 1 });
    expect(await states()).toEqual({ 'web-01': 'up', 'web-02': 'dead' });
    expect(await findings()).toEqual(['host-unreachable/web-02']);
  });

  test('tells a full disk, a wrong clock and another host program, and takes a host that left the inventory along', async () => {
    const answer = { ok: true, repeated: false, result: { bootId: 'b', freeBytes: 1, maxEpoch: 0, missing: [], marker: null, applications: [], vitals: { clockSeconds: 1, diskBytes: 1000, programDigest: 'f'.repeat(64) } } } as const;
    await openFleet(2, { executor: [{ call: 'observe web-01', nth: 1, fault: { lie: answer } }] });
    await check();
    expect([...(await findings())].sort()).toEqual(['clock-skewed/web-01', 'disk-nearly-full/web-01', 'host-program-old/web-01']);
    expect((await pageLiveness(bench.db, { only: 'web-01', limit: 1 }))[0]?.known?.vitals).toMatchObject({ freeBytes: 1, diskBytes: 1000, program: 'f'.repeat(64) });
    await deleteInventory(bench.db, { kind: 'host', name: 'web-01', expectedVersion: null, actor: ACTOR });
    expect(await check()).toMatchObject({ hosts: 1 });
    expect(await findings()).toEqual([]);
    expect(await states()).toEqual({ 'web-02': 'up' });
  });

  test('of a host whose program is too old to be asked for vitals tells that, and all else it can', async () => {
    const tooOld = { lie: { ok: false, error: 'bad-input', message: "The verb observe does not take 'vitals'.", detail: {} } } as const;
    await openFleet(1, { executor: [{ call: 'observe web-01', nth: 1, fault: tooOld }] });
    expect(await check()).toMatchObject({ hosts: 1, dead: 0 });
    expect(await findings()).toEqual(['host-program-old/web-01']);
    expect(await states()).toEqual({ 'web-01': 'up' });
  });

  test('of 2,050 hosts asks each once, in more than one run, each with a small history', async () => {
    await openFleet(2050);
    const { id, ...counts } = await check(120_000);
    expect(counts).toMatchObject({ hosts: 2050, dead: 0, unjudged: 0 });
    const probed = bench.fleet.executor.calls.filter((call) => call.startsWith('observe '));
    expect(probed.length).toBe(2050);
    expect(new Set(probed).size).toBe(2050);
    const handle = bench.client.workflow.getHandle(fleetCheckWorkflowId(id));
    const last = await handle.describe();
    expect(last.historyLength).toBeLessThan(100);
    const started = (await handle.fetchHistory()).events?.[0]?.workflowExecutionStartedEventAttributes;
    expect(started?.continuedExecutionRunId).not.toBe('');
    const first = await bench.client.workflow.getHandle(fleetCheckWorkflowId(id), started?.firstExecutionRunId ?? '').describe();
    expect(first.status.name).toBe('CONTINUED_AS_NEW');
    expect(first.historyLength).toBeLessThan(1_000);
    const rows = await sql<{ count: number }>`select count(*)::int as count from host_liveness where state = 'up'`.execute(bench.db.kysely);
    expect(rows.rows[0]?.count).toBe(2050);
  }, 150_000);
});
