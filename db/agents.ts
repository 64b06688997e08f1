/** Which agent asks for the work of a host, when it last did, and which API processes answer agents. All times are the database's. */
import { sql } from 'kysely';
import type { Queryable } from './client.ts';

/** Longer than an agent waits at one poll, by enough for a slow line: until then nobody else may ask for the host. */
const HELD_MS = 60_000;
/** An API process that answers agents says so this often. */
export const DESK_SIGN_MS = 1_000;
/** One that has been silent for longer is taken for away. Short, because what happens meanwhile must not be the hosts' fault. */
const DESK_SILENCE_MS_MAX = 3_000;
const DESK_KEPT_DAYS = 1;

/** `agent` is a name that the agent keeps with its host's data, `boot` the boot id of the machine it runs on. */
export interface AgentName {
  readonly host: string;
  readonly agent: string;
  readonly boot: string;
}

export interface HeldBy {
  /** ISO 8601 UTC of its last poll */
  readonly seenAt: string;
}

/** Number of this poll: every earlier one of the host is void from now on. Another agent that has asked lately keeps the host. */
export async function beginPoll(db: Queryable, { host, agent, boot }: AgentName): Promise<{ readonly poll: number } | { readonly heldBy: HeldBy }> {
  const { rows } = await sql<{ poll: number }>`
    insert into agents (host, agent, boot, poll, since, seen_at) values (${host}, ${agent}, ${boot}, 1, now(), now())
    on conflict (host) do update set poll = agents.poll + 1, seen_at = now(), agent = excluded.agent, boot = excluded.boot,
      since = case when (agents.agent, agents.boot) = (excluded.agent, excluded.boot) then agents.since else now() end
    where (agents.agent, agents.boot) = (excluded.agent, excluded.boot) or agents.seen_at < now() - ${HELD_MS} * interval '1 millisecond'
    returning poll`.execute(db.kysely);
  const begun = rows[0];
  if (begun !== undefined) return begun;
  const seenAt = (await listAgents(db, [host]))[0]?.seenAt;
  return { heldBy: { seenAt: seenAt ?? new Date(0).toISOString() } };
}

export interface SeenAgent {
  readonly host: string;
  /** ISO 8601 UTC of its last poll */
  readonly seenAt: string;
  /** milliseconds since then, by the database's clock alone */
  readonly seenMsAgo: number;
}

/** The agents of these hosts that ever asked. */
export async function listAgents(db: Queryable, hosts: readonly string[]): Promise<readonly SeenAgent[]> {
  const { rows } = await sql<{ host: string; seen_at: Date; ago: number }>`
    select host, seen_at, (extract(epoch from now() - seen_at) * 1000)::float8 as ago from agents where host = any(${[...hosts]}) order by host`.execute(db.kysely);
  return rows.map(({ host, seen_at, ago }) => ({ host, seenAt: seen_at.toISOString(), seenMsAgo: Math.max(0, ago) }));
}

/** An API process answers agents, and goes on saying so. `id` is a UUID of the process. */
export async function signDesk(db: Queryable, id: string): Promise<void> {
  await sql`
    insert into agent_desks (id, started_at, seen_at) values (${id}, now(), now())
    on conflict (id) do update set seen_at = now(),
      started_at = case when agent_desks.seen_at < now() - ${DESK_SILENCE_MS_MAX} * interval '1 millisecond' then now() else agent_desks.started_at end`.execute(db.kysely);
}

/** It ends by itself and does not wait to be taken for away. */
export async function closeDesk(db: Queryable, id: string): Promise<void> {
  await sql`delete from agent_desks where id = ${id} or seen_at < now() - ${DESK_KEPT_DAYS} * interval '1 day'`.execute(db.kysely);
}

/** For how long some API process has been answering agents without a gap, in milliseconds; null: none does. */
export async function deskOpenMs(db: Queryable): Promise<number | null> {
  const { rows } = await sql<{ ms: number | null }>`
    select (extract(epoch from now() - min(started_at)) * 1000)::float8 as ms from agent_desks
    where seen_at > now() - ${DESK_SILENCE_MS_MAX} * interval '1 millisecond'`.execute(db.kysely);
  return rows[0]?.ms ?? null;
}
