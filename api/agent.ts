/**
 * What agents speak with: they ask for the next call of their host and wait, answer it, and fetch the host program. The answers are
 * lines, for agents are shell programs. The token says which host is meant, so none of these paths names one.
 */
import { z } from 'zod';
import { answerCall, takeCall } from '../db/agent-calls.ts';
import { beginPoll } from '../db/agents.ts';
import { findHostProgram } from '../db/host-programs.ts';
import { Problem, notFound } from './problem.ts';
import { hostCallerOf, operation } from './route.ts';
import { Sha256, whole } from './schemas/text.ts';
import type { IncomingMessage } from 'node:http';
import type { HandedCall } from '../db/agent-calls.ts';
import type { ApiDeps } from './deps.ts';
import type { Operation } from './route.ts';

const POLL_SECONDS_MAX = 25;
/** While one waits it looks again only when it is told to; this ends no sooner than the poll. */
const LOOK_MS = POLL_SECONDS_MAX * 1000;
const RUNNING_MAX = 200;
const OUTPUT_BYTES_MAX = 1024 * 1024;

const CallId = z.string().regex(/^[1-9][0-9]{0,14}$/, 'must be the id of a call');
const Poll = z
  .strictObject({
    protocol: z.literal(1),
    agent: z.string().regex(/^[0-9a-f]{32}$/, 'must be 32 lower-case hexadecimal digits').meta({ description: 'which agent this is: made once, kept beside the data of the host' }),
    boot: z.uuid().meta({ description: 'boot id of the machine' }),
    running: z.array(CallId).max(RUNNING_MAX).meta({ description: 'calls in work, or not answered yet' }),
    waitSeconds: whole(0, POLL_SECONDS_MAX),
  })
  .meta({ id: 'AgentPoll' });

export function postPoll(deps: ApiDeps): Operation {
  return operation({
    summary: 'The next call for the host of this token (agents do)',
    description: 'Waits until there is one. The answer is lines `call`, `verb`, `program`, then the standard input of the host program. A call whose answer did not come, and that is not among those running, is handed out again.',
    tag: 'agents',
    body: { kind: 'json', schema: Poll },
    answers: {
      200: { description: 'a call', schema: z.string(), contentTypes: ['text/plain'], headers: { 'Cache-Control': 'no-store' } },
      204: { description: 'there is nothing to do; ask again' },
    },
    problems: [409],
    async handle(call) {
      const { host, token } = hostCallerOf(call);
      const { agent, boot, running, waitSeconds } = call.body;
      const begun = await beginPoll(deps.db, { host, agent, boot });
      if ('heldBy' in begun) {
        throw new Problem('conflict', { detail: `Another agent asks for the work of ${host} and last did at ${begun.heldBy.seenAt}. One host has one agent: stop the other one, or give this machine a token of its own.`, headers: { 'Retry-After': '10' } });
      }
      const signal = AbortSignal.any([call.signal, AbortSignal.timeout(Math.min(waitSeconds * 1000, deps.pollMsMax ?? Infinity))]);
      const polling = { host, token, poll: begun.poll, running: running.map(Number) };
      // Once without waiting, for a signal that has fired already ends the search before it begins.
      const first = await takeCall(deps.db, polling);
      const found = first ?? (await deps.agentBells.untilFound(host, { signal, lookMs: LOOK_MS }, () => takeCall(deps.db, polling)));
      if (found === null || found === 'void') return { status: 204 };
      return { status: 200, body: linesOf(found), headers: { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store' } };
    },
  });
}

function linesOf({ id, verb, program, input }: HandedCall): string {
  return `call ${id}\nverb ${verb}\nprogram ${program}\n${input}`;
}

export function postAnswer(deps: ApiDeps): Operation {
  return operation({
    summary: 'What the host program said (agents do)',
    description: 'The body is its output, or after an exit status other than 0 what it complained of. The first answer of a call counts.',
    tag: 'agents',
    path: { id: CallId },
    query: z.strictObject({ exit: z.string().regex(/^(?:0|[1-9][0-9]{0,2})$/, 'must be an exit status') }),
    answers: { 204: { description: 'taken' } },
    problems: [404, 413],
    async handle(call) {
      const { host } = hostCallerOf(call);
      const id = Number(call.path['id']);
      const output = await readOutput(call.request);
      if (!(await answerCall(deps.db, { host, id, exitStatus: Number(call.query.exit), output }))) throw notFound('call that waits for an answer of this host', String(id));
      return { status: 204 };
    },
  });
}

async function readOutput(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > OUTPUT_BYTES_MAX) throw new Problem('too-large', { detail: `An answer must be at most ${OUTPUT_BYTES_MAX} bytes.`, headers: { Connection: 'close' } });
    chunks.push(chunk);
  }
  if (request.complete === false) throw new Problem('unparsable', 'The request ended before its body did.');
  return Buffer.concat(chunks);
}

export function getHostProgram(deps: ApiDeps): Operation {
  return operation({
    summary: 'Fetch a host program by its digest (agents do)',
    tag: 'agents',
    path: { sha256: Sha256 },
    answers: { 200: { description: 'the program', schema: z.string(), contentTypes: ['text/plain'] } },
    problems: [404],
    async handle(call) {
      const sha256 = call.path['sha256'] ?? '';
      const body = await findHostProgram(deps.db, sha256);
      if (body === null) throw notFound('host program', sha256);
      return { status: 200, body: body.toString('utf8'), headers: { 'Content-Type': 'text/plain; charset=utf-8' } };
    },
  });
}
