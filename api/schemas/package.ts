/** POST /v1/packages. Whether the URI lies under a store is checked in packages.ts, which knows the configuration. */
import { z } from 'zod';
import type { PackageSpec } from '../../domain/inventory.ts';
import { Quarantine } from './block.ts';
import { Name, PackageId, Sha256, Version, line } from './text.ts';

const SIZE_BYTES_MAX = 1024 ** 4;
const sizeBytes = z.int().min(1).max(SIZE_BYTES_MAX).nullable().default(null);

const Source = z.strictObject({ commit: line(128).nullable().default(null), build: line(1024).nullable().default(null), branch: line(256).nullable().default(null) });

/** `size` and `sizeBytes` are the same thing in bytes; one of them is enough. */
export const PackageRequest = z
  .strictObject({
    application: Name,
    version: Version,
    uri: z.string().min(1).max(2048).regex(/^[!-~]+$/, 'must be a URI of printable ASCII without spaces'),
    sha256: Sha256,
    sizeBytes,
    size: sizeBytes,
    kind: z.literal('full').default('full'),
    source: Source.prefault({}),
  })
  .refine((request) => request.size === null || request.sizeBytes === null || request.size === request.sizeBytes, { path: ['size'], message: 'size and sizeBytes differ' })
  .meta({
    id: 'PackageRequest',
    example: { application: 'web', version: '1.4.0', uri: 'https://packages.example/web-1.4.0.tar.gz', sha256: 'a'.repeat(64), source: { commit: '9f2c1e7' } },
  });

export const Package = z
  .strictObject({
    id: PackageId,
    application: Name,
    version: Version,
    uri: z.string(),
    sha256: Sha256,
    sizeBytes: z.int().nullable(),
    kind: z.literal('full'),
    source: z.strictObject({ commit: z.string().nullable(), build: z.string().nullable(), branch: z.string().nullable() }),
  })
  .meta({ id: 'Package' }) satisfies z.ZodType<PackageSpec>;

/** `quarantine` is there once the package was ever quarantined, with how it was lifted. */
export const PackageRead = z.strictObject({ ...Package.shape, quarantine: Quarantine.optional() }).meta({ id: 'PackageRead' });

/** The stored form of a request; `uri` as checked. */
export function packageOf(request: z.output<typeof PackageRequest>, uri: string): PackageSpec {
  const { application, version, sha256, kind, source } = request;
  return { id: `${application}@${version}`, application, version, uri, sha256, sizeBytes: request.sizeBytes ?? request.size, kind, source };
}
