/** Reading a request's body: size, encoding, media type, strict JSON or YAML. What comes out is a plain value not yet checked. */
import type { IncomingMessage } from 'node:http';
import { parseAllDocuments, visit } from 'yaml';
import { scanJson } from './json-scan.ts';
import { Problem } from './problem.ts';
import type { Complaint } from './problem.ts';

export const BODY_BYTES_MAX = 256 * 1024;
const DISCARD_BYTES_MAX = 16 * 1024 * 1024;

/** `wrong` are complaints about values (control characters, number bounds) that go together with those of the schema. */
export interface Body {
  readonly value: unknown;
  readonly wrong: readonly Complaint[];
  readonly text: string;
}

/** Throws Problem: 415 for another media type, 413 over the limit, 400 for text that cannot be read. */
export async function readJson(request: IncomingMessage): Promise<Body> {
  expectMediaType(request, ['application/json']);
  return parseJson(await readText(request));
}

/** `application/json` or one or more YAML documents, which become `{documents: [...]}`. */
export async function readJsonOrYaml(request: IncomingMessage): Promise<Body> {
  const type = expectMediaType(request, ['application/json', 'application/yaml']);
  const text = await readText(request);
  return type === 'application/json' ? parseJson(text) : parseYaml(text);
}

function parseJson(text: string): Body {
  const scan = scanJson(text);
  if (scan.unparsable.length > 0) throw new Problem('unparsable', { detail: 'The body is not strict JSON.', errors: [...scan.unparsable, ...scan.wrong] });
  return { value: JSON.parse(text), wrong: scan.wrong, text };
}

/** YAML without aliases and tags of its own is a way to write JSON: it is read, written as JSON, and held to the same rules. */
function parseYaml(text: string): Body {
  const parsed = parseAllDocuments(text, { uniqueKeys: true, version: '1.2', schema: 'core', strict: true, stringKeys: true });
  const documents = Array.isArray(parsed) ? parsed : [];
  const errors: Complaint[] = [];
  const values: unknown[] = [];
  documents.forEach((document, index) => {
    const pointer = `/documents/${index}`;
    for (const problem of [...document.errors, ...document.warnings]) errors.push({ in: 'body', pointer, message: problem.message.split('\n')[0] ?? problem.code });
    if (document.errors.length > 0) return;
    visit(document, {
      Alias: () => {
        errors.push({ in: 'body', pointer, message: 'aliases are not allowed' });
        return visit.BREAK;
      },
    });
    if (errors.length === 0 && document.contents !== null) values.push(document.toJS({ maxAliasCount: 0 }));
  });
  if (errors.length > 0) throw new Problem('unparsable', { detail: 'The body is not plain YAML.', errors: errors.slice(0, 100) });
  return parseJson(JSON.stringify({ documents: values }));
}

function expectMediaType(request: IncomingMessage, allowed: readonly string[]): string {
  const type = mediaType(request);
  if (!allowed.includes(type)) throw new Problem('media-type', `The body must be ${allowed.join(' or ')}, not "${type || 'of no type'}".`);
  const charset = /charset="?([^;"]+)/i.exec(request.headers['content-type'] ?? '')?.[1]?.toLowerCase();
  if (charset !== undefined && charset !== 'utf-8' && charset !== 'utf8') throw new Problem('media-type', `The body must be UTF-8, not ${charset}.`);
  const encoding = request.headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') throw new Problem('media-type', 'The body must not be compressed.');
  return type;
}

export function mediaType(request: IncomingMessage): string {
  return (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
}

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  // Ending the loop early must not destroy the socket: the answer still has to go out on it.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= BODY_BYTES_MAX) chunks.push(chunk);
    // A client that is still sending does not read answers; so a little more is taken in and thrown away.
    else if (bytes > DISCARD_BYTES_MAX) break;
  }
  if (bytes > BODY_BYTES_MAX) throw tooLarge();
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
  } catch {
    throw new Problem('unparsable', 'The body is not valid UTF-8.');
  }
}

// The rest of the body stays unread, so the connection cannot carry another request.
function tooLarge(): Problem {
  return new Problem('too-large', { detail: `The body must be at most ${BODY_BYTES_MAX} bytes.`, headers: { Connection: 'close' } });
}
