/** Which package addresses are allowed at all: under a configured store, written plainly, without secrets. Pure. */
import { PackageMissing } from './port.ts';

/** The address is not one we fetch from: for a release the package is missing until its store is listed or it is registered elsewhere. */
export class PackageRefused extends PackageMissing {}

/**
 * Compares after URL normalisation, on whole path segments: `http://store/a` does not cover `http://store/ab`. The origin must be
 * equal to that of a prefix, so a loopback or private address is allowed only where that very address is listed.
 * @param prefixes as configured, `http(s)://host[:port]/path` or `file:///path`
 * @returns the complaint, or null when the address is fine
 */
export function checkStorePrefix(uri: string, prefixes: readonly string[]): string | null {
  const spelling = spellingComplaint(uri);
  if (spelling !== null) return spelling;
  const url = URL.parse(uri);
  if (url === null) return 'The package URI is no absolute URI; begin with its scheme, as in https://.';
  const form = formComplaint(url);
  if (form !== null) return form;
  if (prefixes.some((prefix) => covers(prefix, url))) return null;
  const known = prefixes.length === 0 ? 'no store is configured' : `configured stores: ${prefixes.join(', ')}`;
  return `"${uri}" does not lie under a configured package store (${known}). Put the package there, or add its store to SIGNALBOX_STORES.`;
}

/** Seen on the text itself, since normalisation would silently repair it. */
function spellingComplaint(uri: string): string | null {
  if (uri.length > 2_048) return 'The package URI is longer than 2048 characters.';
  if (/[\p{Cc}\s\\]/u.test(uri)) return 'The package URI holds a space, a backslash or a control character; percent-encode what belongs to the name.';
  if (/%(?:2e|2f|5c|0[0-9a-f]|1[0-9a-f]|7f)/i.test(uri)) return 'The package URI hides a dot, a slash, a backslash or a control character behind percent-encoding; write the plain path.';
  if (/(?:^|[/:])\.{1,2}(?:[/?#]|$)/.test(uri)) return 'The package URI holds a "." or ".." segment; write the plain path.';
  return null;
}

function formComplaint(url: URL): string | null {
  if (url.username !== '' || url.password !== '') return 'The package URI holds credentials, which would end up in events and logs; let the store be reachable without them.';
  if (url.search !== '' || url.hash !== '') return 'The package URI has a query or a fragment, which would end up in events and logs; use a plain path.';
  if (url.protocol === 'file:' && url.hostname !== '') return 'A file URI names no host: write file:///path.';
  if (url.pathname.endsWith('/')) return 'The package URI names a folder, not a file.';
  return null;
}

function covers(prefix: string, url: URL): boolean {
  const store = URL.parse(prefix);
  if (store === null || store.username !== '' || store.search !== '' || store.hash !== '') return false;
  const folder = store.pathname.endsWith('/') ? store.pathname : `${store.pathname}/`;
  return store.protocol === url.protocol && store.host === url.host && url.pathname.startsWith(folder);
}
