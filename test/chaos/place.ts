/** Where this harness stands, and what of this machine it can use. */
import { existsSync, globSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

export const CLONE = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** libfaketime of the Debian package `faketime`; null where it is not installed. */
export function faketimeLibrary(): string | null {
  return globSync('/usr/lib/*/faketime/libfaketimeMT.so.1')[0] ?? ['/usr/lib/faketime/libfaketimeMT.so.1'].find((path) => existsSync(path)) ?? null;
}
