/** Process: `npm test`. Gets what the tests need, runs everything, says what did not run. Arguments go to vitest, which then runs alone. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommand } from './command.ts';
import { prepareNeeds, type NotRun } from './needs.ts';
import { onParentDeath } from './parent.ts';
import { cacheFolder } from './place.ts';
import { freePorts } from './ports.ts';

const CLONE = dirname(dirname(fileURLToPath(import.meta.url)));
const STEP_TIMEOUT_MS = 3_600_000;
const LINT_CONFIGS = ['.oxlintrc.json', 'oxlint.json', 'oxlint.config.ts'];

/** What one step of the run adds to the closing line. */
interface Outcome {
  readonly passed: number;
  readonly failed: number;
  readonly notRun: readonly NotRun[];
}

for (const [signal, code] of [['SIGINT', 130], ['SIGTERM', 143], ['SIGHUP', 129]] as const) process.on(signal, () => process.exit(code));
onParentDeath(() => process.exit(143));

const scratch = mkdtempSync(join(tmpdir(), 'signalbox-test-'));
process.once('exit', () => rmSync(scratch, { recursive: true, force: true }));
process.exit(await main(process.argv.slice(2)));

async function main(args: readonly string[]): Promise<number> {
  const notRun = await prepareNeeds({ clone: CLONE, cacheDir: cacheFolder(CLONE), log: say });
  const steps = args.length > 0 ? [() => vitest(notRun, args)] : [types, lint, () => vitest(notRun, []), demo];
  const outcomes: Outcome[] = [];
  for (const step of steps) outcomes.push(await step());
  return close(outcomes);
}

function types(): Promise<Outcome> {
  return checked('types', join(CLONE, 'node_modules', '.bin', 'tsc'), ['-p', CLONE]);
}

async function lint(): Promise<Outcome> {
  if (!LINT_CONFIGS.some((name) => existsSync(join(CLONE, name)))) return { passed: 0, failed: 0, notRun: [] };
  return checked('lint', join(CLONE, 'node_modules', '.bin', 'oxlint'), []);
}

/** All suites that can run here; those that cannot are left out by name and told at the end. */
async function vitest(notRun: readonly NotRun[], args: readonly string[]): Promise<Outcome> {
  say('suites');
  const report = join(scratch, 'vitest.json');
  const excluded = [...new Set(notRun.map(({ file }) => file))].flatMap((file) => ['--exclude', file]);
  const result = await runCommand(process.execPath, [join(CLONE, 'node_modules', 'vitest', 'vitest.mjs'), 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...excluded, ...args], {
    timeoutMs: STEP_TIMEOUT_MS,
    cwd: CLONE,
    onOutput: (text) => process.stdout.write(text),
  });
  return { ...counted(report, result.code), notRun: [...notRun, ...skippedIn(report)] };
}

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly { readonly name: string; readonly status: string; readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[] }[];
}

/** A file that failed before its first test, and a run that failed for any other reason, count as one failure each. */
function counted(report: string, code: number | null): { readonly passed: number; readonly failed: number } {
  const { numPassedTests: passed, numFailedTests, testResults } = read(report);
  const brokenFiles = testResults.filter(({ status, assertionResults }) => status === 'failed' && !assertionResults.some((one) => one.status === 'failed')).length;
  const failed = numFailedTests + brokenFiles;
  return { passed, failed: failed === 0 && code !== 0 ? 1 : failed };
}

function skippedIn(report: string): readonly NotRun[] {
  return read(report).testResults.flatMap(({ name, assertionResults }) =>
    assertionResults.filter(({ status }) => status !== 'passed' && status !== 'failed').map(({ fullName }) => ({ file: `${name} › ${fullName}`, why: 'skipped by the suite itself' })));
}

function read(report: string): Report {
  return existsSync(report) ? (JSON.parse(readFileSync(report, 'utf8')) as Report) : { numPassedTests: 0, numFailedTests: 0, testResults: [] };
}

/** The whole product once, as a newcomer starts it, on ports and in a folder of its own. */
async function demo(): Promise<Outcome> {
  const [api, temporal, ui] = await freePorts(3);
  const args = ['--once', '--data', join(scratch, 'demo'), '--api-port', String(api), '--temporal-port', String(temporal), '--ui-port', String(ui)];
  return checked('npm start -- --once', process.execPath, [join(CLONE, 'stack', 'start.ts'), ...args]);
}

async function checked(what: string, command: string, args: readonly string[]): Promise<Outcome> {
  say(what);
  const started = Date.now();
  const result = await runCommand(command, args, { timeoutMs: STEP_TIMEOUT_MS, cwd: CLONE, onOutput: (text) => process.stdout.write(text) });
  const isOk = result.code === 0;
  say(`${what}: ${isOk ? 'ok' : `failed (exit code ${result.code ?? 'none'})`} in ${Math.round((Date.now() - started) / 1000)} s`);
  return { passed: isOk ? 1 : 0, failed: isOk ? 0 : 1, notRun: [] };
}

/** Tells what did not run and the closing line. Where CI=true, a suite that did not run is a failure. */
function close(outcomes: readonly Outcome[]): number {
  const notRun = outcomes.flatMap((outcome) => outcome.notRun);
  const sum = (of: (outcome: Outcome) => number): number => outcomes.reduce((total, outcome) => total + of(outcome), 0);
  if (notRun.length > 0) console.log(`\nSuites not run:\n${notRun.map(({ file, why }) => `  ${file}: ${why}`).join('\n')}`);
  const failed = sum((outcome) => outcome.failed) + (process.env['CI'] === 'true' ? notRun.length : 0);
  if (notRun.length > 0 && process.env['CI'] === 'true') console.log('CI=true: each of them counts as failed.');
  console.log(`\n${sum((outcome) => outcome.passed)} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

function say(line: string): void {
  console.log(`\n── ${line}`);
}
