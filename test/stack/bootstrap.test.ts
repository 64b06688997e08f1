import { spawn, type ChildProcess } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { until } from '../support/until.ts';

const CLONE = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const folders: string[] = [];
const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** Tells what it was given, then ends as its first argument says. */
const ENTRY = `
const [how] = process.argv.slice(2);
if (how === 'wait') { process.on('SIGTERM', () => { console.log('told to end'); process.exit(7); }); setInterval(() => {}, 1000); }
console.log(JSON.stringify({ args: process.argv.slice(2), path: process.env.PATH.split(':')[0], node: process.execPath }));
if (how !== 'wait') process.exit(Number(how ?? 0));
`;

/** An npm that writes down what it was asked; \`ci\` complains like the real one where NPM_LACKS is set. */
const NPM = `
const { appendFileSync, mkdirSync } = require('node:fs');
appendFileSync('npm-calls', process.argv.slice(2).join(' ') + '\\n');
if (process.argv[2] === 'ci' && process.env.NPM_LACKS === 'foreign') { console.error('npm error code EUSAGE\\nnpm error Missing: other-platform@ from lock file'); process.exit(1); }
if (process.env.NPM_LACKS === 'network') { console.error('npm error code ENOTFOUND'); process.exit(1); }
setTimeout(() => mkdirSync('node_modules', { recursive: true }), 200);
`;

/** A clone with the real bootstrap.mjs, a tiny program and an npm that installs nothing. */
function newClone(): string {
  const clone = mkdtempSync(join(tmpdir(), 'clone-'));
  folders.push(clone);
  copyFileSync(join(CLONE, 'bootstrap.mjs'), join(clone, 'bootstrap.mjs'));
  mkdirSync(join(clone, 'cli'));
  writeFileSync(join(clone, 'cli', 'main.ts'), ENTRY);
  writeFileSync(join(clone, 'npm-cli.js'), NPM);
  writeFileSync(join(clone, 'package-lock.json'), '{}');
  return clone;
}

interface Ended {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

function bootstrap(clone: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): { readonly child: ChildProcess; readonly ended: Promise<Ended>; readonly seen: () => string } {
  const child = spawn(process.execPath, [join(clone, 'bootstrap.mjs'), ...args], { env: { PATH: process.env['PATH'], HOME: clone, npm_execpath: join(clone, 'npm-cli.js'), ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  let output = '';
  let errors = '';
  child.stdout.on('data', (chunk: Buffer) => { output += chunk.toString(); });
  child.stderr.on('data', (chunk: Buffer) => { errors += chunk.toString(); });
  const ended = new Promise<Ended>((resolve) => child.once('close', (code) => resolve({ code, output, errors })));
  return { child, ended, seen: () => output };
}

function npmCalls(clone: string): readonly string[] {
  const file = join(clone, 'npm-calls');
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n').map((line) => line.split(' ')[0] ?? '') : [];
}

test('arguments, exit code and a PATH that begins with this Node reach the program', async () => {
  const { code, output } = await bootstrap(newClone(), ['cli', '3', 'get', '-o', 'json']).ended;
  expect(code).toBe(3);
  expect(JSON.parse(output)).toEqual({ args: ['3', 'get', '-o', 'json'], path: dirname(process.execPath), node: process.execPath });
});

test('packages are installed once, and again only when the lockfile changes', async () => {
  const clone = newClone();
  await bootstrap(clone, ['cli']).ended;
  await bootstrap(clone, ['cli']).ended;
  expect(npmCalls(clone)).toEqual(['ci']);
  writeFileSync(join(clone, 'package-lock.json'), '{"changed":true}');
  await bootstrap(clone, ['cli']).ended;
  expect(npmCalls(clone)).toEqual(['ci', 'ci']);
});

test('no install script is ever allowed to run', async () => {
  const clone = newClone();
  await bootstrap(clone, ['cli'], { NPM_LACKS: 'foreign' }).ended;
  const lines = readFileSync(join(clone, 'npm-calls'), 'utf8').trim().split('\n');
  expect(lines.length).toBe(2);
  expect(lines.every((line) => line.includes('--ignore-scripts'))).toBe(true);
});

test('two runs at the same time install once', async () => {
  const clone = newClone();
  const runs = [bootstrap(clone, ['cli']), bootstrap(clone, ['cli']), bootstrap(clone, ['cli'])];
  const codes = (await Promise.all(runs.map(({ ended }) => ended))).map(({ code }) => code);
  expect(codes).toEqual([0, 0, 0]);
  expect(npmCalls(clone)).toEqual(['ci']);
});

test('a lock left by a run that was killed does not hold up the next', async () => {
  const clone = newClone();
  mkdirSync(join(clone, '.signalbox', 'install.lock'), { recursive: true });
  writeFileSync(join(clone, '.signalbox', 'install.lock', '4194000'), '');
  expect((await bootstrap(clone, ['cli']).ended).code).toBe(0);
});

test('a registry without packages of other platforms costs a second way to install, not the start', async () => {
  const clone = newClone();
  expect((await bootstrap(clone, ['cli'], { NPM_LACKS: 'foreign' }).ended).code).toBe(0);
  expect(npmCalls(clone)).toEqual(['ci', 'install']);
});

test('an install that fails says why and is tried again by the next run', async () => {
  const clone = newClone();
  const { code, errors } = await bootstrap(clone, ['cli'], { NPM_LACKS: 'network' }).ended;
  expect(code).toBe(1);
  expect(errors).toContain('ENOTFOUND');
  expect((await bootstrap(clone, ['cli']).ended).code).toBe(0);
});

test('SIGTERM is passed on and the exit code is the program’s own', async () => {
  const clone = newClone();
  const { child, ended, seen } = bootstrap(clone, ['cli', 'wait']);
  await until('the program', () => seen().includes('args'));
  child.kill('SIGTERM');
  const { code, output } = await ended;
  expect(output).toContain('told to end');
  expect(code).toBe(7);
});

test('an unknown program is a usage error', async () => {
  const { code, errors } = await bootstrap(newClone(), ['toString']).ended;
  expect(code).toBe(2);
  expect(errors).toContain('usage: node bootstrap.mjs start|test|cli');
});
