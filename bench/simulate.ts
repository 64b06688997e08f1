/** Process: how long does it take to plan and play through the release of a very large pool? Ends with 1 when the target is missed. */
import { makePlan } from '../domain/plan/make-plan.ts';
import { pacesFrom } from '../domain/simulation/paces.ts';
import { simulate } from '../domain/simulation/simulate.ts';
import { noOpRelease } from './no-op-release.ts';
import { verdict, withSpread } from './statistics.ts';
import type { StrategySpec } from '../domain/inventory.ts';

const HOSTS = 7000;
const ZONES = 20;
const RUNS = 5;
const MS_MAX = 2000;

/** Five past releases with everything a release can teach, so that every draw is from a spread. */
const PACES = pacesFrom(Array.from({ length: 5 }, (_, day) => ({
  targets: HOSTS,
  day: { install: [2000, 3000, 9000], join: [300, 400, 800], whole: [2500 + day * 100, 3500, 4000, 9000, 30_000], turn: [50, 200], stage: [4000, 9000], observe: [900, 1500], audit: [800, 1200], bake: [100, 900] },
})));

const { request, inventory } = noOpRelease({ id: 'r-bench', pool: 'large', hosts: HOSTS, version: '2', lanes: 100 });
const hosts = inventory.hosts.map(({ name }, index) => ({ name, zone: `zone-${index % ZONES}`, inService: true }));
const strategy: StrategySpec = { ...inventory.strategy, batches: { ...inventory.strategy.batches, percent: [5] } };
const names = hosts.map(({ name }) => name);

const plansMs: number[] = [];
const simulationsMs: number[] = [];
let told = '';
for (let run = 0; run < RUNS; run++) {
  const startedMs = performance.now();
  const made = makePlan({ pool: inventory.pool, strategy, hosts, changes: [], allowOutage: false, reason: null });
  if (!('plan' in made)) throw new Error(`No plan: ${JSON.stringify(made.refusals)}`);
  const plannedMs = performance.now();
  const { p50, p90, timeline } = simulate({ request: { ...request, strategy, hosts }, plan: made.plan, inService: names, paces: PACES, seed: `run ${run}` });
  plansMs.push(plannedMs - startedMs);
  simulationsMs.push(performance.now() - plannedMs);
  told = `${made.plan.batches.length} batches, p50 ${p50} s, p90 ${p90} s, never fewer than ${timeline.lowest.inService} in service (floor ${made.plan.capacity.floor})`;
}

console.log(`${HOSTS} hosts in ${ZONES} zones: ${told}`);
console.log(`  plan, ms         ${withSpread(plansMs, 0)}`);
console.log(`  playing through  ${withSpread(simulationsMs, 0)}`);
const slowest = Math.max(...plansMs.map((ms, run) => ms + (simulationsMs[run] ?? 0)));
const { holds, line } = verdict({ what: 'plan and simulation together, slowest run, ms', measured: slowest, max: MS_MAX, digits: 0 });
console.log(`  ${line}`);
process.exitCode = holds ? 0 : 1;
