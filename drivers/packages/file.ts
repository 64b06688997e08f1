/** Packages in a folder that this machine, and the hosts, see under the same path. */
import { realpath, stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { PackageSpec } from '../../domain/inventory.ts';
import { PackageMissing, PackageSizeWrong, StoreDown, type PackageStore } from './port.ts';
import { checkStorePrefix, PackageRefused } from './store-prefix.ts';

/** @param prefixes the configured stores; throws PackageRefused for a file outside them, also one reached through a link */
export function createFileStore(prefixes: readonly string[]): PackageStore {
  return {
    driver: 'file',
    schemes: ['file'],
    async inspect(spec, signal) {
      const complaint = checkStorePrefix(spec.uri, prefixes);
      if (complaint !== null) throw new PackageRefused(complaint);
      const path = fileURLToPath(spec.uri);
      try {
        return await inspectFile(spec, path, prefixes, signal);
      } catch (error) {
        throw asStoreError(error, spec, path);
      }
    },
  };
}

async function inspectFile(spec: PackageSpec, path: string, prefixes: readonly string[], signal: AbortSignal): Promise<{ readonly sizeBytes: number }> {
  signal.throwIfAborted();
  const real = await realpath(path);
  if (real !== path && !(await liesIn(real, prefixes))) throw new PackageRefused(`${path} is a link to ${real}, outside the configured package stores. Copy the file into the store.`);
  const found = await stat(real);
  signal.throwIfAborted();
  if (!found.isFile()) throw new PackageMissing(`${path} of package ${spec.id} is not a regular file.`);
  if (spec.sizeBytes !== null && spec.sizeBytes !== found.size) throw new PackageSizeWrong(`${path} of package ${spec.id} has ${found.size} bytes, registered were ${spec.sizeBytes}. Register the package again under a new version.`);
  return { sizeBytes: found.size };
}

/** Stores may themselves be reached through links (`/var/run`): compared is where both really lie. */
async function liesIn(real: string, prefixes: readonly string[]): Promise<boolean> {
  for (const prefix of prefixes) {
    if (!prefix.startsWith('file:')) continue;
    const folder = await realpath(fileURLToPath(prefix)).catch(() => null);
    if (folder !== null && real.startsWith(folder.endsWith('/') ? folder : `${folder}/`)) return true;
  }
  return false;
}

function asStoreError(error: unknown, spec: PackageSpec, path: string): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : null;
  if (code === 'ENOENT' || code === 'ENOTDIR') return new PackageMissing(`${path} of package ${spec.id} does not exist.`);
  if (typeof code === 'string' && error instanceof Error && error.name !== 'AbortError') return new StoreDown(`${path} of package ${spec.id} cannot be read: ${error.message}`, { cause: error });
  return error;
}
