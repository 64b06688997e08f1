/** The program is read while it runs, and begins early for the frequent verbs: what they need has to stand above that place. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { HOST_PROGRAM } from './host-bench.ts';

const BEGIN = /^case \$\{1:-\} in (?<verbs>[a-z| ]+)\) main "\$@"; exit ;; esac$/;
const DEFINITION = /^(?<name>[a-zA-Z_]+)\(\) \{$/;

interface Part {
  readonly verbs: readonly string[];
  readonly defined: readonly string[];
  /** code of this part without comments */
  readonly code: string;
}

/** The program cut where it may begin; the last part serves every other verb. */
function parts(): readonly Part[] {
  const found: Part[] = [];
  let lines: string[] = [];
  const cut = (verbs: readonly string[]): void => {
    const defined = lines.flatMap((line) => DEFINITION.exec(line)?.groups?.['name'] ?? []);
    found.push({ verbs, defined, code: lines.filter((line) => !/^\s*#/.test(line)).join('\n') });
    lines = [];
  };
  for (const line of readFileSync(HOST_PROGRAM, 'utf8').split('\n')) {
    const verbs = BEGIN.exec(line)?.groups?.['verbs'];
    if (verbs === undefined) lines.push(line);
    else cut(verbs.split('|').map((verb) => verb.trim()));
  }
  cut([]);
  return found;
}

const calls = (code: string, name: string): boolean => new RegExp(`(?:^|[;&|{(!]|\\b(?:then|do|else|if|elif|while|until)|[^)]\\))\\s*${name}(?=[\\s;)]|$)`, 'm').test(code);

test('the program begins twice before its end: for looking, and for acting on what is staged', () => {
  expect(parts().map(({ verbs }) => verbs)).toEqual([['observe', 'verify'], ['fence', 'stop', 'switch', 'restore', 'start', 'reload', 'schedule', 'clean'], []]);
});

test('every verb is defined above the place where it begins', () => {
  const known: string[] = [];
  for (const { verbs, defined } of parts()) {
    known.push(...defined);
    for (const verb of verbs) expect(known).toContain(`verb_${verb}`);
  }
});

test('nothing above a beginning calls what stands below it', () => {
  const [looking, acting, rest] = parts();
  if (looking === undefined || acting === undefined || rest === undefined) throw new Error('the program has fewer than three parts');
  const below = (code: string, names: readonly string[]): readonly string[] => names.filter((name) => calls(code, name));
  // The place where all verbs begin knows these two by name; neither observe nor verify comes to them.
  expect(below(looking.code, [...acting.defined, ...rest.defined])).toEqual(['lead_own_group', 'verb_back']);
  expect(below(acting.code, rest.defined)).toEqual([]);
  expect(below(acting.code, looking.defined).length, 'calls are found at all').toBeGreaterThan(10);
});
