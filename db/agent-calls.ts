/**
 * Calls of the host program that wait for the agent of their host. A worker asks, the API hands out and takes the answer, the worker
 * fetches it; what nobody waits for any more is removed. Nothing here is history: the release's events are.
 */
import { sql } from 'kysely';
import type { Queryable } from './client.ts';

/** What was handed out and is not wanted any more blocks its opId for so long, then it is removed. */
const FORGOTTEN_AFTER_MINUTES = 60;

export interface AskedCall {
  readonly host: string;
  readonly verb: string;
  /** null: the verb has none, and may be done any number of times */
  readonly opId: string | null;
  readonly epoch: string | null;
  /** SHA-256 of the host program that is to run it */
  readonly program: string;
  /** its whole standard input */
  readonly input: string;
  readonly timeoutMs: number;
}

/** Stores a call and tells who waits for work of that host. Answers its id. */
export async function askCall(db: Queryable, { host, verb, opId, epoch, program, input, timeoutMs }: AskedCall): Promise<number> {
  const { rows } = await sql<{ id: number }>`
    with swept as (delete from agent_calls where host = ${host} and wanted_until < now() - ${FORGOTTEN_AFTER_MINUTES} * interval '1 minute'),
      asked as (
        insert into agent_calls (host, verb, op_id, epoch, program, input, wanted_until)
        values (${host}, ${verb}, ${opId}, ${epoch}, ${program}, ${input}, now() + ${timeoutMs} * interval '1 millisecond') returning id)
    select id, pg_notify('signalbox_call', ${host}) from asked`.execute(db.kysely);
  const id = rows[0]?.id;
  if (id === undefined) throw new Error(`The call of ${verb} for ${host} was not stored`);
  return id;
}

export interface CallAnswer {
  /** the host program's exit status */
  readonly exitStatus: number;
  /** one character per byte: its output, or after a status other than 0 its complaint */
  readonly output: string;
}

/** The answer, which is then gone; null while there is none. */
export async function fetchAnswer(db: Queryable, id: number): Promise<CallAnswer | null> {
  const { rows } = await sql<{ exit_status: number; output: Buffer }>`delete from agent_calls where id = ${id} and answered_at is not null returning exit_status, output`.execute(db.kysely);
  const found = rows[0];
  return found === undefined ? null : { exitStatus: found.exit_status, output: found.output.toString('latin1') };
}

/** Nobody waits for it any more: it is not handed out. What the host has begun goes on there. Answers whether it was handed out, in ms ago. */
export async function giveUpCall(db: Queryable, id: number): Promise<{ readonly handedMsAgo: number | null }> {
  const { rows } = await sql<{ ago: number }>`
    with over as (delete from agent_calls where id = ${id} and (handed_at is null or answered_at is not null))
    update agent_calls set wanted_until = now() where id = ${id} and handed_at is not null and answered_at is null
    returning (extract(epoch from now() - handed_at) * 1000)::float8 as ago`.execute(db.kysely);
  return { handedMsAgo: rows[0] === undefined ? null : Math.max(0, rows[0].ago) };
}

export interface Polling {
  readonly host: string;
  /** name of the token it polls with */
  readonly token: string;
  readonly poll: number;
  /** ids of calls that its agent has in work or has yet to answer */
  readonly running: readonly number[];
}

export interface HandedCall {
  readonly id: number;
  readonly verb: string;
  readonly program: string;
  readonly input: string;
}

/**
 * The next call for the agent at this poll, marked as handed out. One that was handed out before, is unanswered and not in work was
 * lost on its way or died with the agent, and is handed out again. A call waits while another of its opId and epoch is in work.
 * `void`: a later poll came, or the token was revoked; nothing more is handed out here.
 */
export async function takeCall(db: Queryable, { host, token, poll, running }: Polling): Promise<HandedCall | 'void' | null> {
  const { rows } = await sql<{ holds: boolean; id: number | null; verb: string; program: string; input: string }>`
    with holder as materialized (
        select 1 from agents where host = ${host} and poll = ${poll} and exists (select 1 from host_tokens where name = ${token} and revoked_at is null) for update),
      next as (
        select c.id from agent_calls c
        where c.host = ${host} and exists (select 1 from holder) and c.answered_at is null and c.wanted_until > now()
          and (c.handed_at is null or not c.id = any(${[...running]}::bigint[]))
          and not exists (
            select 1 from agent_calls o
            where o.host = c.host and o.op_id = c.op_id and o.epoch = c.epoch and o.id <> c.id and o.answered_at is null and o.handed_at is not null and o.id = any(${[...running]}::bigint[]))
        order by c.id limit 1 for update of c),
      handed as (update agent_calls c set handed_at = now() from next where c.id = next.id returning c.id, c.verb, c.program, c.input)
    select exists (select 1 from holder) as holds, handed.* from (select 1) as one left join handed on true`.execute(db.kysely);
  const row = rows[0];
  if (row === undefined || !row.holds) return 'void';
  return row.id === null ? null : { id: row.id, verb: row.verb, program: row.program, input: row.input };
}

/**
 * Keeps the answer of a call of this host and tells who waits for it; the first one counts. False: nobody waits for it any more. Tells
 * also who waits for work of the host, as another call of the same opId may have waited for this one.
 */
export async function answerCall(db: Queryable, call: { readonly host: string; readonly id: number; readonly exitStatus: number; readonly output: Buffer }): Promise<boolean> {
  const { host, id, exitStatus, output } = call;
  const { rows } = await sql<{ kept: boolean }>`
    with unwanted as (delete from agent_calls where id = ${id} and host = ${host} and answered_at is null and wanted_until <= now() returning id),
      kept as (
        update agent_calls set answered_at = now(), exit_status = ${exitStatus}, output = ${output}
        where id = ${id} and host = ${host} and answered_at is null and wanted_until > now() returning id),
      told as (select pg_notify('signalbox_answer', id::text) from kept union all select pg_notify('signalbox_call', ${host}) from (select id from kept union all select id from unwanted) as ended)
    select exists (select 1 from kept) as kept, (select count(*) from told) as told`.execute(db.kysely);
  return rows[0]?.kept === true;
}
