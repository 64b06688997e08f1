/** start and stop: detached, clean, once; asked politely, then ended with its whole group. */
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { SHELLS, install, makeBench, observe, step, witness } from './host-bench.ts';
import { until } from '../support/until.ts';
import type { HostBench, ObservedProcess } from './host-bench.ts';

const benches: HostBench[] = [];
afterEach(() => {
  for (const bench of benches.splice(0)) bench.dispose();
});
async function started(shell: (typeof SHELLS)[number], program?: string, extra: Record<string, string> = {}): Promise<HostBench> {
  const bench = makeBench(shell);
  benches.push(bench);
  const { digest, config } = await install(bench, '1.0.0', program === undefined ? { extra } : { program, extra });
  await bench.result('switch', { ...step('switch'), digest, config, expectedDigest: '' });
  return bench;
}

const processOf = (result: Readonly<Record<string, unknown>>): ObservedProcess => result['process'] as ObservedProcess;
const alive = (pid: number): boolean => existsSync(`/proc/${pid}`) && !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));

describe.each(SHELLS)('under %s', (shell) => {
  test('start detaches: own session, nothing inherited, clean environment, log in its file', async () => {
    const bench = await started(shell, '#!/bin/sh\necho out "$1"; echo err >&2\nexec sleep 1000\n', { 'env.GREETING': "it's\n50% ä", 'command.3': 'a b' });
    const { pid, startTicks } = processOf(await bench.result('start', step('start')));
    await until('the application runs', () => readFileSync(`/proc/${pid}/comm`, 'utf8') === 'sleep\n');
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    expect([fields[2], fields[3], fields[19]]).toEqual([String(pid), String(pid), String(startTicks)]);
    const log = join(bench.root, 'web/log/app.log');
    const open = readdirSync(`/proc/${pid}/fd`).map((fd) => [fd, readlinkSync(`/proc/${pid}/fd/${fd}`)]);
    expect(Object.fromEntries(open.filter(([fd]) => Number(fd) < 3))).toEqual({ 0: '/dev/null', 1: log, 2: log });
    expect(open.filter(([, target]) => target?.includes('.signalbox'))).toEqual([]);
    const environment = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').filter((pair) => pair !== '' && !/^(PWD|OLDPWD|SHLVL|_)=/.test(pair));
    expect(environment.sort()).toEqual([`GREETING=it's\n50% ä`, 'HOME=/', 'LANG=C.UTF-8', 'PATH=/usr/bin:/bin', `WITNESS=${join(bench.root, 'witness')}`]);
    expect(readFileSync(log, 'utf8')).toBe('out 1.0.0\nerr\n');
    expect(readlinkSync(`/proc/${pid}/cwd`)).toContain('/web/releases/');
    expect(/^SigIgn:\s+(\w+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]).toMatch(/^0+$|^0+1000$/);
  });

  test('a process that ends at once is start-failed with its log, and stays so for that opId', async () => {
    const bench = await started(shell, '#!/bin/sh\necho x >> "$WITNESS"\necho "cannot \\"bind\\" é" >&2\nexit 1\n');
    const failed = await bench.run('start', step('start'));
    expect(failed).toMatchObject({ ok: false, error: 'start-failed', detail: { log: 'cannot "bind" é\n' } });
    expect(await bench.run('start', step('start'))).toEqual(failed);
    expect(witness(bench)).toHaveLength(1);
  });

  test('a program that does not exist is start-failed', async () => {
    const bench = await started(shell, undefined, { 'command.0': './no-such-program' });
    expect(await bench.run('start', step('start'))).toMatchObject({ ok: false, error: 'start-failed', detail: { log: expect.stringContaining('no-such-program') } });
  });

  test('start finds the wanted process already running and makes no second one', async () => {
    const bench = await started(shell);
    const first = processOf(await bench.result('start', step('start')));
    expect(processOf(await bench.result('start', step('start-again')))).toEqual(first);
    expect(witness(bench)).toHaveLength(1);
  });

  test('start beside an older build that still runs is refused', async () => {
    const bench = await started(shell);
    await bench.result('start', step('start'));
    const { digest, config } = await install(bench, '2.0.0');
    await bench.result('switch', { ...step('switch-2'), digest, config, expectedDigest: (await observe(bench)).digest ?? '' });
    expect(await bench.run('start', step('start-2'))).toMatchObject({ ok: false, error: 'start-failed' });
  });

  test('stop ends the process by its signal and says so; nothing running is also stopped', async () => {
    const bench = await started(shell, '#!/bin/sh\ntrap \'echo asked >> "$WITNESS"; exit 0\' INT\nwhile :; do sleep 0.02; done\n', { stopSignal: 'SIGINT' });
    const { pid } = processOf(await bench.result('start', step('start')));
    expect(await bench.result('stop', step('stop'))).toEqual({ stopped: true, forced: false });
    expect(alive(pid)).toBe(false);
    expect(witness(bench)).toEqual(['asked']);
    expect(await bench.result('stop', step('stop-again'))).toEqual({ stopped: false, forced: false });
    expect((await observe(bench)).process).toBe(null);
  });

  test('stop of a process that ignores its signal ends the whole group after the timeout', async () => {
    const bench = await started(shell, '#!/bin/sh\ntrap "" TERM\nsleep 1000 &\necho $! >> "$WITNESS"\nwhile :; do sleep 1; done\n', { stopTimeoutSeconds: '1' });
    const { pid } = processOf(await bench.result('start', step('start')));
    await until('the child runs', () => witness(bench).length === 1);
    expect(await bench.result('stop', step('stop'))).toEqual({ stopped: true, forced: true });
    expect([alive(pid), alive(Number(witness(bench)[0]))]).toEqual([false, false]);
  });

  test('a child left behind by a process that ended is ended too', async () => {
    const bench = await started(shell, '#!/bin/sh\nsleep 1000 &\necho $! >> "$WITNESS"\nwait\n', { stopTimeoutSeconds: '1' });
    await bench.result('start', step('start'));
    await until('the child runs', () => witness(bench).length === 1);
    expect(await bench.result('stop', step('stop'))).toEqual({ stopped: true, forced: true });
    expect(alive(Number(witness(bench)[0]))).toBe(false);
  });

  test('a child left behind is seen whatever it calls itself', async () => {
    const child = 'printf "x) Z 1\\ny) Z 1" > /proc/$$/comm; echo $$ >> "$WITNESS"; mkfifo "$WITNESS.pipe"; read -r line <>"$WITNESS.pipe"';
    const bench = await started(shell, `#!/bin/sh\nsh -c '${child}' &\nwait\n`, { stopTimeoutSeconds: '1' });
    await bench.result('start', step('start'));
    await until('the child runs', () => witness(bench).length === 1);
    expect(await bench.result('stop', step('stop'))).toEqual({ stopped: true, forced: true });
    expect(alive(Number(witness(bench)[0]))).toBe(false);
  });

  test('a dead child that nobody collects does not hold up the stop', async () => {
    // The subshell leaves the group without collecting its child, which stays in it as a zombie.
    const bench = await started(shell, '#!/bin/sh\n(sleep 0.01 & echo $! >> "$WITNESS"; exec setsid sleep 1000) &\necho $! >> "$WITNESS"\nexec sleep 1000\n', { stopTimeoutSeconds: '5' });
    await bench.result('start', step('start'));
    await until('both have said who they are', () => witness(bench).length === 2);
    const pids = witness(bench).map(Number);
    try {
      await until('the child is dead and there', () => pids.some((pid) => /\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))));
      expect(await bench.result('stop', step('stop'))).toEqual({ stopped: true, forced: false });
    } finally {
      for (const pid of pids) if (alive(pid)) process.kill(pid, 'SIGKILL');
    }
  });

  test('a process number used by another process, or of another boot, is not ours', async () => {
    const bench = await started(shell);
    await bench.result('start', step('start'));
    const record = join(bench.root, 'web/run/process');
    const words = readFileSync(record, 'utf8').split(' ');
    const pid = Number(words[0]);
    writeFileSync(record, [words[0], String(Number(words[1]) + 1), ...words.slice(2)].join(' '));
    expect((await observe(bench)).process).toBe(null);
    expect(await bench.result('stop', step('stop'))).toEqual({ stopped: false, forced: false });
    expect(alive(pid)).toBe(true);
    writeFileSync(record, words.join(' '));
  });

  test('a log that has grown is moved aside at the next start', async () => {
    const bench = await started(shell);
    await bench.result('start', step('start'));
    await bench.result('stop', step('stop'));
    writeFileSync(join(bench.root, 'web/log/app.log'), 'x'.repeat(10 * 1024 * 1024 + 1));
    await bench.result('start', step('start-2'));
    expect(readdirSync(join(bench.root, 'web/log')).sort()).toEqual(['app.log', 'app.log.1']);
  });

  test('an account of its own runs the application', async () => {
    const { uid, username } = userInfo();
    const [account, expected] = uid === 0 ? ['nobody', '65534'] : [username, String(uid)];
    const bench = await started(shell, '#!/bin/sh\nexec sleep 1000\n', { account });
    chmodSync(join(bench.root, '..'), 0o755);
    const { pid } = processOf(await bench.result('start', step('start')));
    await until('the application runs', () => readFileSync(`/proc/${pid}/comm`, 'utf8') === 'sleep\n');
    expect(/^Uid:\s+(\d+)\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.slice(1)).toEqual([expected, expected]);
  });

  test('a running application that Signalbox did not start is reported as unmanaged', async () => {
    const bench = await started(shell);
    const stranger = spawn('sleep', ['1000'], { cwd: join(bench.root, 'web') });
    try {
      await until('the stranger is seen', async () => (await observe(bench)).unmanaged);
    } finally {
      stranger.kill('SIGKILL');
    }
    await until('the stranger is gone', async () => !(await observe(bench)).unmanaged);
  });
});
