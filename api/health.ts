/** /livez: the process turns. /readyz: it may be given requests. Reasons are told only to who has a token. */
import { z } from 'zod';
import { pingDatabase } from '../db/client.ts';
import { authenticate } from './auth.ts';
import { operation } from './route.ts';
import type { IncomingMessage } from 'node:http';
import type { ApiDeps } from './deps.ts';
import type { Operation } from './route.ts';

const LOOK_TIMEOUT_MS = 2000;
const Dependency = z.strictObject({ name: z.string(), ok: z.boolean(), needed: z.boolean(), reason: z.string().nullable() });
const Ready = z.strictObject({ ready: z.boolean(), dependencies: z.array(Dependency).optional() }).meta({ id: 'Readiness' });
const Alive = z.strictObject({ alive: z.literal(true) }).meta({ id: 'Liveness' });

type DependencyState = z.output<typeof Dependency>;

export function livez(): Operation {
  return operation({
    summary: 'Is the process alive',
    tag: 'health',
    answers: { 200: { description: 'it is', schema: Alive } },
    async handle() {
      return { status: 200, body: { alive: true } };
    },
  });
}

/** Temporal is looked at but not needed: requests are stored and delivered when it is back. */
export function readyz(deps: ApiDeps): Operation {
  return operation({
    summary: 'May the process be given requests',
    description: 'With a token the answer names each dependency and why it is not ready.',
    tag: 'health',
    answers: { 200: { description: 'ready', schema: Ready }, 503: { description: 'not ready', schema: Ready } },
    async handle(call) {
      const dependencies = await Promise.all([
        look('process', true, async () => (deps.drainSignal?.aborted ? 'it is shutting down' : null)),
        look('database', true, async () => {
          await pingDatabase(deps.db);
          return null;
        }),
        look('temporal', false, async () => ((await deps.temporalReachable()) ? null : `nothing answers at ${deps.config.temporalAddress}; requests are kept and delivered later`)),
      ]);
      const ready = dependencies.every(({ ok, needed }) => ok || !needed);
      const told = await hasToken(call.request, deps);
      return { status: ready ? 200 : 503, body: told ? { ready, dependencies } : { ready } };
    },
  });
}

/** `ask` answers why not, or null. */
async function look(name: string, needed: boolean, ask: () => Promise<string | null>): Promise<DependencyState> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const timer = setTimeout(() => resolve(`no answer within ${LOOK_TIMEOUT_MS} ms`), LOOK_TIMEOUT_MS);
  try {
    const reason = await Promise.race([ask(), promise]);
    return { name, ok: reason === null, needed, reason };
  } catch (error) {
    return { name, ok: false, needed, reason: error instanceof Error ? error.message : String(error) };
  } finally {
    clearTimeout(timer);
  }
}

/** While the database is away nobody can be known, so nobody is told anything. */
async function hasToken(request: IncomingMessage, deps: ApiDeps): Promise<boolean> {
  if (request.headers.authorization === undefined) return false;
  return authenticate(request, deps).then(
    () => true,
    () => false,
  );
}
