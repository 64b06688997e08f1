/**
 * Models of a release, beyond what the tests take time for. A run that breaks a law tells how to see it again.
 *
 *   npm run model -- --sequences 100000 --seed 7     releases played by lot; --pairs lists what was met, --path and --replay see one again
 *   npm run model -- --targets 4                     every order of what can happen to a release of so many targets
 */
import { parseArgs } from 'node:util';
import { Coverage } from './coverage.ts';
import { playSequences } from './sequences.ts';
import { SMALL_STRATEGIES, smallSetup, walk } from './small-world.ts';

const { values } = parseArgs({
  options: { sequences: { type: 'string', default: '100000' }, seed: { type: 'string' }, path: { type: 'string' }, replay: { type: 'string' }, pairs: { type: 'boolean', default: false }, targets: { type: 'string' } },
});

if (values.targets === undefined) byLot();
else everyOrder(Number(values.targets));

function byLot(): void {
  const { sequences: wanted, seed: given, path, replay } = values;
  const seed = given === undefined ? Date.now() % 1_000_000 : Number(given);
  const { sequences, seconds, cpuSeconds, coverage, broken } = playSequences({ sequences: Number(wanted), seed, ...(path === undefined ? {} : { path }), ...(replay === undefined ? {} : { replay }) });
  if (values.pairs) for (const [pair, count] of [...coverage.met].toSorted()) console.log(`${String(count).padStart(9)}  ${pair}`);
  console.log(`${sequences} sequences of seed ${seed} in ${seconds.toFixed(1)} s (${cpuSeconds.toFixed(1)} s of processor), ${coverage.met.size} pairs of a situation and what happened in it`);
  if (broken === null) return;
  console.error(broken);
  process.exitCode = 1;
}

function everyOrder(targets: number): void {
  for (const [name, strategy] of Object.entries(SMALL_STRATEGIES)) {
    const began = performance.now();
    const { states, transitions } = walk(smallSetup(strategy, targets), new Coverage());
    console.log(`${targets} targets, ${name}: ${states} states, ${transitions} transitions in ${((performance.now() - began) / 1000).toFixed(1)} s`);
  }
}
