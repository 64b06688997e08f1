/**
 * Proof that nobody changed what was stored. Each hash covers the one before it and the canonical bytes of its event; the bytes are
 * put together here from the columns as text, independently of the function that wrote the hash.
 */
import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import type { Queryable } from './client.ts';

export interface Broken {
  readonly stream: string;
  readonly version: number;
  readonly why: string;
}

export interface ChainReport {
  /** events looked at */
  readonly checked: number;
  readonly broken: readonly Broken[];
}

/** An event as its columns hold it; `data` and `actor` are the stored text, byte for byte. */
export interface ChainRow {
  readonly position: number;
  readonly stream: string;
  readonly version: number;
  readonly id: string;
  readonly type: string;
  readonly schema: number;
  readonly data: string;
  readonly actor: string;
  readonly at: string;
  readonly hash: Buffer;
}

const PAGE = 1_000;
const GENESIS = Buffer.alloc(32);

/**
 * Checks one stream, or all: every hash, versions without a gap, positions that grow, and that the stream's head is its last event.
 * Reads page by page; what is appended meanwhile is not looked at.
 */
export async function verifyChain(db: Queryable, stream?: string): Promise<ChainReport> {
  // One snapshot for all: heads and events that belong together are seen together.
  return db.kysely.transaction().setIsolationLevel('repeatable read').setAccessMode('read only').execute(async (kysely) => {
    let checked = 0;
    const broken: Broken[] = [];
    for (const head of await readHeads({ kysely }, stream)) {
      const report = await verifyStream({ kysely }, head);
      checked += report.checked;
      broken.push(...report.broken);
    }
    return { checked, broken };
  });
}

interface Head {
  readonly stream: string;
  readonly version: number | null;
  readonly hash: Buffer | null;
}

/** Streams that only have a head, and streams whose head is gone, are both listed. */
async function readHeads(db: Queryable, stream: string | undefined): Promise<readonly Head[]> {
  const { rows } = await sql<Head>`
    select coalesce(s.stream, e.stream) as stream, s.version, s.hash
    from streams s full join (select distinct stream from events) e on e.stream = s.stream
    where ${stream ?? null}::text is null or coalesce(s.stream, e.stream) = ${stream ?? null}
    order by 1`.execute(db.kysely);
  return rows;
}

async function verifyStream(db: Queryable, head: Head): Promise<ChainReport> {
  const links = new Links(head.stream);
  for (;;) {
    const rows = await readRows(db, head, links.version);
    rows.forEach((row) => links.add(row));
    if (rows.length < PAGE) break;
  }
  return links.close(head);
}

async function readRows(db: Queryable, head: Head, after: number): Promise<readonly ChainRow[]> {
  const { rows } = await sql<ChainRow>`
    select position, stream, version, id, type, schema, data::text as data, actor::text as actor, at, hash from events
    where stream = ${head.stream} and version > ${after}
    order by version limit ${PAGE}`.execute(db.kysely);
  return rows;
}

/** Walks one stream; pure, so that a test can walk rows it holds in memory. */
export class Links {
  readonly #stream: string;
  readonly #broken: Broken[] = [];
  #previous: Buffer = GENESIS;
  #position = 0;
  #checked = 0;
  version = 0;

  constructor(stream: string) {
    this.#stream = stream;
  }

  add(row: ChainRow): void {
    if (row.version !== this.version + 1) this.#say(row.version, `follows version ${this.version}: events between them are gone`);
    if (row.position <= this.#position) this.#say(row.version, 'was numbered before its predecessor');
    if (!linkHash(this.#previous, row).equals(row.hash)) this.#say(row.version, 'is not what was stored: its hash does not fit its content and predecessor');
    // Going on from the stored hash, one changed event does not drown the report in its successors.
    this.#previous = row.hash;
    this.#position = row.position;
    this.#checked += 1;
    this.version = row.version;
  }

  close(head: { readonly version: number | null; readonly hash: Buffer | null }): ChainReport {
    if (head.version === null || head.hash === null) this.#say(this.version, 'has lost the head of its stream');
    else if (head.version !== this.version) this.#say(head.version, `is the head of the stream, but its events end at version ${this.version}`);
    else if (!head.hash.equals(this.#previous)) this.#say(head.version, 'is the head of the stream, but the hash of its last event differs');
    return { checked: this.#checked, broken: this.#broken };
  }

  #say(version: number, why: string): void {
    this.#broken.push({ stream: this.#stream, version, why: `Version ${version} of ${this.#stream} ${why}.` });
  }
}

/** SHA-256 over the previous hash and the canonical JSON of the event: members sorted by name, `data` and `actor` as stored. */
export function linkHash(previous: Buffer, row: ChainRow): Buffer {
  const text = JSON.stringify;
  const bytes = `{"actor":${row.actor},"at":${text(row.at)},"data":${row.data},"id":${text(row.id)},"position":${row.position},"schema":${row.schema},"stream":${text(row.stream)},"type":${text(row.type)},"version":${row.version}}`;
  return createHash('sha256').update(previous).update(bytes, 'utf8').digest();
}
