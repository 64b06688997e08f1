import { expect, test } from 'vitest';
import { randomOf } from '../../domain/simulation/random.ts';
import { sampleOf } from './sample.ts';

const FILES = [
  { path: 'domain/a.ts', lines: ['/** A comment. */', "import { b } from './b.ts';", '', 'export function a(): number {', '  return b + 1;', '}'] },
  { path: 'domain/b.ts', lines: ['export interface B {', '  readonly b: number;', '}', 'export const b = 2;'] },
];

test('lines of code are drawn, each once, and nothing else', () => {
  expect(sampleOf(FILES, 99, randomOf('1'))).toEqual(['domain/a.ts:4-4', 'domain/a.ts:5-5', 'domain/b.ts:4-4']);
  expect(sampleOf(FILES, 2, randomOf('1'))).toHaveLength(2);
});

test('the same seed draws the same lines, another one others', () => {
  const many = [{ path: 'domain/c.ts', lines: Array.from({ length: 500 }, (_, index) => `const c${index} = ${index};`) }];
  expect(sampleOf(many, 20, randomOf('7'))).toEqual(sampleOf(many, 20, randomOf('7')));
  expect(sampleOf(many, 20, randomOf('7'))).not.toEqual(sampleOf(many, 20, randomOf('8')));
});
