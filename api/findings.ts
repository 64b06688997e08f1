/** Findings: differences between the log and what was observed, each with the command that repairs it, and that command's other end. */
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { acceptCommand } from '../db/commands.ts';
import { getFinding, pageFindings } from '../db/findings.ts';
import { getRepair } from '../db/repairs.ts';
import { repairFinding } from '../db/finding-repairs.ts';
import { Wait } from './commands.ts';
import { IDEMPOTENCY_HEADERS, once } from './idempotency.ts';
import { Cursor, Limit, cursorOf, nextLink, pageOf, readCursor } from './pages.ts';
import { Problem, invalid, notFound } from './problem.ts';
import { newCommandId, newRepairId } from './release-id.ts';
import { callerOf, operation } from './route.ts';
import { Finding, FindingId, FindingQuery, RepairAnswer, RepairId, RepairRequest } from './schemas/finding.ts';
import type { Queryable, Tx } from '../db/client.ts';
import type { Finding as FindingTold } from '../db/findings.ts';
import type { Repair } from '../db/repairs.ts';
import type { Command } from '../domain/release/commands.ts';
import type { ApiDeps } from './deps.ts';
import type { Stored } from './idempotency.ts';
import type { WaitLimit } from './receipt.ts';
import type { Caller, Operation } from './route.ts';

export function getFindings(deps: ApiDeps): Operation {
  return operation({
    summary: 'Findings, oldest first',
    description: 'Open ones by default. Each says what is so, since when, why it matters, and the one command that repairs it. It is cleared by itself when it is not so any more.',
    tag: 'findings',
    query: z.strictObject({ ...FindingQuery.shape, limit: Limit, cursor: Cursor }),
    answers: { 200: { description: 'one page', schema: pageOf(Finding, 'FindingPage'), headers: { Link: 'rel=next when there is more' } } },
    async handle(call) {
      const { limit, cursor, state, ...filters } = call.query;
      const after = readCursor(cursor, z.strictObject({ openedAt: z.int().min(0), id: FindingId }));
      const given = Object.fromEntries(Object.entries(filters).filter(([, value]) => value !== undefined));
      const found = await pageFindings(deps.db, { ...given, state, limit: limit + 1, ...(after === undefined ? {} : { after }) });
      const page = found.slice(0, limit);
      const next = found.length > limit ? cursorOf(page.at(-1)?.key) : null;
      return { status: 200, body: { items: page.map(({ finding }) => finding), next }, headers: nextLink(call.request.url ?? '', next) };
    },
  });
}

export function getOneFinding(deps: ApiDeps): Operation {
  return operation({
    summary: 'Read a finding',
    tag: 'findings',
    path: { id: FindingId },
    answers: { 200: { description: 'as it is, or as it was told last', schema: Finding } },
    problems: [404],
    async handle(call) {
      return { status: 200, body: await findingOf(deps.db, call.path['id'] ?? '') };
    },
  });
}

export function postRepair(deps: ApiDeps): Operation {
  return operation({
    summary: 'Repair what a finding tells',
    description: 'What is done follows from the finding: adopting a release or a host, freeing a lock, writing to a balancer again, bringing a server in, keeping a service alive again. Of an adopted release `then` takes it back or ends it at once. A finding whose command is another one answers 409 with that command.',
    tag: 'findings',
    path: { id: FindingId },
    query: Wait,
    headers: IDEMPOTENCY_HEADERS,
    body: { kind: 'json', schema: RepairRequest },
    answers: { 202: { description: 'the repair as it stands', schema: RepairAnswer, headers: { Location: 'the repair' } } },
    problems: [404, 409],
    async handle(call) {
      const id = call.path['id'] ?? '';
      const caller = callerOf(call);
      const stored = await once(deps, { request: call.request, caller, route: `POST /v1/findings/${id}/repair`, body: call.body }, (tx) => takeRepair(tx, id, call.body, caller));
      const asked = stored.body as RepairView;
      const settled = await settledRepair(deps, asked.id, { waitSeconds: call.query.waitSeconds, signal: call.signal });
      return { status: 202, body: settled ?? asked, headers: { Location: `/v1/repairs/${asked.id}` } };
    },
  });
}

export function getOneRepair(deps: ApiDeps): Operation {
  return operation({
    summary: 'Read a repair',
    tag: 'findings',
    path: { id: RepairId },
    query: Wait,
    answers: { 200: { description: 'as it stands', schema: RepairAnswer } },
    problems: [404],
    async handle(call) {
      const id = call.path['id'] ?? '';
      const repair = await settledRepair(deps, id, { waitSeconds: call.query.waitSeconds, signal: call.signal });
      if (repair === null) throw notFound('repair', id);
      return { status: 200, body: repair };
    },
  });
}

async function findingOf(db: Queryable, id: string): Promise<FindingTold> {
  const finding = await getFinding(db, id);
  if (finding === null) throw notFound('finding', id);
  return finding;
}

/** Stored before it is answered; what only a worker can do is settled later. */
async function takeRepair(tx: Tx, id: string, { reason, then }: z.output<typeof RepairRequest>, { actor }: Caller): Promise<Stored> {
  const finding = await findingOf(tx, id);
  if (finding.clearedAt !== null) throw new Problem('conflict', `Finding ${id} is not so any more since ${finding.clearedAt}; there is nothing to repair.`);
  const { verb, about, repair: command } = finding;
  if (verb === null) throw new Problem('conflict', { detail: `Signalbox cannot repair this by itself: ${command}`, extra: { repair: command } });
  if (then !== null && verb !== 'adopt-release') throw invalid([{ in: 'body', pointer: '/then', message: 'is for findings that are repaired by adopting a release' }]);
  const now = new Date();
  const repaired = await repairFinding(tx, { id: newRepairId(now), finding: id, verb, about, reason, actor });
  if (then !== null && about.release !== undefined) {
    const base = { id: newCommandId(now), by: actor, reason };
    const following: Command = then === 'rollback' ? { ...base, type: then, mode: null } : { ...base, type: then };
    await acceptCommand(tx, { command: following, release: about.release });
  }
  return { status: 202, body: repairView(repaired) };
}

type RepairView = z.output<typeof RepairAnswer>;

function repairView({ id, finding, verb, reason, actor, at, state, outcome }: Repair): RepairView {
  return { id, finding, verb, reason, by: actor.name, at, state, outcome };
}

const LOOK_MS = 200;

/** Once it is settled, or as it stands when the time is up; null when there is none. */
async function settledRepair(deps: ApiDeps, id: string, { waitSeconds, signal }: WaitLimit): Promise<RepairView | null> {
  const endMs = performance.now() + Math.min(waitSeconds * 1000, deps.waitMsMax ?? Number.POSITIVE_INFINITY);
  for (;;) {
    const repair = await getRepair(deps.db, id);
    if (repair === null || repair.state !== 'asked' || performance.now() >= endMs || signal.aborted) return repair === null ? null : repairView(repair);
    await delay(LOOK_MS, undefined, { signal }).catch(() => undefined);
  }
}
