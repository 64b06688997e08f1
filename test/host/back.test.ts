/** Break-glass on the host's own console: back to the proven version, and nobody acts until that is adopted. */
import { afterEach, describe, expect, test } from 'vitest';
import { encodeHostInput } from '../../drivers/executors/host-protocol.ts';
import type { HostInput, HostVerb } from '../../drivers/executors/port.ts';
import { SHELLS, install, makeBench, observe, step, witness } from './host-bench.ts';
import { until } from '../support/until.ts';
import type { HostBench, Installed } from './host-bench.ts';

const benches: HostBench[] = [];
afterEach(() => {
  for (const bench of benches.splice(0)) bench.dispose();
});

/** Version 1 is proven (clean ended its release), version 2 is linked and runs under epoch 5. */
async function badRelease(shell: (typeof SHELLS)[number]): Promise<{ bench: HostBench; good: Installed; bad: Installed }> {
  const bench = makeBench(shell);
  benches.push(bench);
  const good = await install(bench, '1.0.0');
  await bench.result('switch', { ...step('switch-1'), ...good, expectedDigest: '' });
  await bench.result('clean', { ...step('clean-1'), keep: '5', protect: '' });
  const bad = await install(bench, '2.0.0', { epoch: 5 });
  await bench.result('switch', { ...step('switch-2', 5), ...bad, expectedDigest: good.digest });
  await bench.result('start', step('start-2', 5));
  await until('the bad version runs', () => witness(bench).length === 1);
  return { bench, good, bad };
}

async function back(bench: HostBench, ...words: string[]): Promise<{ ok: boolean; error?: string; result: { marker: string; applications: readonly { version: string; started: boolean }[] } }> {
  const { code, output } = await bench.raw('back', '', ['--root', bench.root, ...words]);
  expect(code, output).toBe(0);
  return JSON.parse(output);
}

describe.each(SHELLS)('under %s', (shell) => {
  test('back stops what runs and starts the last proven version, without network or service', async () => {
    const { bench, good } = await badRelease(shell);
    const { result } = await back(bench);
    expect(result.applications).toMatchObject([{ application: 'web', version: '1.0.0', started: true }]);
    expect(await observe(bench)).toMatchObject({ ...good, version: '1.0.0', process: { pid: expect.any(Number) } });
    expect(await bench.result('observe', { applications: 'web' })).toMatchObject({ marker: result.marker });
    await until('the good version runs', () => witness(bench).length === 2);
    expect(witness(bench)[1]).toContain('1.0.0');
  });

  test('every acting verb is refused until one carries the marker and a new epoch', async () => {
    const { bench, good } = await badRelease(shell);
    const { marker } = (await back(bench)).result;
    const acts: [HostVerb, HostInput][] = [
      ['stop', step('late-stop', 6)],
      ['start', step('late-start', 6)],
      ['start', step('start-2', 5)],
      ['restore', { ...step('late-restore', 6), ...good }],
      ['fence', { epoch: '6', applications: 'web' }],
      ['stop', { ...step('late-marker', 6), marker: 'back-something-else' }],
    ];
    for (const [verb, input] of acts) expect(await bench.run(verb, input), verb).toMatchObject({ ok: false, error: 'adopt-needed', detail: { marker } });
    // The epoch of before cannot tie with what was done by hand.
    expect(await bench.run('fence', { epoch: '5', applications: 'web', marker })).toMatchObject({ ok: false, error: 'stale-epoch' });
    expect(await bench.run('fence', { epoch: '6', applications: 'web', marker })).toMatchObject({ ok: true, result: { marker: null, maxEpoch: 6 } });
    expect(await bench.run('stop', step('now', 6))).toMatchObject({ ok: true });
    expect(await bench.run('stop', step('old', 5))).toMatchObject({ ok: false, error: 'stale-epoch' });
  });

  test('back ends the operation that runs', async () => {
    const { bench } = await badRelease(shell);
    const child = bench.spawn('hook', encodeHostInput({ root: bench.root, ...step('hook', 5), at: 'x', 'command.0': '/bin/sh', 'command.1': '-c', 'command.2': `echo hook >> ${bench.root}/witness; sleep 60`, timeoutSeconds: '60', idempotent: 'false' }));
    const gone = new Promise((resolve) => child.once('exit', (_, signal) => resolve(signal)));
    await until('the hook runs', () => witness(bench).includes('hook'));
    expect((await back(bench, 'web')).ok).toBe(true);
    expect(await gone).toBe('SIGKILL');
  });

  test('back twice keeps one marker and leaves one process running', async () => {
    const { bench } = await badRelease(shell);
    const first = await back(bench);
    const second = await back(bench);
    expect(second.result.marker).toBe(first.result.marker);
    expect(second.result.applications).toMatchObject([{ started: true }]);
    expect((await observe(bench)).process).not.toBe(null);
  });

  test('back on a host that never had a proven version says so', async () => {
    const bench = makeBench(shell);
    benches.push(bench);
    expect(await back(bench)).toMatchObject({ ok: false, error: 'not-unpacked' });
    expect(JSON.parse((await bench.raw('back', '')).output)).toMatchObject({ ok: false, error: 'bad-input' });
  });
});
