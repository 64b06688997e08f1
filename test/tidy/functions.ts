/** Finds functions in source text and how many lines each has, from its first line to its closing bracket. */
import { blanked } from './blanked.ts';

export interface FoundFunction {
  readonly name: string;
  /** 1-based line on which it begins */
  readonly line: number;
  readonly lines: number;
}

const NOT_FUNCTIONS = new Set(['if', 'for', 'while', 'switch', 'catch', 'with', 'do', 'else', 'try', 'finally', 'return', 'class', 'interface']);

/** A word of these between `):` and a brace means that the brace opens something else, further down. */
const NOT_IN_TYPES = /\b(class|interface|const|let|return|try|finally|else|do|function|await|throw|static)\s/;

/** Functions, methods and arrow functions with a body in braces. `describe` blocks are chapters, not functions. */
export function functionsOf(text: string): readonly FoundFunction[] {
  const code = blanked(text);
  const found: FoundFunction[] = [];
  const opened: { readonly begin: Begin | null; readonly at: number }[] = [];
  for (let at = 0; at < code.length; at++) {
    if (code[at] === '{') opened.push({ begin: beginOf(code, text, at), at });
    if (code[at] !== '}') continue;
    const { begin, at: opening } = opened.pop() ?? { begin: null, at: 0 };
    if (!begin || isChapter(text, opening)) continue;
    const line = lineOf(code, begin.at);
    found.push({ name: begin.name, line, lines: lineOf(code, at) - line + 1 });
  }
  return found.sort((a, b) => a.line - b.line);
}

/** A function that only wraps `describe` is a chapter as well. */
function isChapter(text: string, brace: number): boolean {
  return /^\s*describe\b/.test(text.slice(brace + 1, brace + 200));
}

interface Begin {
  readonly name: string;
  readonly at: number;
}

/** Where the function begins whose body the brace at `brace` opens; null for every other brace. */
function beginOf(code: string, text: string, brace: number): Begin | null {
  const before = code.slice(0, brace).trimEnd();
  if (before.endsWith('=>')) return arrowBegin(code, text, before.length - 2);
  if (/[:|&<,(]$/.test(before)) return null;
  const close = closeOfParameters(before);
  if (close === null) return null;
  const open = matching(code, close);
  if (open === null) return null;
  const name = nameBefore(code.slice(Math.max(0, open - 400), open).trimEnd());
  return name === null || NOT_FUNCTIONS.has(name) ? null : { name, at: open };
}

/** The name before the parameters, behind type parameters if there are some. */
function nameBefore(before: string): string | null {
  let end = before.length;
  let depth = 0;
  if (before.endsWith('>')) {
    do {
      end--;
      if (before[end] === '>' && before[end - 1] !== '=') depth++;
      if (before[end] === '<') depth--;
    } while (depth > 0 && end > 0);
  }
  return /([\w$#]+)\s*$/.exec(before.slice(0, end))?.[1] ?? null;
}

/** The bracket that closes the parameters before a body: directly before it, or before the type of what is returned. */
function closeOfParameters(before: string): number | null {
  if (before.endsWith(')')) return before.length - 1;
  let depth = 0;
  for (let at = before.length - 1; at >= 0; at--) {
    const char = before[at] ?? '';
    if ('}])'.includes(char)) depth++;
    if ('{[('.includes(char)) depth--;
    if (depth < 0 || (depth === 0 && (char === ';' || (char === '=' && before[at + 1] !== '>')))) return null;
    if (depth === 0 && char === ':' && /\)\s*$/.test(before.slice(Math.max(0, at - 40), at))) return NOT_IN_TYPES.test(before.slice(at)) ? null : before.slice(0, at).trimEnd().length - 1;
  }
  return null;
}

function arrowBegin(code: string, text: string, arrow: number): Begin | null {
  const before = code.slice(0, arrow).trimEnd();
  const close = before.endsWith(')') ? before.length - 1 : closeOfParameters(before);
  const at = close === null ? before.length - 1 : (matching(code, close) ?? before.length - 1);
  const lineStart = text.lastIndexOf('\n', at) + 1;
  const line = text.slice(lineStart, at);
  if (/^\s*describe\b/.test(line)) return null;
  const name = /(?:const|let)\s+([\w$]+)|([\w$]+)\s*[:(]/.exec(line);
  return { name: name?.[1] ?? name?.[2] ?? 'arrow', at };
}

/** The bracket that opens what the one at `close` closes. */
function matching(code: string, close: number): number | null {
  let depth = 0;
  for (let at = close; at >= 0; at--) {
    if (code[at] === ')') depth++;
    if (code[at] === '(' && --depth === 0) return at;
  }
  return null;
}

function lineOf(code: string, at: number): number {
  let line = 1;
  for (let next = code.indexOf('\n'); next >= 0 && next < at; next = code.indexOf('\n', next + 1)) line++;
  return line;
}
