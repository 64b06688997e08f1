/** Packages behind HTTP(S): any server that answers HEAD, or GET with a range. Nothing is downloaded here. */
import type { PackageSpec } from '../../domain/inventory.ts';
import { PackageMissing, PackageSizeWrong, StoreDown, type PackageStore } from './port.ts';
import { checkStorePrefix, PackageRefused } from './store-prefix.ts';

const REDIRECTS_MAX = 5;
const ANSWER_TIMEOUT_MS = 10_000;

/** @param prefixes the configured stores; throws PackageRefused for an address, or a redirect, outside them */
export function createHttpStore(prefixes: readonly string[], answerTimeoutMs: number = ANSWER_TIMEOUT_MS): PackageStore {
  return {
    driver: 'http',
    schemes: ['http', 'https'],
    async inspect(spec, signal) {
      const complaint = checkStorePrefix(spec.uri, prefixes);
      if (complaint !== null) throw new PackageRefused(complaint);
      const bounded = AbortSignal.any([signal, AbortSignal.timeout(answerTimeoutMs)]);
      try {
        return await inspectUri(spec, prefixes, bounded);
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof TypeError || bounded.aborted) throw new StoreDown(`The store of package ${spec.id} does not answer at ${spec.uri}: ${reasonOf(error)}.`, { cause: error });
        throw error;
      }
    },
  };
}

async function inspectUri(spec: PackageSpec, prefixes: readonly string[], signal: AbortSignal): Promise<{ readonly sizeBytes: number | null }> {
  const { response: head, uri } = await askWithin(spec, spec.uri, 'HEAD', prefixes, signal);
  const asked = sizeOfHead(head);
  // Some stores refuse HEAD, or leave the length out: one byte by GET tells the same.
  const sizeBytes = asked ?? (await sizeByGet(spec, uri, prefixes, signal, head.status));
  if (sizeBytes !== null && spec.sizeBytes !== null && spec.sizeBytes !== sizeBytes) throw new PackageSizeWrong(`${spec.uri} of package ${spec.id} has ${sizeBytes} bytes, registered were ${spec.sizeBytes}. Register the package again under a new version.`);
  return { sizeBytes };
}

function sizeOfHead(head: Response): number | null {
  if (head.status !== 200 || head.headers.has('content-encoding')) return null;
  return wholeNumber(head.headers.get('content-length'));
}

async function sizeByGet(spec: PackageSpec, from: string, prefixes: readonly string[], signal: AbortSignal, headStatus: number): Promise<number | null> {
  if (headStatus === 404 || headStatus === 410) throw missing(spec, headStatus);
  const { response } = await askWithin(spec, from, 'GET', prefixes, signal);
  await response.body?.cancel();
  switch (response.status) {
    case 206:
      return wholeNumber(/\/([0-9]+)$/.exec(response.headers.get('content-range') ?? '')?.[1] ?? null);
    case 200:
      return response.headers.has('content-encoding') ? null : wholeNumber(response.headers.get('content-length'));
    case 416:
      return wholeNumber(/^bytes \*\/([0-9]+)$/.exec(response.headers.get('content-range') ?? '')?.[1] ?? null);
    case 404:
    case 410:
      throw missing(spec, response.status);
    default:
      throw new StoreDown(`The store of package ${spec.id} answered ${response.status} to ${spec.uri}. Nothing was changed; it will be asked again.`);
  }
}

/** Follows redirects by hand, so that none leads out of the configured stores. */
async function askWithin(spec: PackageSpec, from: string, method: 'HEAD' | 'GET', prefixes: readonly string[], signal: AbortSignal): Promise<{ readonly response: Response; readonly uri: string }> {
  let uri = from;
  for (let hop = 0; hop <= REDIRECTS_MAX; hop += 1) {
    const headers = { 'accept-encoding': 'identity', ...(method === 'GET' ? { range: 'bytes=0-0' } : {}) };
    const response = await fetch(uri, { method, headers, redirect: 'manual', signal });
    const location = response.status >= 300 && response.status < 400 ? response.headers.get('location') : null;
    if (location === null) return { response, uri };
    await response.body?.cancel();
    const next = URL.parse(location, uri)?.href ?? location;
    const complaint = checkStorePrefix(next, prefixes);
    if (complaint !== null) throw new PackageRefused(`The store of package ${spec.id} redirects ${spec.uri} away. ${complaint}`);
    uri = next;
  }
  throw new StoreDown(`The store of package ${spec.id} redirects ${spec.uri} more than ${REDIRECTS_MAX} times.`);
}

function missing(spec: PackageSpec, status: number): PackageMissing {
  return new PackageMissing(`The store answered ${status} to ${spec.uri}: package ${spec.id} is not there. Upload it, or correct its address.`);
}

function wholeNumber(text: string | null): number | null {
  return text !== null && /^[0-9]{1,15}$/.test(text) ? Number(text) : null;
}

/** `fetch failed` says nothing; its cause does. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message || error.message : error.message;
}
