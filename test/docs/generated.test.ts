import { describe, expect, test } from 'vitest';
import { eventsPage } from '../../docs/generate/events.ts';
import { COMMAND_TYPES } from '../../domain/release/commands.ts';
import { explore } from '../../docs/generate/explore.ts';
import { statesPage } from '../../docs/generate/states.ts';
import { strategiesPage } from '../../docs/generate/strategies.ts';
import { declarationsIn, membersOf } from '../../docs/generate/declarations.ts';
import { read } from './pages.ts';

const RENEW = 'The page is out of date: npm run docs';

describe('generated pages', () => {
  test('the catalogue of events is what the declarations say', () => {
    expect(read('docs/generated/events.md').text, RENEW).toBe(eventsPage());
  });

  test('the states and commands are what the decisions do', () => {
    expect(read('docs/generated/states.md').text, RENEW).toBe(statesPage());
  });

  test('the strategies to copy are the examples with the plans they give', () => {
    expect(read('docs/generated/strategies.md').text, RENEW).toBe(strategiesPage());
  });

  test('every event type of the compiler has its heading in the catalogue', () => {
    const headings = [...eventsPage().matchAll(/^### ([a-z-]+)$/gm)].map(([, name]) => name);
    const source = read('domain/release/events.ts').text;
    const declared = [...source.matchAll(/^ {2}'([a-z-]+)': (?:\{|OnTarget|Record|PoolComparison)/gm)].map(([, name]) => name);
    expect(declared.length).toBeGreaterThan(30);
    expect(headings).toEqual(declared);
  });
});

describe('the exploration', () => {
  test('reaches every status, and every change of status leads on or ends', () => {
    const { transitions } = explore();
    expect(new Set(transitions.flatMap(({ from, to }) => [from, to])).size).toBe(12);
    const ended = transitions.filter(({ from }) => ['succeeded', 'rolled-back', 'rollback-incomplete', 'failed', 'aborted', 'rejected'].includes(from));
    expect(ended).toEqual([]);
  });

  test('tries every command in every status', () => {
    const { tried } = explore();
    const seen = new Set(tried.map(({ state, command }) => `${state.situation.status} ${command}`));
    expect(seen.size).toBe(12 * COMMAND_TYPES.length);
  });
});

describe('the scanner of declarations', () => {
  test('members keep their names, types and comments, also when braces and generics are nested', () => {
    const members = membersOf("{ /** why */ readonly a: { b: string; c: Map<string, number> }; readonly 'd-e'?: 'x' | 'y'; f: OnTarget & { g: string } }");
    expect(members).toEqual([
      { name: 'a', type: '{ b: string; c: Map<string, number> }', doc: 'why' },
      { name: 'd-e?', type: "'x' | 'y'", doc: '' },
      { name: 'f', type: 'OnTarget & { g: string }', doc: '' },
    ]);
  });

  test('a declaration ends where it ends, and takes only the comment right above it', () => {
    const source = "/** one */\nexport type A =\n  | { readonly b: 1; }\n  | C;\n\n/** far */\n\nexport interface D { e: string }\nexport const x = 1;\n";
    expect(declarationsIn(source)).toEqual([
      { name: 'A', doc: 'one', text: 'type A =\n  | { readonly b: 1; }\n  | C;' },
      { name: 'D', doc: '', text: 'interface D { e: string }' },
    ]);
  });
});
