/** The pages people read, and what can be checked in them. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export interface Page {
  /** path in the clone */
  readonly path: string;
  readonly text: string;
}

/** README and everything below docs/, and the other pages people are sent to. */
export function pages(): readonly Page[] {
  const docs = readdirSync(`${ROOT}docs`, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.md'));
  return ['README.md', 'host/README.md', ...docs.map((name) => `docs/${name}`).sort()].map(read);
}

export function read(path: string): Page {
  return { path, text: readFileSync(`${ROOT}${path}`, 'utf8') };
}

/** Targets of links that lead to files of this clone, outside of code blocks. */
export function relativeLinks({ text }: Page): readonly string[] {
  const prose = text.replaceAll(/^```[\s\S]*?^```$/gm, '').replaceAll(/`[^`\n]*`/g, '');
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target).filter((target) => !/^[a-z]+:/.test(target));
}

/** Anchors as Git hosts make them of headings. */
export function anchorsOf({ text }: Page): ReadonlySet<string> {
  const headings = [...text.replaceAll(/^```[\s\S]*?^```$/gm, '').matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => heading);
  return new Set(headings.map((heading) => heading.toLowerCase().replaceAll(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-')));
}

/** Calls of the command line shown in code, as lists of words. */
export function shownCalls({ text }: Page): readonly (readonly string[])[] {
  return [...text.matchAll(/(?:\.\/|signalbox\/)signalbox ((?:[a-z]|--)[^`\n]*)/g)].map(([, call = '']) => wordsOf(call));
}

function wordsOf(call: string): readonly string[] {
  return [...call.replace(/ #.*| \|.*/, '').matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(([, double, single, bare]) => double ?? single ?? bare ?? '');
}
