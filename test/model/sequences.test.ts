/** Plays releases on the decisions of domain/, so this folder mirrors none of the rooms; what it draws and judges stands in the files beside. */
import { expect, test } from 'vitest';
import { Coverage } from './coverage.ts';
import { playSequences } from './sequences.ts';
import { SMALL_STRATEGIES, smallSetup, walk } from './small-world.ts';

const SEQUENCES = 60_000;
const SEED = 20_261_121;

test('releases played by lot keep every law, and meet whatever a release of two targets can meet', { timeout: 300_000 }, () => {
  const { sequences, seconds, cpuSeconds, coverage, broken } = playSequences({ sequences: SEQUENCES, seed: SEED });
  console.log(`${sequences} sequences of seed ${SEED} in ${seconds.toFixed(1)} s (${cpuSeconds.toFixed(1)} s of processor), ${coverage.met.size} pairs of a situation and what happened in it`);
  expect(broken).toBe(null);
  const reachable = new Coverage();
  for (const strategy of Object.values(SMALL_STRATEGIES)) walk(smallSetup(strategy, 2), reachable);
  expect(reachable.met.size).toBeGreaterThan(150);
  expect([...reachable.met.keys()].filter((pair) => !coverage.met.has(pair))).toEqual([]);
});

test('a seed gives the same sequences again', () => {
  const [first, second] = [1, 2].map(() => playSequences({ sequences: 200, seed: 7 }));
  expect([...(first?.coverage.met ?? [])]).toEqual([...(second?.coverage.met ?? [])]);
});
