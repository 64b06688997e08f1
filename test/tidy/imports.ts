/** What a file imports, as text: static imports, re-exports and dynamic imports of a literal. */
import { posix } from 'node:path';
import type { SourceFile } from './tree.ts';

export interface Import {
  readonly from: string;
  /** as it is written */
  readonly specifier: string;
  /** path within the clone; null for npm packages and node's own modules */
  readonly target: string | null;
  /** erased when the code runs */
  readonly typeOnly: boolean;
  readonly names: readonly string[];
}

const STATIC = /^(?:import|export)\s+(?:([^;'"]*?)\s+from\s+)?'([^']+)'/gm;
const DYNAMIC = /\bimport\(\s*'([^']+)'\s*\)/g;

export function importsOf({ path, text }: Pick<SourceFile, 'path' | 'text'>): readonly Import[] {
  const made = (specifier: string, clause: string): Import => ({
    from: path,
    specifier,
    target: specifier.startsWith('.') ? posix.normalize(posix.join(posix.dirname(path), specifier)) : null,
    typeOnly: isTypeOnly(clause),
    names: namesOf(clause),
  });
  const found = [...text.matchAll(STATIC)].map(([, clause, specifier]) => made(specifier ?? '', clause ?? ''));
  return [...found, ...[...text.matchAll(DYNAMIC)].map(([, specifier]) => made(specifier ?? '', ''))];
}

/** The package an import names: `@scope/name` or `name`; null for relative imports and node's own modules. */
export function packageOf({ specifier, target }: Import): string | null {
  if (target !== null || specifier.startsWith('node:')) return null;
  return specifier.split('/').slice(0, specifier.startsWith('@') ? 2 : 1).join('/');
}

function isTypeOnly(clause: string): boolean {
  if (/^type\b/.test(clause)) return true;
  const braced = /^\{([^}]*)\}$/.exec(clause.trim())?.[1];
  const names = braced?.split(',').map((name) => name.trim()).filter((name) => name !== '');
  return names !== undefined && names.length > 0 && names.every((name) => name.startsWith('type '));
}

function namesOf(clause: string): readonly string[] {
  const braced = /\{([^}]*)\}/.exec(clause)?.[1] ?? '';
  return braced.split(',').map((name) => name.trim().replace(/^type /, '').split(' as ')[0] ?? '').filter((name) => name !== '');
}
