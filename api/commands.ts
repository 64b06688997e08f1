/** Commands of operators: stored before they are answered, delivered by the worker, settled with a receipt. */
import { z } from 'zod';
import { acceptCommand, getReceipt } from '../db/commands.ts';
import { getRelease } from '../db/queries.ts';
import { decide } from '../domain/release/decide.ts';
import { isTerminal } from '../domain/vocabulary.ts';
import { IDEMPOTENCY_HEADERS, once } from './idempotency.ts';
import { asInteger } from './pages.ts';
import { notFound } from './problem.ts';
import { receiptView, refused, settledReceipt } from './receipt.ts';
import { newCommandId } from './release-id.ts';
import { rollbackOfEnded } from './rollback-release.ts';
import { callerOf, operation } from './route.ts';
import { CommandId, CommandRequest, ReceiptAnswer } from './schemas/command.ts';
import { ReleaseId } from './schemas/text.ts';
import type { Tx } from '../db/client.ts';
import type { Command, Refusal } from '../domain/release/commands.ts';
import type { Folded } from '../domain/release/fold.ts';
import type { ApiDeps } from './deps.ts';
import type { Stored } from './idempotency.ts';
import type { ReceiptView } from './receipt.ts';
import type { Caller, Operation } from './route.ts';
import type { CommandAsked } from './schemas/command.ts';

const WAIT_SECONDS_MAX = 60;
/** For requests that are carried out by the worker. */
export const Wait = z.strictObject({
  waitSeconds: z
    .string()
    .regex(/^[0-9]{1,3}$/, 'must be a whole number of seconds')
    .transform(Number)
    .refine((seconds) => seconds <= WAIT_SECONDS_MAX, `must be at most ${WAIT_SECONDS_MAX}`)
    .default(0)
    .meta({ description: 'wait for the outcome at most this long', override: asInteger({ minimum: 0, maximum: WAIT_SECONDS_MAX, default: 0 }) }),
});

export function postCommand(deps: ApiDeps): Operation {
  return operation({
    summary: 'Pause, resume, roll back, abort, retry, skip, promote, approve, reject, answer or jump',
    description: 'Answers 202 with a receipt once the command is stored, 409 at once if the release does not allow it now. A refusal that comes later reads the same.',
    tag: 'commands',
    path: { id: ReleaseId },
    query: Wait,
    headers: IDEMPOTENCY_HEADERS,
    body: { kind: 'json', schema: CommandRequest, later: 'Command' },
    answers: { 202: { description: 'the receipt as it stands', schema: ReceiptAnswer, headers: { Location: 'the receipt' } } },
    problems: [404, 409],
    async handle(call) {
      const id = call.path['id'] ?? '';
      const caller = callerOf(call);
      const route = `POST /v1/releases/${id}/commands`;
      const stored = await once(deps, { request: call.request, caller, route, body: call.body }, (tx) => takeCommand(tx, id, call.body, caller));
      const accepted = stored.body as ReceiptView;
      const receipt = await settledReceipt(deps, accepted.id, id, { waitSeconds: call.query.waitSeconds, signal: call.signal });
      if (receipt?.state === 'refused' && receipt.refusal) throw refused(receipt.refusal, receipt);
      return { status: 202, body: receipt === null ? accepted : receiptView(receipt), headers: { Location: `/v1/releases/${id}/commands/${accepted.id}` } };
    },
  });
}

export function getCommand(deps: ApiDeps): Operation {
  return operation({
    summary: 'Read a receipt',
    tag: 'commands',
    path: { id: ReleaseId, commandId: CommandId },
    query: Wait,
    answers: { 200: { description: 'the receipt as it stands', schema: ReceiptAnswer } },
    problems: [404],
    async handle(call) {
      const [id, commandId] = [call.path['id'] ?? '', call.path['commandId'] ?? ''];
      const first = await getReceipt(deps.db, commandId);
      if (first === null || first.release !== id) throw notFound(`command of release ${id}`, commandId);
      const receipt = await settledReceipt(deps, commandId, id, { waitSeconds: call.query.waitSeconds, signal: call.signal });
      return { status: 200, body: receiptView(receipt ?? first) };
    },
  });
}

/** Stores the command, or makes the release that takes an ended one back. Throws a 409 Problem for what is not allowed now. */
async function takeCommand(tx: Tx, id: string, asked: CommandAsked, caller: Caller): Promise<Stored> {
  const folded = await getRelease(tx, id);
  if (folded === null) throw notFound('release', id);
  const command = commandOf(asked, newCommandId(new Date()), caller);
  const refusal = staleRefusal(folded, command);
  if (refusal !== null) throw refused(refusal);
  if (isTerminal(folded.core.situation.status)) return { status: 202, body: receiptView(await rollbackOfEnded(tx, { folded, command, now: new Date() })) };
  const decision = decide(folded.core, command, { now: new Date().toISOString(), inWork: [], begunNow: [] });
  if ('refusal' in decision) throw refused(decision.refusal);
  return { status: 202, body: receiptView(await acceptCommand(tx, { command, release: id })) };
}

function commandOf(asked: CommandAsked, id: string, { actor }: Caller): Command {
  const across = 'acrossIrreversible' in asked && asked.acrossIrreversible ? { acrossIrreversible: true } : {};
  const common = { id, by: actor, reason: asked.reason, ...(asked.ifVersion === undefined ? {} : { ifVersion: asked.ifVersion }), ...across };
  if (asked.type === 'rollback') return { ...common, type: asked.type, mode: asked.mode, ...(asked.to === null ? {} : { to: asked.to }) };
  if (asked.type === 'retry' || asked.type === 'skip') return { ...common, type: asked.type, targets: asked.targets };
  if (asked.type === 'jump') return { ...common, type: asked.type, to: asked.to };
  if (asked.type === 'answer') return { ...common, type: asked.type, choices: asked.choices };
  return { ...common, type: asked.type };
}

/** Abort and rollback are never stale: whoever asks for them means it whatever happened since. */
function staleRefusal({ core, version }: Folded, command: Command): Refusal | null {
  if (command.ifVersion === undefined || command.ifVersion === version || command.type === 'abort' || command.type === 'rollback') return null;
  const decision = decide(core, command, { now: new Date().toISOString(), inWork: [], begunNow: [] });
  const allowed = 'refusal' in decision ? decision.refusal.allowed : [command.type];
  return { code: 'stale-version', message: `The release stands at version ${version}, not ${command.ifVersion}. Read it again, then decide.`, allowed };
}
