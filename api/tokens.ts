/** Tokens of people and CI jobs: made, listed without their secret, revoked. */
import { z } from 'zod';
import { IdReused } from '../db/errors.ts';
import { createToken, listTokens, revokeToken } from '../db/tokens.ts';
import { newToken } from './auth.ts';
import { Problem, notFound } from './problem.ts';
import { operation } from './route.ts';
import { Name } from './schemas/text.ts';
import type { ApiDeps } from './deps.ts';
import type { Operation } from './route.ts';

const TokenRequest = z.strictObject({ name: Name }).meta({ id: 'TokenRequest' });
const KnownToken = z.strictObject({ name: z.string(), createdAt: z.string(), revokedAt: z.string().nullable() }).meta({ id: 'Token' });
const TokenList = z.strictObject({ items: z.array(KnownToken) }).meta({ id: 'TokenList' });
const NewToken = z.strictObject({ name: z.string(), token: z.string() }).meta({ id: 'NewToken' });

export function getTokens(deps: ApiDeps): Operation {
  return operation({
    summary: 'List tokens, revoked ones too',
    tag: 'tokens',
    answers: { 200: { description: 'all tokens by name; the secrets are not kept', schema: TokenList } },
    async handle() {
      return { status: 200, body: { items: await listTokens(deps.db) } };
    },
  });
}

export function postToken(deps: ApiDeps): Operation {
  return operation({
    summary: 'Make a token',
    description: 'The secret is shown in this answer and nowhere else. A name is used once: it stays in the log of what its holder did.',
    tag: 'tokens',
    body: { kind: 'json', schema: TokenRequest },
    answers: { 201: { description: 'the token', schema: NewToken, headers: { 'Cache-Control': 'no-store' } } },
    problems: [409],
    async handle(call) {
      const { name } = call.body;
      const { token, hash } = newToken();
      await createToken(deps.db, { name, hash }).catch((error: unknown) => {
        throw error instanceof IdReused ? new Problem('conflict', `There is, or was, a token named ${name}. Names are not used twice; take another.`) : error;
      });
      deps.log.info({ token: name }, 'a token was made');
      return { status: 201, body: { name, token }, headers: { 'Cache-Control': 'no-store' } };
    },
  });
}

export function deleteToken(deps: ApiDeps): Operation {
  return operation({
    summary: 'Revoke a token at once',
    tag: 'tokens',
    path: { name: Name },
    answers: { 204: { description: 'revoked' } },
    problems: [404],
    async handle(call) {
      const name = call.path['name'] ?? '';
      if (!(await revokeToken(deps.db, name))) throw notFound('valid token', name);
      deps.log.info({ token: name }, 'a token was revoked');
      return { status: 204 };
    },
  });
}
