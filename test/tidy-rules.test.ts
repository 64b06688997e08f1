/** The rules of the house bite: each is shown something that breaks it, and something close that does not. */
import { describe, expect, test } from 'vitest';
import { blanked } from './tidy/blanked.ts';
import { functionsOf } from './tidy/functions.ts';
import { importsOf } from './tidy/imports.ts';
import { wrongImports } from './tidy/rooms.ts';
import { bannedWords, repeatedTitles } from './tidy/words.ts';
import type { SourceFile } from './tidy/tree.ts';

const file = (path: string, text: string): SourceFile => ({ path, text, room: path.split('/')[0] ?? path });
const body = (lines: number): string => '  work();\n'.repeat(lines - 2);

describe('finding functions', () => {
  test.each([
    ['a function', (lines: number) => `function long(a: number): void {\n${body(lines)}}`],
    ['an exported async function with an odd type', (lines: number) => `export async function long({ a }: { a: string }): Promise<{ b: { c: string }[] } | null> {\n${body(lines)}}`],
    ['a generator', (lines: number) => `async function* long<T extends { x: 1 }>(a: T): AsyncGenerator<T> {\n${body(lines)}}`],
    ['a method', (lines: number) => `class Box {\n  async #long(a = ')'): Promise<void> {\n${body(lines)}  }\n}`],
    ['an arrow function', (lines: number) => `const long = async (a: string): Promise<void> => {\n${body(lines)}};`],
    ['an arrow function of one bare parameter', (lines: number) => `const long = a => {\n${body(lines)}};`],
    ['a constructor', (lines: number) => `class Box {\n  constructor(long: string) {\n${body(lines)}  }\n}`],
    ['a test', (lines: number) => `test('long', async () => {\n${body(lines)}});`],
  ])('%s of 71 lines is measured as 71, and one of 70 as 70', (_what, make) => {
    expect(functionsOf(make(71)).map(({ lines }) => lines)).toEqual([71]);
    expect(functionsOf(make(70)).map(({ lines }) => lines)).toEqual([70]);
  });

  test('brackets in strings, templates, comments and regular expressions do not end a function', () => {
    const inert = ["  const a = '}';", '  const b = `}${`}` + "}"}`;', '  // }', '  /* } */', '  const c = /[}/]}/.test(a) ? 4 / 2 : 1;'].join('\n');
    expect(functionsOf(`function odd(): void {\n${inert}\n}`)).toEqual([{ name: 'odd', line: 1, lines: 7 }]);
  });

  test('blocks, objects, types and classes are no functions', () => {
    expect(functionsOf('if (a) {\n}\nfor (const b of c) {\n}\nwhile (a) {\n}\nswitch (a) {\n}\ntry {\n} catch (e) {\n}\nconst o = {\n};\ninterface I {\n}\nclass C {\n}\n')).toEqual([]);
  });

  test('a class after a function is not taken for its body', () => {
    expect(functionsOf(`function first(): void {\n}\n\nclass Second {\n${'  a = 1;\n'.repeat(80)}}`)).toEqual([{ name: 'first', line: 1, lines: 2 }]);
  });

  test('functions within functions are found each, and describe is a chapter', () => {
    expect(functionsOf("describe('x', () => {\n  const inner = () => {\n  };\n});\nfunction wrap() {\n  describe('y', () => {\n  });\n}\n").map(({ name }) => name)).toEqual(['inner']);
  });

  test('blanking keeps every line and length', () => {
    const text = "const a = 'x\\'y'; // é\n/* 1\n2 */ `b${c}`";
    expect(blanked(text)).toHaveLength(text.length);
    expect(blanked(text).split('\n')).toHaveLength(3);
    expect(blanked(text)).not.toMatch(/[xyb12é]/);
  });
});

describe('imports', () => {
  test('are read over several lines, as types, and where they are dynamic', () => {
    const text = "import {\n  a,\n  type B,\n} from './a.ts';\nimport { type C } from '../c.ts';\nimport type { D } from 'd';\nexport { e } from './e.ts';\nimport './f.ts';\nconst g = await import(#);".replace('#', "'./g.ts'");
    expect(importsOf(file('x/y.ts', text)).map(({ target, typeOnly }) => [target, typeOnly])).toEqual([['x/a.ts', false], ['c.ts', true], [null, true], ['x/e.ts', false], ['x/f.ts', false], ['x/g.ts', false]]);
  });

  test.each([
    ['domain/a.ts', '../db/client.ts'],
    ['domain/a.ts', 'node:fs'],
    ['domain/a.ts', 'zod'],
    ['workflows/a.ts', '../activities/record.ts'],
    ['workflows/a.ts', '../db/events.ts'],
    ['workflows/a.ts', 'node:crypto'],
    ['workflows/a.ts', '@temporalio/activity'],
    ['activities/a.ts', '../drivers/traffic/haproxy.ts'],
    ['activities/a.ts', '../workflows/run.ts'],
    ['drivers/traffic/a.ts', '../../db/client.ts'],
    ['drivers/traffic/nginx.ts', './haproxy.ts'],
    ['drivers/executors/local.ts', './ssh/words.ts'],
    ['drivers/traffic/a.ts', '../packages/http.ts'],
    ['db/a.ts', '../api/app.ts'],
    ['db/a.ts', '../config.ts'],
    ['db/a.ts', '@temporalio/client'],
    ['api/a.ts', '../activities/record.ts'],
    ['api/a.ts', '../drivers/traffic/port.ts'],
    ['api/a.ts', '../workflows/release.ts'],
    ['api/a.ts', 'kysely'],
    ['worker/a.ts', '../api/app.ts'],
    ['cli/a.ts', '../db/client.ts'],
    ['cli/a.ts', '../domain/vocabulary.ts'],
    ['console/a.ts', '../api/app.ts'],
    ['stack/a.ts', '../workflows/index.ts'],
    ['docs/generate/a.ts', '../../db/client.ts'],
    ['bench/a.ts', '../test/support/postgres.ts'],
    ['new-room/a.ts', '../domain/names.ts'],
  ])('%s may not import %s', (path, specifier) => {
    expect(wrongImports([file(path, `import { a } from '${specifier}';`)])).toHaveLength(1);
  });

  test.each([
    ['domain/release/a.ts', '../vocabulary.ts'],
    ['activities/a.ts', '../drivers/traffic/port.ts'],
    ['drivers/traffic/factory.ts', './haproxy.ts'],
    ['drivers/executors/ssh.ts', './ssh/words.ts'],
    ['drivers/executors/ssh/a.ts', './words.ts'],
    ['drivers/executors/ssh/a.ts', '../port.ts'],
    ['drivers/health/http.ts', '../executors/port.ts'],
    ['db/main.ts', '../config.ts'],
    ['api/a.ts', '../workflows/messages.ts'],
    ['worker/a.ts', '../drivers/traffic/factory.ts'],
    ['stack/a.ts', '../db/migrate.ts'],
    ['bench/a.ts', '../worker/main.ts'],
    ['test/a.ts', '../api/app.ts'],
  ])('%s may import %s', (path, specifier) => {
    expect(wrongImports([file(path, `import { a } from '${specifier}';`)])).toEqual([]);
  });

  test('workflows may know activities as types', () => {
    expect(wrongImports([file('workflows/a.ts', "import type { Activities } from '../activities/activities.ts';")])).toEqual([]);
  });

  test('the API may read the store and may not write the events of a release', () => {
    expect(wrongImports([file('api/a.ts', "import { readReleaseEvents } from '../db/events.ts';")])).toEqual([]);
    expect(wrongImports([file('api/a.ts', "import { readReleaseEvents, appendReleaseEvents } from '../db/events.ts';")])).toHaveLength(1);
  });
});

describe('words', () => {
  const words = (path: string, text: string): number => bannedWords([file(path, text)]).length;

  test.each([
    ['api/a.ts', `// ${['TO', 'DO'].join('')}: later`],
    ['host/signalbox-host', `# ${['FIX', 'ME'].join('')}`],
    ['api/a.ts', 'const a = b as any;'],
    ['api/a.ts', `// @ts-${'ignore'}`],
    ['api/a.ts', `// oxlint-${'disable'}-next-line`],
    ['test/a.test.ts', "test.only('a', b);"],
    ['test/a.test.ts', "describe.skip('a', b);"],
    ['test/a.test.ts', "test.concurrent.skip('a', b);"],
    ['test/a.test.ts', 'await new Promise((r) => setTimeout(r, 1000));'],
    ['api/a.ts', 'export default 1;'],
    ['domain/a.ts', 'const now = Date.now();'],
    ['domain/a.ts', 'const now = new Date();'],
    ['domain/a.ts', 'setTimeout(a, 1);'],
    ['domain/a.ts', 'names.sort((a, b) => a.localeCompare(b));'],
    ['workflows/a.ts', 'const a = Math.random();'],
    ['workflows/a.ts', "const a = process.env['A'];"],
    ['worker/a.ts', 'const a = process.env.HOME;'],
    ['README.md', `see ..${'/'}shared/notes`],
    ['api/a.ts', `// /${'work'}/main`],
    ['docs/a.md', `see ${'DEVELOPERS'}.md`],
  ])('in %s it is seen: %s', (path, text) => {
    expect(words(path, text)).toBeGreaterThan(0);
  });

  test.each([
    ['workflows/a.ts', 'const now = Date.now();'],
    ['domain/a.ts', 'const end = new Date(endMs).toISOString();'],
    ['domain/a.ts', '// never asks Date.now()'],
    ['api/a.ts', "const text = 'as any release';"],
    ['config.ts', 'const a = process.env;'],
    ['stack/a.ts', 'const a = process.env;'],
    ['test/a.ts', "import { shared } from '../shared.ts';"],
  ])('in %s it is let pass: %s', (path, text) => {
    expect(words(path, text)).toBe(0);
  });

  test('a title that stands twice is seen, in a table too', () => {
    expect(repeatedTitles(file('test/a.test.ts', "test('one', a);\n  test('two', b);\ntest.each([1])('one', c);\n"))).toEqual(['test/a.test.ts: "one"']);
  });
});
