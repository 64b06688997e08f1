/** Source text with comments, strings, templates and regular expressions blanked, so that brackets and words are code. */

/** Same length and same lines as `text`; what stands inside `${}` of a template is blanked too. */
export function blanked(text: string): string {
  let out = '';
  let at = 0;
  while (at < text.length) {
    const end = endOfInert(text, at);
    out += end > at ? text.slice(at, end).replace(/[^\n]/g, ' ') : text.charAt(at);
    at = Math.max(end, at + 1);
  }
  return out;
}

/** Where the comment, string, template or regular expression that begins at `at` ends; `at` itself when code stands there. */
function endOfInert(text: string, at: number): number {
  const two = text.slice(at, at + 2);
  if (two === '//') return indexOr(text, '\n', at);
  if (two === '/*') return indexOr(text, '*/', at + 2) + 2;
  const char = text[at];
  if (char === "'" || char === '"') return endOfString(text, at, char);
  if (char === '`') return endOfTemplate(text, at);
  if (char === '/' && mayBeginRegex(text, at)) return endOfRegex(text, at);
  return at;
}

function indexOr(text: string, wanted: string, from: number): number {
  const found = text.indexOf(wanted, from);
  return found < 0 ? text.length : found;
}

function endOfString(text: string, start: number, quote: string): number {
  let at = start + 1;
  while (at < text.length && text[at] !== quote && text[at] !== '\n') at += text[at] === '\\' ? 2 : 1;
  return at + 1;
}

function endOfTemplate(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== '`') {
    if (text[at] === '\\') at += 2;
    else if (text.startsWith('${', at)) at = endOfHole(text, at + 2);
    else at++;
  }
  return at + 1;
}

/** The end of a template's `${…}`, whose expression may hold strings and templates again. */
function endOfHole(text: string, start: number): number {
  let depth = 1;
  let at = start;
  while (at < text.length && depth > 0) {
    const end = endOfInert(text, at);
    if (end > at) {
      at = end;
      continue;
    }
    if (text[at] === '{') depth++;
    if (text[at] === '}') depth--;
    at++;
  }
  return at;
}

/** A slash begins a regular expression where a value may begin: after an operator, an opening bracket, or certain words. */
function mayBeginRegex(text: string, at: number): boolean {
  const before = text.slice(Math.max(0, at - 40), at).trimEnd();
  return before === '' || /[=(,:;!&|?{}[+*%~^<>-]$/.test(before) || /\b(return|typeof|case|in|of|do|else|void|yield|await)$/.test(before);
}

function endOfRegex(text: string, start: number): number {
  let inClass = false;
  for (let at = start + 1; at < text.length && text[at] !== '\n'; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === '[') inClass = true;
    else if (text[at] === ']') inClass = false;
    else if (text[at] === '/' && !inClass) return at + 1;
  }
  return start + 1;
}
