/** Tokens of hosts, one host each: made, listed without their secret, revoked. Only agents may come with them. */
import { z } from 'zod';
import { IdReused } from '../db/errors.ts';
import { createHostToken, listHostTokens, revokeHostToken } from '../db/host-tokens.ts';
import { getInventory } from '../db/inventory.ts';
import { newHostToken } from './auth.ts';
import { Problem, invalid, notFound } from './problem.ts';
import { operation } from './route.ts';
import { Name } from './schemas/text.ts';
import type { ApiDeps } from './deps.ts';
import type { Operation } from './route.ts';

const HostTokenRequest = z.strictObject({ name: Name, host: Name.meta({ description: 'the host it is good for' }) }).meta({ id: 'HostTokenRequest' });
const KnownHostToken = z.strictObject({ name: z.string(), host: z.string(), createdAt: z.string(), revokedAt: z.string().nullable(), hostSeenAt: z.string().nullable().meta({ description: 'when the agent of the host last asked, with whatever token' }) }).meta({ id: 'HostToken' });
const HostTokenList = z.strictObject({ items: z.array(KnownHostToken) }).meta({ id: 'HostTokenList' });
const NewHostToken = z.strictObject({ name: z.string(), host: z.string(), token: z.string() }).meta({ id: 'NewHostToken' });

export function getHostTokens(deps: ApiDeps): Operation {
  return operation({
    summary: 'List the tokens of hosts, revoked ones too',
    tag: 'tokens',
    answers: { 200: { description: 'all tokens of hosts by name; the secrets are not kept', schema: HostTokenList } },
    async handle() {
      return { status: 200, body: { items: await listHostTokens(deps.db) } };
    },
  });
}

export function postHostToken(deps: ApiDeps): Operation {
  return operation({
    summary: 'Make a token for the agent of one host',
    description: 'The secret is shown in this answer and nowhere else. It is good for asking for the work of this host and for answering it, and for nothing else.',
    tag: 'tokens',
    body: { kind: 'json', schema: HostTokenRequest },
    answers: { 201: { description: 'the token', schema: NewHostToken, headers: { 'Cache-Control': 'no-store' } } },
    problems: [409],
    async handle(call) {
      const { name, host } = call.body;
      if ((await getInventory(deps.db, 'host', host)) === null) throw invalid([{ in: 'body', pointer: '/host', message: `there is no host ${host}; declare it first` }]);
      const { token, hash } = newHostToken();
      await createHostToken(deps.db, { name, host, hash }).catch((error: unknown) => {
        throw error instanceof IdReused ? new Problem('conflict', `There is, or was, a token of a host named ${name}. Names are not used twice; take another.`) : error;
      });
      deps.log.info({ token: name, host }, 'a token of a host was made');
      return { status: 201, body: { name, host, token }, headers: { 'Cache-Control': 'no-store' } };
    },
  });
}

export function deleteHostToken(deps: ApiDeps): Operation {
  return operation({
    summary: 'Revoke a token of a host at once',
    description: 'What its agent has in work goes on to its end on the host; its answers are not taken any more.',
    tag: 'tokens',
    path: { name: Name },
    answers: { 204: { description: 'revoked' } },
    problems: [404],
    async handle(call) {
      const name = call.path['name'] ?? '';
      if (!(await revokeHostToken(deps.db, name))) throw notFound('valid token of a host', name);
      deps.log.info({ token: name }, 'a token of a host was revoked');
      return { status: 204 };
    },
  });
}
