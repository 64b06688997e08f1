import { expect, test } from 'vitest';
import { roundsOf } from './rounds-told.ts';

const of = (told: string | undefined) => ['points', 'random', 'commands'].map(roundsOf(told));

test('rounds are told for all scenarios, for some of them apart, or not at all', () => {
  expect(of(undefined)).toEqual([60, 3, 3]);
  expect(of('7')).toEqual([7, 7, 7]);
  expect(of('7,commands=30')).toEqual([7, 7, 30]);
  expect(of('7,points=40')).toEqual([40, 7, 7]);
  expect(of('points=40,7')).toEqual([40, 7, 7]);
  expect(of('commands=2')).toEqual([60, 3, 2]);
});

test.each([['0'], ['x'], ['1.5'], ['points='], ['nobody=3']])('%s is refused', (told) => {
  expect(() => roundsOf(told)).toThrow('--rounds');
});
