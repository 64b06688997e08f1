/** Process: how long does it take to plan a very large pool with explicit rules? Pure code, no servers. Ends with 1 when the target is missed. */
import { makePlan } from '../domain/plan/make-plan.ts';
import { largePool, plannings } from './large-pool.ts';
import { median, verdict, withSpread } from './statistics.ts';
import type { PlanInput } from '../domain/plan/make-plan.ts';

const HOSTS = 7000;
const ZONES = 20;
const WARM_UPS = 3;
const RUNS = 21;
const MS_MAX = 100;

function timeMs(input: PlanInput): number {
  const began = performance.now();
  const made = makePlan(input);
  const took = performance.now() - began;
  if ('refusals' in made) throw new Error(`Nothing was planned: ${made.refusals.map(({ message }) => message).join(' ')}`);
  return took;
}

console.log(`planning ${HOSTS} hosts in ${ZONES} zones; ms, median of ${RUNS} runs (smallest–largest) after ${WARM_UPS} warm-ups`);
let holds = true;
for (const [name, input] of plannings(largePool(HOSTS, ZONES))) {
  for (let run = 0; run < WARM_UPS; run += 1) timeMs(input);
  const times = Array.from({ length: RUNS }, () => timeMs(input));
  const made = makePlan(input);
  const batches = 'plan' in made ? made.plan.batches.length : 0;
  const result = verdict({ what: `${name}, ${batches} batches, ms`, measured: median(times), max: MS_MAX, digits: 1 });
  console.log(`${result.line} — ${withSpread(times, 1)}, N = ${RUNS}`);
  holds &&= result.holds;
}
process.exitCode = holds ? 0 : 1;
