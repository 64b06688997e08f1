/** Where hooks run and as whom: in the linked release, in the application's environment. That they run once stands in fence.test.ts. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { SHELLS, install, makeBench, step, witness } from './host-bench.ts';
import type { HostBench } from './host-bench.ts';
import type { HostInput } from '../../drivers/executors/port.ts';

const benches: HostBench[] = [];
afterEach(() => {
  for (const bench of benches.splice(0)) bench.dispose();
});

const fresh = (shell: (typeof SHELLS)[number]): HostBench => {
  const bench = makeBench(shell);
  benches.push(bench);
  return bench;
};

const hook = (script: string, extra: HostInput = {}): HostInput => ({ ...step('after-start.0'), at: 'after-start', 'command.0': '/bin/sh', 'command.1': '-c', 'command.2': script, timeoutSeconds: '30', idempotent: 'false', unlinked: 'skip', ...extra });

describe.each(SHELLS)('under %s', (shell) => {
  test('a hook runs in the folder of the linked release, with the environment of its application and the name of the step', async () => {
    const bench = fresh(shell);
    const { digest, config } = await install(bench, '1.0.0', { extra: { 'env.ODD': 'a b%c\n"d"' } });
    await bench.result('switch', { ...step('switch'), digest, config, expectedDigest: '' });
    const result = await bench.result('hook', hook('printf "%s|" "$ODD" "$WITNESS" "$SIGNALBOX_APPLICATION" "$SIGNALBOX_OP_ID"; cat version; pwd'));
    expect(result['log']).toBe(`a b%c\n"d"|${join(bench.root, 'witness')}|web|r-1/0/host-1/web/after-start.0/forward/0|1.0.0${join(bench.root, 'web/releases', digest)}\n`);
  });

  test('where nothing is linked a hook of a release is skipped for good, also when a release is linked later', async () => {
    const bench = fresh(shell);
    const { digest, config } = await install(bench, '1.0.0');
    const asked = hook('echo ran >> "$WITNESS"');
    expect(await bench.run('hook', asked)).toMatchObject({ ok: true, repeated: false, result: { skipped: true } });
    await bench.result('switch', { ...step('switch'), digest, config, expectedDigest: '' });
    expect(await bench.run('hook', asked)).toMatchObject({ ok: true, repeated: true, result: { skipped: true } });
    expect(witness(bench)).toEqual([]);
    expect(await bench.run('hook', { ...asked, ...step('after-start.1') })).toMatchObject({ ok: true, result: { status: 0 } });
    expect(witness(bench)).toEqual(['ran']);
  });

  test('a time limit above an hour and an unknown word for unlinked are bad input', async () => {
    const bench = fresh(shell);
    mkdirSync(join(bench.root, 'web'), { recursive: true });
    expect(await bench.run('hook', hook('true', { timeoutSeconds: '3601' }))).toMatchObject({ ok: false, error: 'bad-input' });
    expect(await bench.run('hook', hook('true', { unlinked: 'maybe' }))).toMatchObject({ ok: false, error: 'bad-input' });
  });
});
