/** Which store serves an address: the one place that knows them all. */
import { createFileStore } from './file.ts';
import { createHttpStore } from './http.ts';
import type { PackageStore } from './port.ts';
import { checkStorePrefix, PackageRefused } from './store-prefix.ts';

/**
 * @param prefixes the configured store prefixes (Config.stores)
 * Throws PackageRefused, with the sentence to show, when the address lies under none of them or has a scheme no driver serves.
 */
export function packageStoreFor(prefixes: readonly string[], uri: string): PackageStore {
  const complaint = checkStorePrefix(uri, prefixes);
  if (complaint !== null) throw new PackageRefused(complaint);
  const scheme = uri.slice(0, uri.indexOf(':')).toLowerCase();
  const stores = [createHttpStore(prefixes), createFileStore(prefixes)];
  const store = stores.find((candidate) => candidate.schemes.includes(scheme));
  if (store === undefined) throw new PackageRefused(`Packages over ${scheme}:// are not available yet; known: ${stores.flatMap((one) => one.schemes).join(', ')}.`);
  return store;
}
