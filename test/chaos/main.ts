/**
 * Process: `npm run chaos -- --scenario NAME --seed N --rounds N`. Brings up the whole of Signalbox with Temporal as production runs it,
 * hurts it round after round, and judges what is left. Ends with 1 when a promise was broken, and says how to see it again.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runCommand } from '../../stack/command.ts';
import { onParentDeath } from '../../stack/parent.ts';
import { BROKEN } from './broken.ts';
import { missingFor } from './needs.ts';
import { ROUNDS_OF_POINTS, roundsOf } from './rounds-told.ts';
import { CLONE } from './place.ts';
import { failuresOf, reportOf } from './report.ts';
import { firstRelease, runScenario, type ScenarioOutcome } from './run.ts';
import { SCENARIOS, scenarioOf } from './scenarios.ts';
import { openChaosStack, type ChaosStack } from './stack.ts';
import type { Scenario } from './scenario.ts';
import type { TemporalShape } from './services.ts';

const { values } = parseArgs({
  options: {
    scenario: { type: 'string', default: 'all' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1_000_000)) },
    rounds: { type: 'string' },
    temporal: { type: 'string', default: 'postgres' },
    break: { type: 'string', default: '' },
  },
});

const seed = Number(values.seed);
const chosen = values.scenario === 'all' ? SCENARIOS : values.scenario.split(',').map(scenarioOf);
const told = roundsOf(values.rounds);
const broken = BROKEN.find((promise) => promise === values.break) ?? null;
if (values.break !== '' && broken === null) throw new Error(`--break is one of ${BROKEN.join(', ')}`);
if (!Number.isInteger(seed) || !['postgres', 'dev'].includes(values.temporal)) throw new Error('--seed is a whole number, --temporal is postgres or dev');

let stack: ChaosStack | null = null;
let ending: Promise<void> | null = null;
const stop = async (code: number): Promise<never> => {
  // A signal and the end of the parent may come together: whoever is second waits for the first, and ends nothing half-ended.
  ending ??= stack?.end() ?? Promise.resolve();
  await ending;
  if (code === 0 && stack !== null) rmSync(stack.folder, { recursive: true, force: true });
  else if (stack !== null) console.log(`Logs and records are kept in ${stack.folder}`);
  process.exit(code);
};
for (const [signal, code] of [['SIGINT', 130], ['SIGTERM', 143]] as const) process.on(signal, () => void stop(code));
onParentDeath(() => void stop(143));
try {
  await stop(await main());
} catch (error) {
  console.error(error);
  await stop(2);
}

async function main(): Promise<number> {
  const runnable: Scenario[] = [];
  const notRun: string[] = [];
  for (const scenario of chosen) {
    const why = await missingFor(scenario);
    if (why === null) runnable.push(scenario);
    else notRun.push(`${scenario.name}: ${why}`);
  }
  console.log(`seed ${seed}, commit ${await commit()}, Temporal ${values.temporal === 'postgres' ? 'on Postgres' : 'development server'}${values.break === '' ? '' : `, ${values.break} broken on purpose`}`);
  stack = await openChaosStack({ temporal: values.temporal as TemporalShape, wantsToxiproxy: true, log: console.log });
  console.log(`logs and records: ${stack.folder}`);
  await firstRelease(stack);
  if (broken !== null) stack.break(broken);
  const outcomes: ScenarioOutcome[] = [];
  for (const scenario of runnable) outcomes.push(await runScenario(stack, scenario, { seed, rounds: told(scenario.name), log: console.log }));
  return tell(stack, outcomes, notRun);
}

async function tell({ folder }: ChaosStack, outcomes: readonly ScenarioOutcome[], notRun: readonly string[]): Promise<number> {
  const isWhole = told('points') >= ROUNDS_OF_POINTS;
  const failures = failuresOf(outcomes, isWhole);
  const report = reportOf(outcomes);
  writeFileSync(join(folder, 'report.md'), `${report}\n`);
  console.log(`\n${report}\n`);
  if (notRun.length > 0) console.log(`Not run:\n${notRun.map((line) => `  ${line}`).join('\n')}${process.env['CI'] === 'true' ? '\nCI=true: each of them counts as failed.' : ''}`);
  const failed = failures.length + (process.env['CI'] === 'true' ? notRun.length : 0);
  if (failures.length > 0) {
    console.log(`Broken:\n${failures.map((line) => `  ${line}`).join('\n')}`);
    for (const name of new Set(outcomes.filter((outcome) => failuresOf([outcome], isWhole).length > 0).map(({ scenario }) => scenario))) console.log(`See it again at commit ${await commit()}: npm run chaos -- --scenario ${name} --seed ${seed} --rounds ${told(name)} --temporal ${values.temporal}${values.break === '' ? '' : ` --break ${values.break}`}`);
  }
  return failed === 0 ? 0 : 1;
}

async function commit(): Promise<string> {
  const { code, output } = await runCommand('git', ['describe', '--always', '--dirty', '--abbrev=12', '--exclude', '*'], { timeoutMs: 10_000, cwd: CLONE });
  return code === 0 ? output.trim() : 'unknown';
}
