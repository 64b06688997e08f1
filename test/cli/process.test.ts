import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { reference } from '../../cli/reference.ts';
import { RecordedServer, openEvents, releaseLike } from './recorded-server.ts';
import { until } from '../support/until.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const MAIN = join(ROOT, 'cli', 'main.ts');
const ID = 'r-recorded0001';

let server: RecordedServer;
let folder: string;
const children: ChildProcess[] = [];
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'signalbox-process-'));
  server = await new RecordedServer().start();
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

function run(args: readonly string[]): { child: ChildProcess; out: () => string; ended: Promise<number | null> } {
  const child = spawn(process.execPath, [MAIN, ...args], { cwd: folder, env: { PATH: process.env['PATH'], SIGNALBOX_URL: server.url, SIGNALBOX_TOKEN: 'secret' } });
  children.push(child);
  let text = '';
  child.stdout?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return { child, out: () => text, ended: new Promise((resolve) => child.on('close', resolve)) };
}

describe('the process', () => {
  test('leaves with the exit code at once, keep-alive connections notwithstanding', async () => {
    server.json(`GET /v1/releases/${ID}`, 200, releaseLike({ status: 'rolled-back', finishedAt: '2026-01-05T10:01:00.000Z' }));
    const startedMs = Date.now();
    const { ended, out } = run(['status', ID, '-o', 'json']);
    expect(await ended).toBe(3);
    expect(Date.now() - startedMs).toBeLessThan(4000);
    expect(JSON.parse(out())).toMatchObject({ id: ID, status: 'rolled-back' });
  });

  test('Ctrl-C during a watch leaves with code 130, the commands to go on and a release untouched', async () => {
    server.json(`GET /v1/releases/${ID}`, 200, releaseLike({})).on(`GET /v1/releases/${ID}/events`, (_seen, response) => openEvents(response));
    const { child, ended, out } = run(['watch', ID]);
    await until('the watch has begun', () => out().includes('releasing'));
    child.kill('SIGINT');
    expect(await ended).toBe(130);
    expect(out()).toContain(`signalbox watch ${ID}`);
  });

  test('a reader that closes early is no failure', () => {
    const { status } = spawnSync('sh', ['-c', `"${process.execPath}" "${MAIN}" --help | head -n 1 >/dev/null; exit 0`], { timeout: 20_000 });
    expect(status).toBe(0);
  });
});

describe('parts of Signalbox on this machine', () => {
  test('a part gets its arguments as they are, says what it has to say, and its exit code is ours', async () => {
    const { ended, out } = run(['start', '--no-such-flag', '--help']);
    expect(await ended).toBe(2);
    expect(out()).toContain('--no-such-flag');
    expect(out()).toContain('usage: npm start');
  });

  test('a service that cannot start ends with its own code', async () => {
    const { ended, out } = run(['api']);
    expect(await ended).toBe(1);
    expect(out()).toContain('SIGNALBOX_DATABASE_URL is missing');
  });
});

describe('the reference', () => {
  test('docs/cli.md is what the commands say of themselves', () => {
    expect(readFileSync(join(ROOT, 'docs', 'cli.md'), 'utf8')).toBe(reference());
  });
});

describe('completion', () => {
  test('the bash script completes commands and their options', () => {
    const script = spawnSync(process.execPath, [MAIN, 'completion', 'bash'], { encoding: 'utf8' }).stdout;
    const file = join(folder, 'completion.bash');
    writeFileSync(file, `${script}\nCOMP_WORDS=(signalbox "$1" "$2"); COMP_CWORD=$3; _signalbox; echo "\${COMPREPLY[*]}"\n`);
    const complete = (...words: string[]): string => spawnSync('bash', [file, ...words], { encoding: 'utf8' }).stdout.trim();
    expect(complete('rol', '', '1')).toBe('rollback');
    expect(complete('release', '--str', '2')).toBe('--strategy --strict');
    expect(complete('package', 'a', '2')).toBe('add');
  });
});

describe('the room of the command line', () => {
  test('imports nothing of the server: only itself, Node, commander, yaml and log-update', () => {
    const files = readdirSync(join(ROOT, 'cli'), { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
    expect(files.length).toBeGreaterThan(20);
    for (const file of files) {
      for (const [, from = ''] of readFileSync(join(ROOT, 'cli', file), 'utf8').matchAll(/from '([^']+)'/g)) {
        const inside = from.startsWith('./') || (from.startsWith('../') && file.includes('/') && !from.startsWith('../../'));
        expect(inside || from.startsWith('node:') || ['commander', 'yaml', 'log-update'].includes(from), `${file} imports ${from}`).toBe(true);
      }
    }
  });
});
