/** Bearer tokens: 256 random bits, of which only the SHA-256 is stored. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { findHostToken } from '../db/host-tokens.ts';
import { findToken } from '../db/tokens.ts';
import { Problem } from './problem.ts';
import type { ApiDeps } from './deps.ts';
import type { Caller, HostCaller } from './route.ts';

/** The prefix lets secret scanners find a token that leaked. */
const PREFIX = 'rel_api_';
const HOST_PREFIX = 'rel_host_';
const TOKEN = /^[A-Za-z0-9_-]{16,256}$/;

/** `token` is shown once; `hash` is what the database keeps. */
export function newToken(): NewToken {
  return tokenOf(PREFIX);
}

/** For one host's agent. */
export function newHostToken(): NewToken {
  return tokenOf(HOST_PREFIX);
}

export interface NewToken {
  readonly token: string;
  readonly hash: string;
}

function tokenOf(prefix: string): NewToken {
  const token = `${prefix}${randomBytes(32).toString('hex')}`;
  return { token, hash: hashToken(token) };
}

/** SHA-256 as lower-case hex: enough for 256 random bits, where no password guessing applies. */
export function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

/** Throws a 401 Problem unless the request carries a live token. The sentence never says which part was wrong. */
export async function authenticate(request: IncomingMessage, deps: Pick<ApiDeps, 'db'>): Promise<Caller> {
  const found = await findToken(deps.db, givenHash(request));
  if (found === null) throw unauthorized();
  return { actor: { kind: 'token', name: found.name }, principal: found.name };
}

/** The same for the token of a host, which is good for nothing else; and no other token is good for what a host may. */
export async function authenticateHost(request: IncomingMessage, deps: Pick<ApiDeps, 'db'>): Promise<HostCaller> {
  const found = await findHostToken(deps.db, givenHash(request));
  if (found === null) throw unauthorizedHost();
  return { host: found.host, token: found.name };
}

/** Found by its hash: how long the search takes tells nothing about the token itself. */
function givenHash(request: IncomingMessage): string {
  const given = /^Bearer ([^ ]+)$/i.exec(request.headers.authorization ?? '')?.[1];
  if (given === undefined || !TOKEN.test(given)) throw unauthorized();
  return hashToken(given);
}

/** Compares in constant time; texts of different length are simply different. */
export function sameText(left: string, right: string): boolean {
  const [a, b] = [Buffer.from(left), Buffer.from(right)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function unauthorizedHost(): Problem {
  return new Problem('unauthorized', {
    detail: 'Only the token of a host, neither misspelt nor revoked, is good here; "signalbox host-token create HOST NAME" makes one.',
    headers: { 'WWW-Authenticate': 'Bearer realm="signalbox"' },
  });
}

function unauthorized(): Problem {
  return new Problem('unauthorized', {
    detail: 'Send "Authorization: Bearer <token>" with a token that is neither misspelt nor revoked; "signalbox token" makes one.',
    headers: { 'WWW-Authenticate': 'Bearer realm="signalbox"' },
  });
}
