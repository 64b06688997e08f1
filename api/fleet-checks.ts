/** Asking for a look at every host now. It is kept and delivered like a release: by a worker, as soon as one can. */
import { setTimeout as delay } from 'node:timers/promises';
import { askFleetCheck, getFleetCheck } from '../db/fleet-checks.ts';
import { Wait } from './commands.ts';
import { IDEMPOTENCY_HEADERS, once } from './idempotency.ts';
import { notFound } from './problem.ts';
import { newFleetCheckId } from './release-id.ts';
import { callerOf, operation } from './route.ts';
import { FleetCheck, FleetCheckId, FleetCheckRequest } from './schemas/liveness.ts';
import type { z } from 'zod';
import type { FleetCheck as Kept } from '../db/fleet-checks.ts';
import type { ApiDeps } from './deps.ts';
import type { WaitLimit } from './receipt.ts';
import type { Operation } from './route.ts';

export function postFleetCheck(deps: ApiDeps): Operation {
  return operation({
    summary: 'Look at every host now',
    description: 'Whether it answers, its disk, clock, host program and what runs there. What is wrong becomes a finding. Nothing is changed on any host. One that was asked for and has not begun yet is answered again.',
    tag: 'hosts',
    query: Wait,
    headers: IDEMPOTENCY_HEADERS,
    body: { kind: 'json', schema: FleetCheckRequest },
    answers: { 202: { description: 'the check as it stands', schema: FleetCheck, headers: { Location: 'the check' } } },
    async handle(call) {
      const caller = callerOf(call);
      const id = newFleetCheckId(deps.now?.() ?? new Date());
      const stored = await once(deps, { request: call.request, caller, route: 'POST /v1/fleet-checks', body: call.body }, async (tx) => ({
        status: 202,
        body: checkView(await askFleetCheck(tx, { id, actor: caller.actor, reason: call.body.reason })),
      }));
      const asked = stored.body as CheckView;
      const seen = await finished(deps, asked.id, { waitSeconds: call.query.waitSeconds, signal: call.signal });
      return { status: 202, body: seen ?? asked, headers: { Location: `/v1/fleet-checks/${asked.id}` } };
    },
  });
}

export function getOneFleetCheck(deps: ApiDeps): Operation {
  return operation({
    summary: 'Read a fleet check',
    tag: 'hosts',
    path: { id: FleetCheckId },
    query: Wait,
    answers: { 200: { description: 'as it stands', schema: FleetCheck } },
    problems: [404],
    async handle(call) {
      const id = call.path['id'] ?? '';
      const check = await finished(deps, id, { waitSeconds: call.query.waitSeconds, signal: call.signal });
      if (check === null) throw notFound('fleet check', id);
      return { status: 200, body: check };
    },
  });
}

type CheckView = z.output<typeof FleetCheck>;

function checkView({ askedBy, ...check }: Kept): CheckView {
  const state = check.finishedAt !== null ? 'finished' : check.startedAt !== null ? 'running' : 'asked';
  return { ...check, state, by: askedBy?.name ?? null };
}

const LOOK_MS = 200;

/** Once it is finished, or as it stands when the time is up; null when there is none. */
async function finished(deps: ApiDeps, id: string, { waitSeconds, signal }: WaitLimit): Promise<CheckView | null> {
  const endMs = performance.now() + Math.min(waitSeconds * 1000, deps.waitMsMax ?? Number.POSITIVE_INFINITY);
  for (;;) {
    const check = await getFleetCheck(deps.db, id);
    if (check === null || check.finishedAt !== null || performance.now() >= endMs || signal.aborted) return check === null ? null : checkView(check);
    await delay(LOOK_MS, undefined, { signal }).catch(() => undefined);
  }
}
