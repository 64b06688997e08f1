/** Which addresses a package may come from: only those under a configured store, in one spelling. */
import type { Config } from '../config.ts';

const SCHEMES: ReadonlySet<string> = new Set(['http:', 'https:', 'file:']);
const FORMATS = ['.tar.gz', '.tgz', '.zip'];
export const PACKAGE_FILES = '/v1/package-files/';

export type CheckedUri = { readonly uri: string } | { readonly complaint: string };

/** `uri` in normal form. The files that the API keeps itself are always a store. */
export function checkPackageUri(text: string, config: Pick<Config, 'stores' | 'publicUrl'>): CheckedUri {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !SCHEMES.has(url.protocol)) return { complaint: 'must be an http://, https:// or file:// address' };
  if (url.username !== '' || url.password !== '') return { complaint: 'must not hold a user or password' };
  if (url.hash !== '') return { complaint: 'must not hold a fragment' };
  if (/%2e|%2f|%5c|%00|\\/i.test(text) || /(?:^|\/)\.\.?(?:\/|$)/.test(pathAsWritten(text))) return { complaint: 'must not hold "." or ".." segments, escaped or not' };
  if (!FORMATS.some((format) => url.pathname.endsWith(format))) return { complaint: `must end in ${FORMATS.join(', ')}` };
  if (url.protocol === 'file:' && url.search !== '') return { complaint: 'a file has no query' };
  const stores = [...config.stores, config.publicUrl.replace(/\/$/, '') + PACKAGE_FILES];
  if (!stores.some((store) => isUnder(url.href, store))) {
    return { complaint: `must lie under a configured store (${stores.join(', ')}); the setting SIGNALBOX_STORES lists them` };
  }
  return { uri: url.href };
}

/** `https://store` must not let `https://store.evil.example` in: the prefix ends at a slash. */
function isUnder(href: string, store: string): boolean {
  if (!URL.canParse(store)) return false;
  const prefix = new URL(store).href;
  return href.startsWith(prefix.endsWith('/') ? prefix : `${prefix}/`);
}

function pathAsWritten(text: string): string {
  return text.replace(/^[a-z]+:\/\/[^/]*/i, '').replace(/[?#].*$/, '');
}
