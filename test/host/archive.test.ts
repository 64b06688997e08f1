/** unpack: only plain files and folders, inside their folder, within the limits; anything else leaves nothing behind. */
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { HostAnswer } from '../../drivers/executors/port.ts';
import { gzipTar, tar, zip } from './archives.ts';
import type { TarEntry, ZipEntry } from './archives.ts';
import { SHELLS, makeBench, sha256, step } from './host-bench.ts';
import type { HostBench } from './host-bench.ts';

const EVIL_TARS: Readonly<Record<string, readonly TarEntry[]>> = {
  'an absolute path': [{ name: '/tmp/signalbox-evil', data: 'x' }],
  'a climbing path': [{ name: '../evil', data: 'x' }],
  'a path that climbs in its middle': [{ name: 'a/../../evil', data: 'x' }],
  'a path that ends climbing': [{ name: 'a/..', type: '5' }],
  'a symbolic link out of the folder': [{ name: 'out', type: '2', link: '/etc' }, { name: 'out/evil', data: 'x' }],
  'a symbolic link inside the folder': [{ name: 'a', data: 'x' }, { name: 'b', type: '2', link: 'a' }],
  'a symbolic link to the parent': [{ name: 'up', type: '2', link: '..' }, { name: 'up/evil', data: 'x' }],
  'a hard link': [{ name: 'a', data: 'x' }, { name: 'b', type: '1', link: 'a' }],
  'a hard link to a system file': [{ name: 'passwd', type: '1', link: '/etc/passwd' }],
  'a character device': [{ name: 'null', type: '3' }],
  'a block device': [{ name: 'disk', type: '4' }],
  'a pipe': [{ name: 'pipe', type: '6' }],
  'a setuid program': [{ name: 'root', mode: 0o4755, data: 'x' }],
  'a setgid program': [{ name: 'group', mode: 0o2755, data: 'x' }],
  'names that differ by case only': [{ name: 'Readme', data: 'x' }, { name: 'README', data: 'y' }],
  'folders that differ by case only': [{ name: 'Lib/a', data: 'x' }, { name: 'lib/b', data: 'y' }],
  'Latin names that differ by case only': [{ name: 'É', data: 'x' }, { name: 'é', data: 'y' }],
  'Cyrillic names that differ by case only': [{ name: 'Ж', data: 'x' }, { name: 'ж', data: 'y' }],
  'a name of combining characters': [{ name: 'e\u0301', data: 'x' }],
  'the same name twice': [{ name: 'a', data: 'x' }, { name: 'a', data: 'y' }],
  'a file that is also a folder': [{ name: 'a', data: 'x' }, { name: 'a/b', data: 'y' }],
  'a name with a newline': [{ name: 'a\n-rw-r--r-- 0/0 1 2020-01-01 00:00 b', data: 'x' }],
  'a name with an escape character': [{ name: 'a\u001b[2J', data: 'x' }],
  'a name with a backslash': [{ name: 'a\\..\\b', data: 'x' }],
  'a forged owner that hides the name': [{ name: '../evil', owner: 'a/b 1 2020-01-01 00:00:00 x', data: 'x' }],
  'a name that looks like a hard link': [{ name: 'a link to b', data: 'x' }],
  'too deep a path': [{ name: 'd/'.repeat(45) + 'x', data: 'x' }, { name: 'e/'.repeat(45), type: '5' }, { name: 'a', type: '2', link: 'b' }],
  nothing: [],
};

const EVIL_ZIPS: Readonly<Record<string, readonly ZipEntry[]>> = {
  'an absolute path': [{ name: '/tmp/signalbox-evil', data: 'x' }],
  'a climbing path': [{ name: '../evil', data: 'x' }],
  'a symbolic link': [{ name: 'out', mode: 0o120777, data: '/etc' }],
  'a link and a file through it': [{ name: 'out', mode: 0o120777, data: '/tmp' }, { name: 'out/signalbox-evil', data: 'x' }],
  'names that differ by case only': [{ name: 'A', data: 'x' }, { name: 'a', data: 'y' }],
  'a setuid program': [{ name: 'a', mode: 0o104755, data: '' }, { name: 'b', mode: 0o120777, data: 'a' }],
};

describe.each(SHELLS)('under %s', (shell) => {
  let bench: HostBench;
  let count = 0;
  beforeAll(() => {
    bench = makeBench(shell);
    mkdirSync(join(bench.root, 'web/packages'), { recursive: true });
  });
  afterAll(() => bench.dispose());

  /** Unpacks bytes as if they had been fetched. */
  async function unpack(bytes: Buffer, format = 'tar.gz', extra: Record<string, string> = {}): Promise<{ answer: HostAnswer; digest: string }> {
    const digest = sha256(bytes);
    writeFileSync(join(bench.root, 'web/packages', digest), bytes);
    count += 1;
    return { digest, answer: await bench.run('unpack', { ...step(`unpack-${count}`), version: '1', sha256: digest, format, ...extra }) };
  }
  function expectNothing(digest: string): void {
    expect(readdirSync(join(bench.root, '.signalbox/tmp'))).toEqual([]);
    expect(existsSync(join(bench.root, 'web/releases', digest))).toBe(false);
    for (const path of ['/tmp/signalbox-evil', join(bench.root, 'evil'), join(bench.root, '.signalbox/evil'), join(bench.root, 'web/evil')]) expect(existsSync(path)).toBe(false);
  }

  test.each(Object.keys(EVIL_TARS))('a tar with %s is refused and leaves nothing', async (kind) => {
    const { answer, digest } = await unpack(gzipTar(EVIL_TARS[kind] ?? []));
    expect(answer).toMatchObject({ ok: false, error: 'evil-archive', detail: { why: expect.any(String) } });
    expectNothing(digest);
  });

  test.each(Object.keys(EVIL_ZIPS))('a zip with %s is refused and leaves nothing', async (kind) => {
    const { answer, digest } = await unpack(zip(EVIL_ZIPS[kind] ?? []), 'zip');
    expect(answer).toMatchObject({ ok: false, error: 'evil-archive' });
    expectNothing(digest);
  });

  test('a bomb is cut while it streams, in tar and zip', async () => {
    const bomb = gzipSync(tar([{ name: 'zeros', data: Buffer.alloc(100_000_000) }]));
    let written = 0;
    const unpacking = { done: false };
    const watching = (async () => {
      while (!unpacking.done) {
        written = Math.max(written, statSync(join(bench.root, '.signalbox/tmp/web.unpack/tar'), { throwIfNoEntry: false })?.size ?? 0);
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    const started = await unpack(bomb, 'tar.gz', { maxBytes: '30000000' });
    unpacking.done = true;
    await watching;
    expect(written).toBeGreaterThan(0);
    expect(written).toBeLessThanOrEqual(30_000_000 + 1_048_576);
    expect(started.answer).toMatchObject({ ok: false, error: 'evil-archive', message: expect.stringContaining('more than 30000000 bytes') });
    expectNothing(started.digest);
    const zipped = await unpack(zip([{ name: 'zeros', data: Buffer.alloc(2_000_000) }]), 'zip', { maxBytes: '1000000' });
    expect(zipped.answer).toMatchObject({ ok: false, error: 'evil-archive' });
    expectNothing(zipped.digest);
  });

  test('too many entries are refused', async () => {
    const entries = Array.from({ length: 300 }, (_, index) => ({ name: `f${index}` }));
    expect((await unpack(gzipTar(entries), 'tar.gz', { maxEntries: '299' })).answer).toMatchObject({ ok: false, error: 'evil-archive', message: expect.stringContaining('299 entries') });
    expect((await unpack(zip(entries), 'zip', { maxEntries: '299' })).answer).toMatchObject({ ok: false, error: 'evil-archive' });
    expect((await unpack(gzipTar(entries), 'tar.gz', { maxEntries: '300' })).answer).toMatchObject({ ok: true, result: { entries: 300 } });
  });

  test('an archive that is cut off, or is none, is refused', async () => {
    const whole = gzipTar([{ name: 'a', data: Buffer.from(Array.from({ length: 5000 }, (_, index) => (index * 7919) % 251)) }]);
    for (const bytes of [whole.subarray(0, whole.length - 200), Buffer.from('no archive at all'), Buffer.alloc(0)]) {
      const { answer, digest } = await unpack(bytes);
      expect(answer).toMatchObject({ ok: false, error: 'evil-archive' });
      expectNothing(digest);
    }
  });

  test('a good tar and a good zip are unpacked, writable by the owner only, and once', async () => {
    const good = await unpack(gzipTar([{ name: './', type: '5', mode: 0o755 }, { name: './bin/', type: '5', mode: 0o777 }, { name: './bin/app', mode: 0o777, data: 'hello' }, { name: './日本', data: 'x' }]));
    expect(good.answer).toMatchObject({ ok: true, result: { digest: good.digest, entries: 4, bytes: 6 } });
    const release = join(bench.root, 'web/releases', good.digest);
    expect(readFileSync(join(release, 'bin/app'), 'utf8')).toBe('hello');
    expect(statSync(join(release, 'bin/app')).mode & 0o7777).toBe(0o755);
    expect(statSync(join(release, 'bin')).mode & 0o7777).toBe(0o755);
    const zipped = await unpack(zip([{ name: 'bin/app', mode: 0o100755, data: 'hello' }]), 'zip');
    expect(zipped.answer).toMatchObject({ ok: true, result: { entries: 1, bytes: 5 } });
    expect(readFileSync(join(bench.root, 'web/releases', zipped.digest, 'bin/app'), 'utf8')).toBe('hello');
  });

  test('a half-unpacked release is unpacked again, a complete one is not touched', async () => {
    const bytes = gzipTar([{ name: 'once', data: 'x' }]);
    const { digest } = await unpack(bytes);
    const release = join(bench.root, 'web/releases', digest);
    writeFileSync(join(release, 'mine'), 'kept');
    expect((await unpack(bytes)).answer).toMatchObject({ ok: true, result: { entries: 1, bytes: 1 } });
    expect(existsSync(join(release, 'mine'))).toBe(true);
    writeFileSync(`${release}.complete`, '1 1');
    expect((await unpack(bytes)).answer).toMatchObject({ ok: true });
    expect(existsSync(join(release, 'mine'))).toBe(false);
  });

  test('a package that changed after it was fetched is a digest-mismatch', async () => {
    const bytes = gzipTar([{ name: 'swapped', data: 'x' }]);
    const digest = sha256(bytes);
    writeFileSync(join(bench.root, 'web/packages', digest), gzipTar([{ name: 'swapped', data: 'y' }]));
    expect(await bench.run('unpack', { ...step('unpack-swapped'), version: '1', sha256: digest, format: 'tar.gz' })).toMatchObject({ ok: false, error: 'digest-mismatch', detail: { expected: digest } });
  });
});
