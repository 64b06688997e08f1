/** What every package store promises, whatever the packages lie in. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PackageSpec } from '../../../domain/inventory.ts';
import { packageStoreFor } from '../../../drivers/packages/factory.ts';
import { PackageMissing, PackageSizeWrong, type PackageStore } from '../../../drivers/packages/port.ts';
import { PackageRefused } from '../../../drivers/packages/store-prefix.ts';

export interface StoreUnderTest {
  /** the configured store, without a slash at its end */
  readonly prefix: string;
  /** puts a file into the store, under a name without folders */
  put(name: string, bytes: Uint8Array): Promise<void>;
  stop(): Promise<void>;
}

export const { signal } = new AbortController();

export function packageAt(uri: string, sizeBytes: number | null = null): PackageSpec {
  return { id: 'web@1.0.0', application: 'web', version: '1.0.0', uri, sha256: '0'.repeat(64), sizeBytes, kind: 'full', source: { commit: null, build: null, branch: null } };
}

export function packageConformance(scheme: string, start: () => Promise<StoreUnderTest>): void {
  describe(`packages over ${scheme}`, () => {
    let under: StoreUnderTest;
    let store: PackageStore;
    beforeAll(async () => {
      under = await start();
      await under.put('web-1.0.0.tar.gz', Buffer.alloc(12_345, 'x'));
      await under.put('empty.tar.gz', Buffer.alloc(0));
      store = packageStoreFor([under.prefix], `${under.prefix}/web-1.0.0.tar.gz`);
    });
    afterAll(() => under?.stop());

    test('a package that is there tells its size', async () => {
      expect(store.schemes).toContain(scheme);
      expect(await store.inspect(packageAt(`${under.prefix}/web-1.0.0.tar.gz`), signal)).toEqual({ sizeBytes: 12_345 });
      expect(await store.inspect(packageAt(`${under.prefix}/web-1.0.0.tar.gz`, 12_345), signal)).toEqual({ sizeBytes: 12_345 });
      expect(await store.inspect(packageAt(`${under.prefix}/empty.tar.gz`), signal)).toEqual({ sizeBytes: 0 });
    });

    test('a package that is not there is missing, not a store that is down', async () => {
      const asked = store.inspect(packageAt(`${under.prefix}/web-9.tar.gz`), signal);
      await expect(asked).rejects.toThrow(PackageMissing);
      await expect(asked).rejects.toThrow('web@1.0.0');
    });

    test('a size that differs from the registered one says both', async () => {
      const asked = store.inspect(packageAt(`${under.prefix}/web-1.0.0.tar.gz`, 12_346), signal);
      await expect(asked).rejects.toThrow(PackageSizeWrong);
      await expect(asked).rejects.toThrow(/12345 bytes.*12346/);
    });

    test('a package outside the configured stores is refused without a look', async () => {
      expect(() => packageStoreFor([`${under.prefix}/inner`], `${under.prefix}/web-1.0.0.tar.gz`)).toThrow(PackageRefused);
      await expect(store.inspect(packageAt(`${under.prefix}-evil/web-1.0.0.tar.gz`), signal)).rejects.toThrow(PackageRefused);
      await expect(store.inspect(packageAt(`${under.prefix}/../web-1.0.0.tar.gz`), signal)).rejects.toThrow(PackageRefused);
    });

    test('an aborted look ends with the reason of its signal', async () => {
      const reason = new Error('the worker shuts down');
      await expect(store.inspect(packageAt(`${under.prefix}/web-1.0.0.tar.gz`), AbortSignal.abort(reason))).rejects.toBe(reason);
    });
  });
}
