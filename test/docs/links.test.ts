import { existsSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from 'vitest';
import { anchorsOf, pages, read, relativeLinks, ROOT } from './pages.ts';

const all = pages();

describe('links', () => {
  test.each(all.map((page) => [page.path, page] as const))('every link of %s leads to a file that is there, and to a heading in it', (_path, page) => {
    const broken = relativeLinks(page).filter((link) => {
      const [file = '', anchor] = link.split('#');
      const target = file === '' ? page.path : normalize(join(dirname(page.path), file));
      if (target.startsWith('..') || !existsSync(join(ROOT, target))) return true;
      return anchor !== undefined && !anchorsOf(read(target)).has(anchor);
    });
    expect(broken).toEqual([]);
  });

  test('README leads to every page of docs/ but decisions, notes and checklists, directly or by one step', () => {
    const reached = new Set(relativeLinks(read('README.md')).map((link) => link.split('#')[0]));
    const pagesOfDocs = all.map(({ path }) => path).filter((path) => /^docs\/([a-z-]+|generated\/[a-z-]+)\.md$/.test(path));
    expect(pagesOfDocs.filter((path) => !reached.has(path))).toEqual([]);
  });
});

describe('files named in prose', () => {
  test.each(['docs/architecture.md', 'docs/adr/0001-main-decisions.md', ...all.map(({ path }) => path).filter((path) => path.startsWith('docs/checklists/'))])('every file that %s names is there', (path) => {
    const named = [...read(path).text.matchAll(/`((?:domain|workflows|activities|drivers|db|api|worker|cli|stack|test|docs|examples)\/[\w./-]*)`/g)].map(([, file = '']) => file);
    expect(named.length).toBeGreaterThan(2);
    expect(named.filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
  });
});

describe('docs/requirements.md', () => {
  const lines = read('docs/requirements.md').text.split('\n').filter((line) => line.startsWith('- **'));

  test('no requirement is listed twice, and each says where it lives and which test shows it', () => {
    const ids = lines.map((line) => /^- \*\*([RFDPA]-\d{2,3})\*\* \S/.exec(line)?.[1]);
    expect(ids.length).toBeGreaterThan(50);
    expect(new Set(ids).size).toBe(ids.length);
    expect(lines.filter((line) => !/\*Lives in\* \[/.test(line) || !/\*Test:\* \[/.test(line))).toEqual([]);
  });

  test('every test it names exists under that title', () => {
    const named = lines.flatMap((line) => [...line.matchAll(/\[(test\/[^\]]+)\]\([^)]*\) “([^”]+)”/g)].map(([, file = '', title = '']) => ({ file, title })));
    expect(named.length).toBeGreaterThanOrEqual(lines.length);
    const titles = ({ file, title }: (typeof named)[number]): boolean => existsSync(join(ROOT, file)) && read(file).text.includes(title);
    expect(named.filter((one) => !titles(one))).toEqual([]);
  });
});
