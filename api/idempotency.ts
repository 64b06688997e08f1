/** Idempotency-Key: the same request again gets the same answer, and its effect happens once. */
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { withIdempotency } from '../db/idempotency.ts';
import { inTransaction } from '../db/client.ts';
import { canonicalJson } from '../domain/canonical-json.ts';
import { invalid } from './problem.ts';
import type { Tx } from '../db/client.ts';
import type { ApiDeps } from './deps.ts';
import type { Caller } from './route.ts';

export const IDEMPOTENCY_HEADERS = { 'Idempotency-Key': 'any text of 1 to 255 printable characters, quoted or bare; kept for at least 30 days' };

export interface OnceRequest {
  readonly request: IncomingMessage;
  readonly caller: Caller;
  /** what the key stands for: method and path */
  readonly route: string;
  /** the parsed body: spelling and white space do not make another request */
  readonly body: unknown;
}

export interface Stored {
  readonly status: number;
  readonly body: unknown;
}

/** Runs `fn` in one transaction, at most once per key. Without a key it simply runs. Refusals thrown by `fn` are not kept. */
export async function once(deps: ApiDeps, { request, caller, route, body }: OnceRequest, fn: (tx: Tx) => Promise<Stored>): Promise<Stored & { readonly replayed: boolean }> {
  const key = keyOf(request);
  if (key === null) return { ...(await inTransaction(deps.db, fn)), replayed: false };
  const bodyHash = createHash('sha256').update(canonicalJson(body)).digest('hex');
  return withIdempotency(deps.db, { principal: caller.principal, route, key, bodyHash }, fn);
}

/** The draft standard quotes the key; many clients do not. Both name the same key. */
function keyOf(request: IncomingMessage): string | null {
  const header = request.headers['idempotency-key'];
  if (header === undefined) return null;
  const text = Array.isArray(header) ? header.join(', ') : header;
  const key = /^"(.*)"$/.exec(text.trim())?.[1] ?? text.trim();
  if (!/^[\x20-\x7e]{1,255}$/.test(key)) throw invalid([{ in: 'header', pointer: '/Idempotency-Key', message: 'must be 1 to 255 printable ASCII characters' }]);
  return key;
}

