/** The files of this clone that people wrote, read once. Generated, installed and passing things are left out. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const ROOT = join(import.meta.dirname, '..', '..');

export interface SourceFile {
  /** from the top of the clone, with `/` */
  readonly path: string;
  /** the top folder, or the file itself where it stands at the top */
  readonly room: string;
  readonly text: string;
}

const LEFT_OUT = new Set(['node_modules', 'reports', 'coverage', 'package-lock.json']);
const HIDDEN_KEPT = new Set(['.ci', '.oxlintrc.json', '.gitignore', '.github']);
const NOT_OURS = /^(docs\/generated|test\/replay\/histories)\//;
const BINARY = /\.(png|gz|zip|ico|woff2?)$/;

/** Every written file of the clone, by path. */
export function readTree(): readonly SourceFile[] {
  return walk('').map((path) => ({ path, room: path.split('/')[0] ?? path, text: readFileSync(join(ROOT, path), 'utf8') }));
}

export function isCode({ path }: SourceFile): boolean {
  return /\.(ts|mjs)$/.test(path);
}

function walk(folder: string): readonly string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true })
    .filter(({ name }) => !LEFT_OUT.has(name) && (!name.startsWith('.') || HIDDEN_KEPT.has(name)) && !name.endsWith('.log'))
    .flatMap((entry) => {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) return walk(path);
      return entry.isFile() && !NOT_OURS.test(path) && !BINARY.test(path) ? [path] : [];
    })
    .sort();
}
