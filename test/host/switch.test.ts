/** switch, restore, clean: the link moves at once or not at all, and nothing that may be needed again is removed. */
import { existsSync, lstatSync, readdirSync, readlinkSync, rmSync, symlinkSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { SHELLS, install, makeBench, observe, sha256, step } from './host-bench.ts';
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
const UNKNOWN = sha256(Buffer.from('never unpacked'));
const seen = async (bench: HostBench, configs = ''): Promise<{ kept: readonly string[]; configs: readonly string[] }> =>
  ((await bench.result('observe', { applications: 'web', configs })) as { applications: readonly [{ kept: readonly string[]; configs: readonly string[] }] }).applications[0];

describe.each(SHELLS)('under %s', (shell) => {
  test('switch compares the old digest and sets the new one with its configuration', async () => {
    const bench = fresh(shell);
    const one = await install(bench, '1.0.0');
    const two = await install(bench, '2.0.0');
    expect(await bench.result('switch', { ...step('a'), ...one, expectedDigest: '' })).toEqual({ fromDigest: null, fromConfig: null });
    expect(readlinkSync(join(bench.root, 'web/current'))).toBe(`releases/${one.digest}`);
    const refused = await bench.run('switch', { ...step('b'), ...two, expectedDigest: two.digest });
    expect(refused).toMatchObject({ ok: false, error: 'unexpected-link', detail: { expected: two.digest, got: one.digest } });
    expect(await bench.run('switch', { ...step('c'), ...two })).toMatchObject({ ok: false, error: 'unexpected-link', detail: { expected: '', got: one.digest } });
    expect(await observe(bench)).toMatchObject({ ...one, version: '1.0.0' });
    expect(await bench.result('switch', { ...step('d'), ...two, expectedDigest: one.digest })).toEqual({ fromDigest: one.digest, fromConfig: one.config });
    expect(await observe(bench)).toMatchObject({ ...two, version: '2.0.0' });
  });

  test('at every moment of many switches there is a link to a complete release', async () => {
    const bench = fresh(shell);
    const releases = [await install(bench, '1.0.0'), await install(bench, '2.0.0')] as const;
    await bench.result('switch', { ...step('begin'), ...releases[0], expectedDigest: '' });
    let watching = true;
    const seen = new Set<string>();
    const watcher = (async () => {
      while (watching) {
        seen.add(readlinkSync(join(bench.root, 'web/current')));
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    for (let round = 1; round <= 8; round += 1) {
      const [from, to] = round % 2 === 1 ? releases : ([releases[1], releases[0]] as const);
      await bench.result('switch', { ...step(`round-${round}`), ...to, expectedDigest: from.digest });
    }
    watching = false;
    await watcher;
    expect([...seen].sort()).toEqual(releases.map(({ digest }) => `releases/${digest}`).sort());
  });

  test('observe tells every complete release that is kept, and which of the asked configurations are here', async () => {
    const bench = fresh(shell);
    expect((await seen(bench)).kept).toEqual([]);
    const one = await install(bench, '1.0.0');
    const two = await install(bench, '2.0.0');
    await bench.result('switch', { ...step('a'), ...two, expectedDigest: '' });
    expect(await seen(bench, `${one.config},${UNKNOWN}`)).toMatchObject({ kept: [one.digest, two.digest].sort(), configs: [one.config] });
    rmSync(join(bench.root, 'web/releases', `${one.digest}.complete`));
    expect(await seen(bench, two.config)).toMatchObject({ kept: [two.digest], configs: [two.config] });
    expect(await bench.run('observe', { applications: 'web', configs: '../x' })).toMatchObject({ ok: false, error: 'bad-input' });
  });

  test('switch to a release or configuration that is not there is not-unpacked', async () => {
    const bench = fresh(shell);
    const one = await install(bench, '1.0.0');
    expect(await bench.run('switch', { ...step('a'), ...one, digest: UNKNOWN, expectedDigest: '' })).toMatchObject({ ok: false, error: 'not-unpacked' });
    expect(await bench.run('switch', { ...step('b'), ...one, config: UNKNOWN, expectedDigest: '' })).toMatchObject({ ok: false, error: 'not-unpacked' });
    rmSync(join(bench.root, 'web/releases', `${one.digest}.complete`));
    expect(await bench.run('switch', { ...step('c'), ...one, expectedDigest: '' })).toMatchObject({ ok: false, error: 'not-unpacked' });
  });

  test('restore goes back to the pre-image whatever is linked, and to nothing', async () => {
    const bench = fresh(shell);
    const one = await install(bench, '1.0.0');
    const two = await install(bench, '2.0.0');
    await bench.result('switch', { ...step('a'), ...two, expectedDigest: '' });
    expect(await bench.result('restore', { ...step('b'), ...one })).toEqual({ fromDigest: two.digest, fromConfig: two.config });
    expect(await observe(bench)).toMatchObject(one);
    expect(await bench.result('restore', { ...step('c'), digest: '', config: '' })).toEqual({ fromDigest: one.digest, fromConfig: one.config });
    expect(await observe(bench)).toMatchObject({ digest: null, config: null, version: null });
    expect(existsSync(join(bench.root, 'web/config'))).toBe(false);
    expect(await bench.run('restore', { ...step('c'), digest: '', config: '' })).toMatchObject({ ok: true, repeated: true });
  });

  test('a link that is not ours is reported as unmanaged and never overwritten', async () => {
    const bench = fresh(shell);
    const one = await install(bench, '1.0.0');
    symlinkSync('/srv/elsewhere', join(bench.root, 'web/current'));
    expect(await observe(bench)).toMatchObject({ digest: null, unmanaged: true });
    expect(await bench.run('switch', { ...step('a'), ...one, expectedDigest: '' })).toMatchObject({ ok: false, error: 'unexpected-link', detail: { got: '/srv/elsewhere' } });
    expect(await bench.run('restore', { ...step('b'), ...one })).toMatchObject({ ok: false, error: 'unexpected-link' });
    expect(readlinkSync(join(bench.root, 'web/current'))).toBe('/srv/elsewhere');
  });

  test('folders that were swapped for links are refused', async () => {
    const bench = fresh(shell);
    await install(bench, '1.0.0');
    rmSync(join(bench.root, 'web/configs'), { recursive: true });
    symlinkSync('/tmp', join(bench.root, 'web/configs'));
    expect(await bench.run('configure', { ...step('a'), version: '1', 'command.0': './app' })).toMatchObject({ ok: false, error: 'unexpected-link' });
    const other = fresh(shell);
    symlinkSync('/tmp', join(other.root, '.signalbox'));
    expect(await other.run('stop', step('a'))).toMatchObject({ ok: false, error: 'unexpected-link' });
    expect(lstatSync(join(other.root, '.signalbox')).isSymbolicLink()).toBe(true);
  });

  test('clean keeps the newest, the linked and the protected ones', async () => {
    const bench = fresh(shell);
    const installed: { digest: string; config: string }[] = [];
    for (const version of ['1', '2', '3', '4', '5']) installed.push(await install(bench, version));
    const [one, two, three, four, five] = installed.map(({ digest }) => digest);
    // Some tools tell times apart by whole seconds only.
    for (const [index, { digest }] of installed.entries()) utimesSync(join(bench.root, `web/releases/${digest}.complete`), 1000 + index, 1000 + index);
    await bench.result('switch', { ...step('a'), ...(installed[0] ?? { digest: '', config: '' }), expectedDigest: '' });
    const { removed } = await bench.result('clean', { ...step('clean'), keep: '2', protect: `${two}` });
    expect(removed).toEqual([three]);
    expect(readdirSync(join(bench.root, 'web/releases')).filter((name) => !name.includes('.')).sort()).toEqual([one, two, four, five].sort());
    expect(readdirSync(join(bench.root, 'web/packages')).sort()).toEqual([one, two, four, five].sort());
  });

  test('the same configuration has the same digest in any order, another one another', async () => {
    const bench = fresh(shell);
    const base = { version: '1', 'command.0': './app', 'command.1': '-p' };
    const configure = async (name: string, extra: Record<string, string>): Promise<unknown> => (await bench.result('configure', { ...step(name), ...base, ...extra }))['config'];
    const first = await configure('a', { 'env.B': '2', 'env.A': '1', stopSignal: 'SIGTERM', stopTimeoutSeconds: '10' });
    expect(await configure('b', { 'env.A': '1', 'env.B': '2' })).toBe(first);
    expect(await configure('c', { 'env.A': '1', 'env.B': '2 ' })).not.toBe(first);
    expect(await configure('d', { 'env.A': '1\n2' })).not.toBe(await configure('e', { 'env.A': '1%0A2' }));
  });
});
