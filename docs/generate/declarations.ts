/** Reads exported interfaces and types, and the members of an object type, out of TypeScript text as it is written in domain/. */

export interface Declaration {
  readonly name: string;
  readonly doc: string;
  /** the declaration itself, without `export` */
  readonly text: string;
}

export interface Member {
  readonly name: string;
  readonly type: string;
  readonly doc: string;
}

/** Every exported interface and type of a file, in order. */
export function declarationsIn(source: string): readonly Declaration[] {
  return [...source.matchAll(/^export (?:interface|type) (\w+)/gm)].map(({ 1: name = '', index }) => ({
    name,
    doc: docBefore(source, index),
    text: source.slice(index + 'export '.length, endOf(source, index)).trimEnd(),
  }));
}

/** Members of the first object type in `text`; for `A & { … }` those of the braces. Empty when there are no braces. */
export function membersOf(text: string): readonly Member[] {
  const open = text.indexOf('{');
  if (open < 0) return [];
  const body = text.slice(open + 1, closing(text, open));
  return split(body, ';').flatMap((piece) => {
    const { doc, rest } = withoutDoc(piece);
    const match = /^(?:readonly )?'?([\w-]+)'?(\??): ([\s\S]+)$/.exec(rest);
    if (match === null) return [];
    const [, name = '', optional = '', type = ''] = match;
    return [{ name: `${name}${optional}`, type: type.trim(), doc }];
  });
}

/** Names of types: words that begin with a capital letter, outside of text and comments. */
export function namesIn(text: string): readonly string[] {
  const bare = text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/'[^']*'/g, '');
  return [...new Set(bare.match(/\b[A-Z]\w*/g) ?? [])];
}

/** Behind the closing brace of an interface, or the semicolon that ends a type. */
function endOf(source: string, start: number): number {
  const open = source.indexOf('{', start);
  if (source.startsWith('export interface', start)) return closing(source, open) + 1;
  let depth = 0;
  for (let index = start; index < source.length; index++) {
    if (source.startsWith('/*', index)) index = source.indexOf('*/', index) + 1;
    else if (isOpening(source[index])) depth++;
    else if (isClosing(source[index])) depth--;
    else if (source[index] === ';' && depth === 0) return index + 1;
  }
  return source.length;
}

function closing(text: string, open: number): number {
  let depth = 0;
  for (let index = open; index < text.length; index++) {
    if (text.startsWith('/*', index)) index = text.indexOf('*/', index) + 1;
    else if (text[index] === '{') depth++;
    else if (text[index] === '}' && --depth === 0) return index;
  }
  throw new Error(`A brace is not closed: ${text.slice(open, open + 60)}`);
}

function split(text: string, separator: string): readonly string[] {
  const pieces: string[] = [];
  let depth = 0;
  let start = 0;
  for (let index = 0; index < text.length; index++) {
    if (text.startsWith('/*', index)) index = text.indexOf('*/', index) + 1;
    else if (isOpening(text[index])) depth++;
    else if (isClosing(text[index])) depth--;
    else if (text[index] === separator && depth === 0) {
      pieces.push(text.slice(start, index).trim());
      start = index + 1;
    }
  }
  return [...pieces, text.slice(start).trim()].filter((piece) => piece !== '');
}

function isOpening(character: string | undefined): boolean {
  return character === '{' || character === '(' || character === '[' || character === '<';
}

function isClosing(character: string | undefined): boolean {
  return character === '}' || character === ')' || character === ']' || character === '>';
}

function withoutDoc(piece: string): { readonly doc: string; readonly rest: string } {
  if (!piece.startsWith('/**')) return { doc: '', rest: piece };
  const end = piece.indexOf('*/') + 2;
  return { doc: plain(piece.slice(0, end)), rest: piece.slice(end).trim() };
}

/** The comment that ends right above `index`. */
function docBefore(source: string, index: number): string {
  const before = source.slice(0, index).trimEnd();
  if (!before.endsWith('*/') || source.slice(before.length, index).split('\n').length > 2) return '';
  return plain(before.slice(before.lastIndexOf('/**')));
}

function plain(comment: string): string {
  return comment
    .replaceAll(/^\/\*\*|\*\/$/g, '')
    .split('\n')
    .map((line) => line.replace(/^\s*\*? ?/, '').trimEnd())
    .join(' ')
    .trim();
}
