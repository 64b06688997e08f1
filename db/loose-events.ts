/** Events of streams that nothing is folded from: what was found and what was repaired, for whoever reads the log. */
import { sql } from 'kysely';
import { canonicalJson } from '../domain/canonical-json.ts';
import type { Actor } from '../domain/vocabulary.ts';
import type { Queryable } from './client.ts';
import { SCHEMA } from './event-schema.ts';

export interface LooseEvent {
  readonly stream: string;
  readonly type: string;
  readonly data: object;
  readonly actor: Actor;
}

/** Appends it to its stream; its id follows from its place there. The caller sees to it that nobody else appends to the stream at the same time. */
export async function appendLoose(db: Queryable, { stream, type, data, actor }: LooseEvent): Promise<void> {
  const head = await db.kysely.selectFrom('streams').select('version').where('stream', '=', stream).executeTakeFirst();
  const id = `${stream}/${(head?.version ?? 0) + 1}`;
  await sql`select append_event(${stream}, ${id}, ${type}, ${SCHEMA}, ${canonicalJson(data)}, ${canonicalJson(actor)}, ${new Date().toISOString()})`.execute(db.kysely);
}
