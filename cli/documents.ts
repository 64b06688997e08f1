/** Declarative documents from files: YAML (of which JSON is a part), several documents per file. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { LineCounter, parseAllDocuments } from 'yaml';
import { Complaint } from './complaint.ts';
import { EXIT } from './exit-codes.ts';
import type { Surroundings } from './surroundings.ts';

/** `place` is for messages: file, line and what the document says it is. */
export interface SourceDocument {
  readonly place: string;
  readonly value: unknown;
}

/** Reads every file; throws one Complaint (usage) with everything that is wrong in any of them. Empty documents are left out. */
export async function readDocuments(files: readonly string[], surroundings: Surroundings): Promise<SourceDocument[]> {
  const documents: SourceDocument[] = [];
  const wrong: string[] = [];
  for (const file of files) {
    const text = await readSource(file, surroundings).catch((error: unknown) => {
      wrong.push(`${file}: ${error instanceof Error ? error.message : String(error)}`);
      return '';
    });
    parseSource(file === '-' ? 'standard input' : file, text, documents, wrong);
  }
  if (wrong.length > 0) throw new Complaint(EXIT.usage, 'The files cannot be read; nothing was sent.', wrong);
  if (documents.length === 0) throw new Complaint(EXIT.usage, `There is no document in ${files.join(', ')}.`);
  return documents;
}

async function readSource(file: string, { cwd, stdin }: Surroundings): Promise<string> {
  if (file !== '-') return readFile(resolve(cwd, file), 'utf8');
  const chunks: Buffer[] = [];
  for await (const chunk of stdin) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString('utf8');
}

function parseSource(name: string, text: string, documents: SourceDocument[], wrong: string[]): void {
  const lineCounter = new LineCounter();
  const parsed = parseAllDocuments(text, { lineCounter, uniqueKeys: true, version: '1.2', schema: 'core', strict: true, stringKeys: true });
  for (const document of Array.isArray(parsed) ? parsed : []) {
    for (const error of document.errors) wrong.push(`${name}:${error.linePos?.[0].line ?? 1}: ${error.message.split('\n')[0] ?? error.code}`);
    if (document.errors.length > 0) continue;
    const value: unknown = document.toJS();
    if (value === null) continue;
    const line = lineCounter.linePos(document.contents?.range?.[0] ?? 0).line;
    documents.push({ place: `${name}:${line} (${titleOf(value)})`, value });
  }
}

function titleOf(value: unknown): string {
  if (typeof value !== 'object' || value === null) return 'not a mapping';
  const { kind, name } = value as { kind?: unknown; name?: unknown };
  return [kind, name].filter((part) => typeof part === 'string').join(' ') || 'without kind';
}
