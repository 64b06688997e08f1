import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createFileStore } from '../../../drivers/packages/file.ts';
import { PackageMissing, StoreDown } from '../../../drivers/packages/port.ts';
import { PackageRefused } from '../../../drivers/packages/store-prefix.ts';
import { packageAt, packageConformance, signal } from './conformance.ts';

packageConformance('file', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'store-'));
  return { prefix: `file://${folder}`, put: (name, bytes) => writeFile(join(folder, name), bytes), stop: () => rm(folder, { recursive: true }) };
});

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'store-'));
  await mkdir(join(folder, 'store', 'folder.tar.gz'), { recursive: true });
  await writeFile(join(folder, 'secret.tar.gz'), 'secret');
  await writeFile(join(folder, 'store', 'real.tar.gz'), 'real');
  await symlink('../secret.tar.gz', join(folder, 'store', 'out.tar.gz'));
  await symlink('real.tar.gz', join(folder, 'store', 'latest.tar.gz'));
  await symlink('store', join(folder, 'alias'));
  await symlink('loop.tar.gz', join(folder, 'store', 'loop.tar.gz'));
});
afterAll(() => rm(folder, { recursive: true }));

test('a link that leads out of the store is refused and says where it leads', async () => {
  const store = createFileStore([`file://${folder}/store`]);
  const asked = store.inspect(packageAt(`file://${folder}/store/out.tar.gz`), signal);
  await expect(asked).rejects.toThrow(PackageRefused);
  await expect(asked).rejects.toThrow('secret.tar.gz');
});

test('a link inside the store, and a store that is itself a link, are fine', async () => {
  const store = createFileStore([`file://${folder}/store`, `file://${folder}/alias/`]);
  expect(await store.inspect(packageAt(`file://${folder}/store/latest.tar.gz`), signal)).toEqual({ sizeBytes: 4 });
  expect(await store.inspect(packageAt(`file://${folder}/alias/real.tar.gz`), signal)).toEqual({ sizeBytes: 4 });
});

test('a folder is no package', async () => {
  const store = createFileStore([`file://${folder}`]);
  await expect(store.inspect(packageAt(`file://${folder}/store/folder.tar.gz`), signal)).rejects.toThrow(PackageMissing);
  await expect(store.inspect(packageAt(`file://${folder}/store/real.tar.gz/inner`), signal)).rejects.toThrow(PackageMissing);
});

test('a file that cannot be read for another reason is a store that is down', async () => {
  const store = createFileStore([`file://${folder}`]);
  await expect(store.inspect(packageAt(`file://${folder}/store/loop.tar.gz`), signal)).rejects.toThrow(StoreDown);
});
