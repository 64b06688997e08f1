/**
 * Mutation of the domain: every mutant must make a test of it fail. All of them take most of a day on two processors, so a drawn sample
 * of lines tells the score as well as anybody needs to know it.
 *
 *   npm run mutate                              everything
 *   npm run mutate -- --lines 330 --seed 7      the mutants of so many lines of code, drawn from all files of domain/
 */
import { spawn } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { randomOf } from '../../domain/simulation/random.ts';
import { sampleOf, type SourceFile } from './sample.ts';

const { values } = parseArgs({ options: { lines: { type: 'string' }, seed: { type: 'string', default: String(Date.now() % 1_000_000) } } });

const stryker = spawn(process.execPath, ['node_modules/@stryker-mutator/core/bin/stryker.js', 'run', ...ranges()], { stdio: 'inherit' });
stryker.once('error', (error) => {
  console.error(`Stryker could not be started: ${error.message}`);
  process.exitCode = 1;
});
stryker.once('exit', (code) => void (process.exitCode = code ?? 1));

function ranges(): readonly string[] {
  if (values.lines === undefined) return [];
  const lines = Number(values.lines);
  if (!Number.isInteger(lines) || lines < 1) throw new Error('--lines must be a whole number from 1');
  const files = globSync('domain/**/*.ts').toSorted().map((path): SourceFile => ({ path, lines: readFileSync(path, 'utf8').split('\n') }));
  console.log(`${lines} lines of code, seed ${values.seed}`);
  return ['--mutate', sampleOf(files, lines, randomOf(values.seed)).join(',')];
}
