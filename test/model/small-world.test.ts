import { describe, expect, test } from 'vitest';
import { Coverage } from './coverage.ts';
import { SMALL_STRATEGIES, smallSetup, walk, type Walked } from './small-world.ts';

const EVERY_END = ['aborted', 'failed', 'rejected', 'rollback-incomplete', 'rolled-back', 'succeeded'];
const tell = (what: string, { states, transitions }: Walked): void => console.log(`${what}: ${states} states, ${transitions} transitions`);

describe('every order of what can happen', () => {
  test.each(['hold', 'ask'] as const)('to a release of three targets, whatever people send, keeps every law where a failure leads to %s', { timeout: 120_000 }, (name) => {
    const walked = walk(smallSetup(SMALL_STRATEGIES[name], 3), new Coverage());
    tell(`3 targets, ${name}, everything people can send`, walked);
    expect(walked.ends.toSorted()).toEqual(EVERY_END);
  });

  test.each(['rollback', 'hold', 'ask'] as const)('to a release of four targets in two lanes, paused, resumed and taken back at any moment, keeps every law where a failure leads to %s', { timeout: 120_000 }, (name) => {
    const walked = walk(smallSetup(SMALL_STRATEGIES[name], 4), new Coverage(), 'pause, resume and rollback');
    tell(`4 targets, ${name}, pause, resume and rollback`, walked);
    expect(walked.ends.toSorted()).toEqual(EVERY_END.filter((end) => end !== 'aborted'));
  });

  test('to a release of four targets that can spare one host keeps the floor', { timeout: 120_000 }, () => {
    tell('4 targets that can spare one', walk(smallSetup(SMALL_STRATEGIES.hold, 4, 75), new Coverage(), 'pause, resume and rollback'));
  });
});

test('two walks visit the same states', () => {
  const walked = [1, 2].map(() => walk(smallSetup(SMALL_STRATEGIES.hold, 2), new Coverage()));
  expect(walked[0]).toEqual(walked[1]);
});
