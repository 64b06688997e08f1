/** Applications without a process of their own: files that a server of the host serves, which is told when others are linked. */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { SHELLS, install, makeBench, observe, step } from './host-bench.ts';
import { until } from '../support/until.ts';
import type { HostBench } from './host-bench.ts';

const benches: HostBench[] = [];
const children: ReturnType<typeof spawn>[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const bench of benches.splice(0)) bench.dispose();
});

/** A release of files is linked, and a server counts how often it was told. */
async function served(shell: (typeof SHELLS)[number], more: Readonly<Record<string, string>> = {}): Promise<{ readonly bench: HostBench; readonly told: () => string; readonly pidFile: string }> {
  const bench = makeBench(shell);
  benches.push(bench);
  const pidFile = join(bench.root, 'the server.pid');
  const { digest } = await install(bench, '1.0.0');
  const { config } = await bench.result('configure', { ...step('files'), version: '1.0.0', runs: 'nothing', reloadSignal: 'SIGUSR2', reloadPidFile: pidFile, ...more });
  await bench.result('switch', { ...step('link'), digest, config: String(config), expectedDigest: '' });
  let output = '';
  const server = spawn('/bin/sh', ['-c', 'trap "echo told" USR2; echo ready; while :; do sleep 0.02; done'], { stdio: ['ignore', 'pipe', 'ignore'] });
  children.push(server);
  server.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  await until('the server listens to signals', () => output.includes('ready'));
  writeFileSync(pidFile, String(server.pid));
  return { bench, told: () => output.replace('ready\n', ''), pidFile };
}

describe.each(SHELLS)('under %s', (shell) => {
  test('the server whose pid file is named is told once, also by a pid file without a newline', async () => {
    const { bench, told } = await served(shell);
    await bench.result('reload', step('reload'));
    await until('it was told', () => told() === 'told\n');
    expect(await bench.run('reload', step('reload'))).toMatchObject({ ok: true, repeated: true });
    await bench.result('reload', step('again'));
    await until('it was told anew', () => told() === 'told\ntold\n');
  });

  test('a server that is not there fails the reload, and the same reload succeeds once it is', async () => {
    const { bench, pidFile, told } = await served(shell);
    const pid = String(children[0]?.pid);
    for (const text of ['', 'no number', '1', '0', '-1', '4194305']) {
      writeFileSync(pidFile, text);
      expect(await bench.run('reload', step('reload')), text).toMatchObject({ ok: false, error: 'reload-failed', detail: { pidFile } });
    }
    expect(told()).toBe('');
    writeFileSync(pidFile, `${pid}\n`);
    await bench.result('reload', step('reload'));
    await until('it was told', () => told() === 'told\n');
  });

  test('what is linked serves without a process, has nothing to start, and goes back by hand', async () => {
    const { bench, told } = await served(shell);
    expect(await observe(bench)).toMatchObject({ process: null, serves: true, runs: 'nothing', unmanaged: false });
    expect(await bench.run('start', step('start'))).toMatchObject({ ok: false, error: 'bad-input' });
    await bench.result('clean', { ...step('clean'), keep: '3' });
    const { output } = await bench.raw('back', '', ['--root', bench.root]);
    expect(JSON.parse(output)).toMatchObject({ ok: true, result: { applications: [{ version: '1.0.0', started: true, process: null }] } });
    await until('break-glass has told the server', () => told() === 'told\n');
  });
});

test('a configuration without a process takes no command, and one with a process needs it', async () => {
  const bench = makeBench('dash');
  benches.push(bench);
  const refused = async (input: Readonly<Record<string, string>>): Promise<string> => {
    const answer = await bench.run('configure', { ...step('configure'), version: '1', ...input });
    return answer.ok ? 'taken' : `${answer.error}: ${answer.message}`;
  };
  expect(await refused({})).toContain('needs command.0');
  expect(await refused({ runs: 'nothing', 'command.0': './x' })).toContain('has no command.0');
  expect(await refused({ runs: 'sometimes' })).toContain("runs 'sometimes'");
  expect(await refused({ runs: 'nothing', reloadPidFile: '/run/x.pid' })).toContain('reloadSignal must be');
  expect(await refused({ runs: 'nothing', reloadPidFile: 'x.pid', reloadSignal: 'SIGHUP' })).toContain('absolute path');
  expect(await refused({ runs: 'nothing', reloadPidFile: '/run/x.pid', reloadSignal: 'SIGKILL' })).toContain('reloadSignal must be');
  expect(await refused({ runs: 'nothing' })).toBe('taken');
});
