/** What observe tells of the machine itself, where it is asked to. */
import { chmodSync, mkdirSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeBench, makeTools, HOST_PROGRAM, SHELLS, sha256 } from './host-bench.ts';
import type { HostBench } from './host-bench.ts';

interface Vitals {
  readonly clockSeconds: number | null;
  readonly diskBytes: number;
  readonly programDigest: string;
}

describe.each(SHELLS)('vitals under %s', (shell) => {
  let bench: HostBench;
  let clock: string;
  beforeAll(() => {
    const folder = realpathSync(process.env['TMPDIR'] ?? '/tmp');
    const tools = join(folder, `vitals-${process.pid}-${shell}`);
    makeTools(tools, shell, 'curl');
    symlinkSync('/bin/date', join(tools, 'date'));
    clock = join(tools, 'date');
    bench = makeBench(shell, { tools });
  });
  afterAll(() => {
    bench.dispose();
    rmSync(bench.tools, { recursive: true, force: true });
  });
  /** A clock that is off, as the host would see it. */
  const setClock = (script: string): void => {
    rmSync(clock, { force: true });
    writeFileSync(clock, `#!${realpathSync(join(bench.tools, 'sh'))}\n${script}\n`);
    chmodSync(clock, 0o755);
  };
  const vitals = async (): Promise<Vitals> => (await bench.result('observe', { applications: 'web', vitals: 'yes' }))['vitals'] as Vitals;

  test('tell the clock of the host, the size of its disk and the very program that answers', async () => {
    const told = await bench.result('observe', { applications: 'web', vitals: 'yes' });
    expect(told['vitals']).toEqual({ clockSeconds: expect.any(Number), diskBytes: expect.any(Number), programDigest: sha256(readFileSync(HOST_PROGRAM)) });
    expect(Math.abs(((told['vitals'] as Vitals).clockSeconds ?? 0) - Date.now() / 1000)).toBeLessThan(30);
    expect((told['vitals'] as Vitals).diskBytes).toBeGreaterThanOrEqual(told['freeBytes'] as number);
    expect(told['freeBytes']).toBeGreaterThan(0);
  });

  // Busybox takes its own tools before any in the PATH, so there its own clock counts.
  const hasOwnClock = shell === 'busybox';

  test('tell a wrong clock as it is', async () => {
    setClock('[ "$1" = +%s ] && echo 1234567890');
    const shown = hasOwnClock ? Date.now() / 1000 : 1_234_567_890;
    expect(Math.abs(((await vitals()).clockSeconds ?? 0) - shown)).toBeLessThan(30);
  });

  test('have no clock where the host has no date, or one that says something else', async () => {
    const shown: unknown = hasOwnClock ? expect.any(Number) : null;
    rmSync(clock, { force: true });
    expect((await vitals()).clockSeconds).toBeNull();
    setClock('echo "Sun Nov 22"');
    expect((await vitals()).clockSeconds).toEqual(shown);
  });

  test('are not told unless they are asked for, and nothing else than yes and no asks', async () => {
    for (const input of [{}, { vitals: 'no' }, { vitals: '' }]) expect(await bench.result('observe', { applications: 'web', ...input })).not.toHaveProperty('vitals');
    expect(await bench.run('observe', { applications: 'web', vitals: 'maybe' })).toMatchObject({ ok: false, error: 'bad-input' });
    expect(await bench.run('fence', { applications: 'web', epoch: '1', vitals: 'yes' })).toMatchObject({ ok: false, error: 'bad-input' });
  });

  test('are told before anything was ever installed, of the disk on which the root will be', async () => {
    const root = join(bench.root, 'not', 'there', 'yet');
    mkdirSync(bench.root, { recursive: true });
    expect((await bench.result('observe', { root, applications: '', vitals: 'yes' }))['vitals']).toMatchObject({ diskBytes: (await vitals()).diskBytes });
  });
});
