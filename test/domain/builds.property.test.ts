import { expect, test } from 'vitest';
import fc from 'fast-check';
import { buildThatBegins, isDeserted } from '../../domain/builds.ts';
import type { Build } from '../../domain/builds.ts';

const someBuilds: fc.Arbitrary<readonly Build[]> = fc.uniqueArray(fc.record({ id: fc.constantFrom('a', 'b', 'c', 'd', 'e'), firstSeenAtMs: fc.integer({ min: 0, max: 4 }), isLiving: fc.boolean() }), { selector: ({ id }) => id });

test('releases begin with a living build, and no living build is newer', () => {
  fc.assert(
    fc.property(someBuilds, (builds) => {
      const living = builds.filter(({ isLiving }) => isLiving);
      const begins = living.find(({ id }) => id === buildThatBegins(builds));
      expect(begins === undefined).toBe(living.length === 0);
      for (const { firstSeenAtMs } of living) expect(firstSeenAtMs).toBeLessThanOrEqual(begins?.firstSeenAtMs ?? -1);
    }),
  );
});

test('every worker comes to the same answer, in whatever order it is told of builds', () => {
  fc.assert(fc.property(someBuilds.chain((builds) => fc.tuple(fc.constant(builds), fc.shuffledSubarray([...builds], { minLength: builds.length }))), ([builds, shuffled]) => {
    expect(buildThatBegins(shuffled)).toBe(buildThatBegins(builds));
  }));
});

test('a worker of an older build that starts again takes nothing from a living newer one', () => {
  const newer: Build = { id: 'new', firstSeenAtMs: 2, isLiving: true };
  expect(buildThatBegins([{ id: 'old', firstSeenAtMs: 1, isLiving: true }, newer])).toBe('new');
  expect(buildThatBegins([{ id: 'old', firstSeenAtMs: 1, isLiving: true }, { ...newer, isLiving: false }])).toBe('old');
});

test('a build is deserted when no worker of it lives, and when nobody has ever seen it', () => {
  const builds: readonly Build[] = [{ id: 'a', firstSeenAtMs: 1, isLiving: true }, { id: 'b', firstSeenAtMs: 2, isLiving: false }];
  expect(['a', 'b', 'c'].filter((id) => isDeserted(id, builds))).toEqual(['b', 'c']);
});
