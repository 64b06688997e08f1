/** Fencing: a higher epoch ends whoever is at work, and returns only when the host is quiet. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { encodeHostInput } from '../../drivers/executors/host-protocol.ts';
import type { HostInput } from '../../drivers/executors/port.ts';
import { SHELLS, makeBench, step, witness } from './host-bench.ts';
import { until } from '../support/until.ts';
import type { HostBench } from './host-bench.ts';

const benches: HostBench[] = [];
afterEach(() => {
  for (const bench of benches.splice(0)) bench.dispose();
});
const fresh = (shell: (typeof SHELLS)[number]): HostBench => {
  const bench = makeBench(shell);
  benches.push(bench);
  return bench;
};

const hook = (bench: HostBench, script: string, extra: HostInput = {}): HostInput => ({
  ...step('hook'), at: 'before-stop', 'command.0': '/bin/sh', 'command.1': '-c', 'command.2': script.replaceAll('WITNESS', join(bench.root, 'witness')), timeoutSeconds: '30', idempotent: 'false', ...extra,
});

function begin(bench: HostBench, verb: string, input: HostInput): { pid: number; ended: Promise<unknown> } {
  const child = bench.spawn(verb, encodeHostInput({ root: bench.root, ...input }));
  return { pid: child.pid ?? 0, ended: new Promise((resolve) => child.once('exit', (_, signal) => resolve(signal))) };
}

const alive = (pid: number): boolean => existsSync(`/proc/${pid}`) && !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));

describe.each(SHELLS)('under %s', (shell) => {
  test('fence ends the running operation and its hook before it answers', async () => {
    const bench = fresh(shell);
    const running = begin(bench, 'hook', hook(bench, 'echo $$ >> WITNESS; sleep 60; echo late >> WITNESS'));
    await until('the hook runs', () => witness(bench).length === 1);
    const hookPid = Number(witness(bench)[0]);
    const answer = await bench.result('fence', { epoch: '2', applications: 'web' });
    expect(answer).toMatchObject({ maxEpoch: 2 });
    expect(alive(hookPid)).toBe(false);
    expect(await running.ended).toBe('SIGKILL');
    expect(witness(bench)).toHaveLength(1);
  });

  test('a fenced hook that is not idempotent is an unknown outcome and is not run again', async () => {
    const bench = fresh(shell);
    const running = begin(bench, 'hook', hook(bench, 'echo begun >> WITNESS; sleep 60'));
    await until('the hook runs', () => witness(bench).length === 1);
    await bench.result('fence', { epoch: '2', applications: 'web' });
    await running.ended;
    expect(await bench.run('hook', hook(bench, 'echo begun >> WITNESS; sleep 60', { epoch: '2' }))).toMatchObject({ ok: false, error: 'unknown-outcome' });
    expect(witness(bench)).toHaveLength(1);
  });

  test('an idempotent hook that was cut off runs again', async () => {
    const bench = fresh(shell);
    const script = 'echo begun >> WITNESS; [ -e WITNESS.2 ] || { : > WITNESS.2; sleep 60; }';
    const running = begin(bench, 'hook', hook(bench, script, { idempotent: 'true' }));
    await until('the hook runs', () => existsSync(join(bench.root, 'witness.2')));
    await bench.result('fence', { epoch: '2', applications: 'web' });
    await running.ended;
    expect(await bench.run('hook', hook(bench, script, { idempotent: 'true', epoch: '2' }))).toMatchObject({ ok: true });
    expect(witness(bench)).toHaveLength(2);
  });

  test('a hook that outlives its killed program still tells its end, and runs once', async () => {
    const bench = fresh(shell);
    const running = begin(bench, 'hook', hook(bench, 'echo begun >> WITNESS; sleep 0.3; echo ended >> WITNESS'));
    await until('the hook runs', () => witness(bench).length === 1);
    process.kill(running.pid, 'SIGKILL');
    await running.ended;
    expect(await bench.run('hook', hook(bench, 'echo begun >> WITNESS; sleep 0.3; echo ended >> WITNESS'))).toMatchObject({ ok: true, result: { status: 0 } });
    expect(witness(bench)).toEqual(['begun', 'ended']);
  });

  test('a fence of the same epoch leaves the operation of that epoch alone and waits for it', async () => {
    const bench = fresh(shell);
    const running = begin(bench, 'hook', hook(bench, 'echo begun >> WITNESS; sleep 0.3; echo ended >> WITNESS'));
    await until('the hook runs', () => witness(bench).length === 1);
    await bench.result('fence', { epoch: '1', applications: 'web' });
    expect(witness(bench)).toEqual(['begun', 'ended']);
    expect(await running.ended).toBe(null);
  });

  test('a recorded process with other start ticks or of another boot is not killed', async () => {
    const bench = fresh(shell);
    const running = begin(bench, 'hook', hook(bench, 'echo begun >> WITNESS; sleep 0.5; echo ended >> WITNESS'));
    await until('the hook runs', () => witness(bench).length === 1);
    const file = join(bench.root, '.signalbox/running');
    const lines = readFileSync(file, 'utf8').trim().split('\n').map((line) => line.split(' '));
    writeFileSync(file, lines.map(([pid, ticks, boot, ...rest], index) => [pid, index === 0 ? Number(ticks) + 1 : ticks, index === 0 ? boot : 'another-boot', ...rest].join(' ')).join('\n').concat('\n'));
    await bench.result('fence', { epoch: '2', applications: 'web' });
    expect(witness(bench)).toEqual(['begun', 'ended']);
    expect(await running.ended).toBe(null);
  });

  test('a stale operation that waited for the lock is refused when it gets it', async () => {
    const bench = fresh(shell);
    const first = begin(bench, 'hook', hook(bench, 'echo begun >> WITNESS; sleep 60'));
    await until('the hook runs', () => witness(bench).length === 1);
    const waiting = bench.run('stop', step('stop'));
    await bench.result('fence', { epoch: '2', applications: 'web' });
    expect(await waiting).toMatchObject({ ok: false, error: 'stale-epoch' });
    await first.ended;
  });

  test('a hook that fails or takes too long is remembered as failed', async () => {
    const bench = fresh(shell);
    const failing = hook(bench, 'echo no >> WITNESS; echo why; exit 3');
    expect(await bench.run('hook', failing)).toMatchObject({ ok: false, error: 'hook-failed', detail: { status: 3, log: 'why\n' } });
    expect(await bench.run('hook', failing)).toMatchObject({ ok: false, error: 'hook-failed', detail: { status: 3 } });
    const slow = hook(bench, 'sleep 60', { ...step('slow'), timeoutSeconds: '1' });
    expect(await bench.run('hook', slow)).toMatchObject({ ok: false, error: 'hook-failed', detail: { status: 124 } });
    expect(witness(bench)).toHaveLength(1);
  });
});
