/** The house keeps its own rules: who imports whom, how long things grow, which words stay out. */
import { existsSync, readFileSync } from 'node:fs';
import { join, matchesGlob } from 'node:path';
import { describe, expect, test } from 'vitest';
import config from '../vitest.config.ts';
import { functionsOf } from './tidy/functions.ts';
import { importsOf, packageOf } from './tidy/imports.ts';
import { wrongImports } from './tidy/rooms.ts';
import { isCode, readTree, ROOT } from './tidy/tree.ts';
import { bannedWords, repeatedTitles } from './tidy/words.ts';

const FILE_LINES_MAX = 400;
const FUNCTION_LINES_MAX = 70;
/** Where another tool wants other names: modules of Ansible are Python. */
const NAMED_BY_OTHERS = /^bench\/ansible\/library\//;
/** One program on one host is one file: it is copied as a whole. */
const LONG_BY_NATURE = new Set(['host/signalbox-host']);
const UPPER_CASE_BY_CUSTOM = /(^|\/)(README|CHANGELOG|CONTRIBUTING|SECURITY)\.md$|(^|\/)(LICENSE|NOTICE|Dockerfile|Jenkinsfile|Chart\.yaml)$/;

const tree = readTree();
const code = tree.filter(isCode);
const functions = code.flatMap((file) => functionsOf(file.text).map((found) => ({ ...found, path: file.path })));

describe('imports', () => {
  test('every import keeps the direction between rooms', () => {
    expect(wrongImports(code)).toEqual([]);
  });

  test('every relative import names a file that is there, with its extension', () => {
    const broken = code.flatMap((file) => importsOf(file).filter(({ target }) => target !== null && !(/\.(ts|mjs|json)$/.test(target) && existsSync(join(ROOT, target)))));
    expect(broken.map(({ from, specifier }) => `${from} imports ${specifier}`)).toEqual([]);
  });

  test('every npm package that is imported is declared, and what runs needs no package of the tests', () => {
    const manifest: Record<string, Record<string, string> | undefined> = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    const runs = new Set(Object.keys(manifest['dependencies'] ?? {}));
    const tests = new Set([...runs, ...Object.keys(manifest['devDependencies'] ?? {})]);
    const undeclared = code.flatMap((file) => {
      const known = /^(test|bench)$/.test(file.room) || file.path.endsWith('.config.ts') || RUNS_FOR_TESTS.has(file.path) ? tests : runs;
      return importsOf(file).filter((found) => isMissing(found, known)).map(({ from, specifier }) => `${from} imports ${specifier}`);
    });
    expect(undeclared).toEqual([]);
  });
});

/** Fetches the test server of Temporal; it comes with the test packages. */
const RUNS_FOR_TESTS = new Set(['stack/temporal-download.ts']);

function isMissing(found: ReturnType<typeof importsOf>[number], known: ReadonlySet<string>): boolean {
  const wanted = packageOf(found);
  return wanted !== null && !known.has(wanted) && !(found.typeOnly && known.has(`@types/${wanted}`));
}

describe('sizes', () => {
  test(`no file is longer than ${FILE_LINES_MAX} lines`, () => {
    const lengths = code.map(({ path, text }) => ({ path, lines: linesOf(text) }));
    tell('file', lengths.filter(({ path }) => !path.startsWith('test/')).map(({ lines }) => lines));
    tell('test file', lengths.filter(({ path }) => path.startsWith('test/')).map(({ lines }) => lines));
    const programs = tree.filter(({ path }) => path.startsWith('host/') || path.endsWith('.sh') || path === 'signalbox').map(({ path, text }) => ({ path, lines: linesOf(text) }));
    expect([...lengths, ...programs].filter(({ path, lines }) => lines > FILE_LINES_MAX && !LONG_BY_NATURE.has(path) && !path.endsWith('.md'))).toEqual([]);
  });

  test(`no function is longer than ${FUNCTION_LINES_MAX} lines`, () => {
    tell('function', functions.filter(({ path }) => !path.startsWith('test/')).map(({ lines }) => lines));
    expect(functions.length).toBeGreaterThan(500);
    expect(functions.filter(({ lines }) => lines > FUNCTION_LINES_MAX)).toEqual([]);
  });
});

describe('names', () => {
  test('files and folders are named in kebab-case', () => {
    const word = /^\.?[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)*$/;
    expect(tree.map(({ path }) => path).filter((path) => !UPPER_CASE_BY_CUSTOM.test(path) && !NAMED_BY_OTHERS.test(path) && !path.split('/').every((part) => word.test(part)))).toEqual([]);
  });

  test('no room is a heap of leftovers', () => {
    expect(tree.map(({ path }) => path).filter((path) => /(^|\/)(utils?|common|helpers?|types|misc|lib)(\/|\.ts$)/.test(path))).toEqual([]);
  });

  test('every test file belongs to a suite, so that none is forgotten', () => {
    const projects = ('test' in config && config.test?.projects) || [];
    const suites = projects.flatMap((project) => (typeof project === 'object' && 'test' in project && project.test?.include) || []);
    expect(suites.length).toBeGreaterThan(3);
    expect(code.map(({ path }) => path).filter((path) => path.endsWith('.test.ts') && !suites.some((glob) => matchesGlob(path, glob)))).toEqual([]);
  });

  test('no two tests of a file promise the same', () => {
    expect(code.filter(({ path }) => path.endsWith('.test.ts')).flatMap(repeatedTitles)).toEqual([]);
  });
});

describe('words', () => {
  test('no banned word stands anywhere', () => {
    expect(bannedWords(tree)).toEqual([]);
  });
});

function linesOf(text: string): number {
  return text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
}

function tell(what: string, lines: readonly number[]): void {
  const sorted = lines.toSorted((a, b) => a - b);
  const at = (part: number): number => sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0;
  console.log(`lines per ${what}: median ${at(0.5)}, p90 ${at(0.9)}, longest ${at(1)} of ${sorted.length}`);
}
