import { spawn } from 'node:child_process';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { NginxSpec } from '../../../domain/traffic-spec.ts';
import { createNginx } from '../../../drivers/traffic/nginx.ts';
import { CHANGE_TIMES, type ChangeTimes } from '../../../drivers/traffic/nginx/change.ts';
import { BalancerDown, BalancerMisconfigured, UnknownServers, type Traffic } from '../../../drivers/traffic/port.ts';
import { until } from '../../support/until.ts';
import { call, countingFence, READY } from './conformance.ts';
import { firstIncludeFile, startNginx, type RealNginx } from './real-nginx.ts';

const { signal } = call();
const within = (timeoutMs: number) => ({ ...call(), timeoutMs });
/** Nobody serves there: what nginx is told is all that counts here. */
const SERVERS = ['web-01', 'web-02', 'web-03', 'web-04'].map((name, index) => ({ name, port: 19_001 + index }));
const NAMES = SERVERS.map(({ name }) => name);
const PROCESS = fileURLToPath(new URL('./nginx-process.ts', import.meta.url));

let nginx: RealNginx;
let traffic: Traffic;
beforeAll(async () => {
  nginx = await startNginx(SERVERS);
  traffic = createNginx(nginx.spec);
});
afterAll(() => nginx?.stop());
beforeEach(async () => {
  writeFileSync(nginx.extraFile, '');
  for (const name of NAMES) await traffic.admit(name, READY, within(10_000));
});

const driver = (change: Partial<NginxSpec>, times: Partial<ChangeTimes> = {}): Traffic => createNginx({ ...nginx.spec, ...change }, { ...CHANGE_TIMES, ...times });
const file = () => readFileSync(nginx.spec.file, 'utf8');
const answer = async () => (await fetch(nginx.spec.status)).text();
const served = async (server: string) => / (\S+)$/.exec(` ${(await answer()).split(' ').find((state) => state.startsWith(`${server}=`))}`)?.[1];
const adminOf = async (server: string) => (await traffic.observe([server], signal))[0]?.admin;
/** As an operator's editor does it. */
const edit = (change: (text: string) => string): void => {
  writeFileSync(`${nginx.spec.file}.edited`, change(file()));
  renameSync(`${nginx.spec.file}.edited`, nginx.spec.file);
};
const reloads = () => nginx.errorLog().split('reconfiguring').length - 1;
const workers = () => readFileSync(`/proc/${nginx.pid}/task/${nginx.pid}/children`, 'utf8').trim().split(' ');
const reloadByHand = async (): Promise<void> => {
  const before = new Set(workers());
  nginx.reload();
  await until('all workers are new', () => workers().every((pid) => pid !== '' && !before.has(pid)));
};

describe('an nginx that cannot be asked', () => {
  test('it is dead: down for every call, and nothing is written', async () => {
    const dead = await startNginx(SERVERS);
    const before = readFileSync(dead.spec.file, 'utf8');
    const late = createNginx(dead.spec);
    // Its workers go on serving without it, so they are what is left to be ended.
    const orphans = readFileSync(`/proc/${dead.pid}/task/${dead.pid}/children`, 'utf8').trim().split(' ').map(Number);
    process.kill(dead.pid, 'SIGKILL');
    await until('it is gone', () => late.identity(signal).then(() => false, () => true));
    const writes = countingFence();
    await expect(late.observe(['web-01'], signal)).rejects.toThrow(BalancerDown);
    await expect(late.drain('web-01', { ...call(writes.fence), timeoutMs: 1_000 })).rejects.toThrow(BalancerDown);
    await expect(late.admit('web-01', READY, { ...call(writes.fence), timeoutMs: 1_000 })).rejects.toThrow(BalancerDown);
    expect([writes.count(), readFileSync(dead.spec.file, 'utf8')]).toEqual([0, before]);
    for (const pid of orphans) process.kill(pid, 'SIGKILL');
    await dead.stop();
  });

  test('its pid file is missing, empty, or names another program, which gets no signal', async () => {
    const other = spawn('cat', [], { stdio: ['pipe', 'ignore', 'ignore'] });
    try {
      const pidFile = `${nginx.spec.file}.pid`;
      for (const text of ['', 'x', '0', '-1', String(other.pid)]) {
        writeFileSync(pidFile, text);
        await expect(driver({ pidFile }).drain('web-01', within(1_000))).rejects.toThrow(pidFile);
      }
      await expect(driver({ pidFile: '/nonexistent/nginx.pid' }).identity(signal)).rejects.toThrow('/nonexistent/nginx.pid');
      expect([other.exitCode, other.signalCode, await adminOf('web-01')]).toEqual([null, null, 'ready']);
    } finally {
      other.kill('SIGKILL');
    }
  });

  test('something else answers at the status address, or nobody, or nobody in time', async () => {
    const silent = createServer().listen(0, '127.0.0.1');
    await until('it listens', () => silent.listening);
    const silentUrl = `http://127.0.0.1:${(silent.address() as AddressInfo).port}/`;
    await expect(driver({ status: `${new URL(nginx.spec.status).origin}/nothing` }).observe(['web-01'], signal)).rejects.toThrow('answered 404');
    await expect(driver({ status: 'http://127.0.0.1:1/web' }).observe(['web-01'], signal)).rejects.toThrow(BalancerDown);
    await expect(driver({ status: silentUrl }, { answerMs: 100 }).drain('web-01', within(5_000))).rejects.toThrow('did not answer within 100 ms');
    silent.close();
    const stranger = await startNginx(SERVERS, { includeFile: firstIncludeFile(SERVERS).replace('default ""', 'default "hello there"') });
    await expect(driver({ status: stranger.spec.status }).observe(['web-01'], signal)).rejects.toThrow('not the state');
    await stranger.stop();
  });

  test('aborted while it waits for an answer: the reason of the signal, at once', async () => {
    const asked: unknown[] = [];
    const silent = createServer((socket) => void asked.push(socket)).listen(0, '127.0.0.1');
    await until('it listens', () => silent.listening);
    const controller = new AbortController();
    const observed = driver({ status: `http://127.0.0.1:${(silent.address() as AddressInfo).port}/` }, { answerMs: 60_000 }).observe(['web-01'], controller.signal);
    observed.catch(() => undefined);
    await until('it was asked', () => asked.length > 0);
    controller.abort(new Error('shutting down'));
    await expect(observed).rejects.toThrow('shutting down');
    silent.close();
  });
});

describe('a change that goes wrong', () => {
  test('the fence refuses: its error comes through, and neither file nor nginx changed', async () => {
    const before = [file(), await answer()];
    const stale = new Error('epoch 4 is older than 5');
    await expect(traffic.drain('web-01', { ...call(() => Promise.reject(stale)), timeoutMs: 5_000 })).rejects.toBe(stale);
    expect([file(), await answer()]).toEqual(before);
  });

  test('nginx refuses the configuration: its words are told, the old file is back, and nothing was loaded', async () => {
    writeFileSync(nginx.extraFile, 'bogus_word;');
    const before = [file(), await answer(), reloads()];
    await expect(traffic.drain('web-01', within(5_000))).rejects.toThrow(/unknown directive "bogus_word"/);
    await expect(traffic.drain('web-01', within(5_000))).rejects.toThrow(BalancerMisconfigured);
    expect([file(), await answer(), reloads()]).toEqual(before);
  });

  test('nginx passes the test but cannot load it: down after the reload time, the old file is back, and it works once the cause is gone', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await until('the port is taken', () => taken.listening);
    writeFileSync(nginx.extraFile, `server { listen 127.0.0.1:${(taken.address() as AddressInfo).port}; }`);
    const before = [file(), await answer()];
    await expect(driver({}, { reloadMs: 1_500 }).drain('web-01', within(5_000))).rejects.toThrow(/after 1500 ms its workers still go by generation/);
    expect([file(), await answer(), await adminOf('web-01')]).toEqual([...before, 'ready']);
    await new Promise((resolve) => taken.close(resolve));
    expect(await traffic.drain('web-01', within(5_000))).toMatchObject({ admin: 'drain' });
  });

  test('a frozen worker from before still takes connections, so the change does not count as in force', async () => {
    const worker = Number(workers()[0]);
    process.kill(worker, 'SIGSTOP');
    try {
      await expect(driver({}, { reloadMs: 500 }).drain('web-01', within(5_000))).rejects.toThrow(BalancerDown);
    } finally {
      process.kill(worker, 'SIGCONT');
    }
    expect(await traffic.drain('web-01', within(10_000))).toMatchObject({ admin: 'drain', connections: 0 });
  });

  test('a frozen master is down, and does as it was told last when it thaws', async () => {
    process.kill(nginx.pid, 'SIGSTOP');
    try {
      await expect(driver({}, { reloadMs: 300 }).drain('web-01', within(5_000))).rejects.toThrow(BalancerDown);
    } finally {
      process.kill(nginx.pid, 'SIGCONT');
    }
    expect(await traffic.drain('web-01', within(10_000))).toMatchObject({ admin: 'drain' });
    expect(await served('web-01')).toBe('web-01=drain:1');
  });

  test('a change that comes late, because its process stood still behind the fence, is not made', async () => {
    const before = [file(), await answer()];
    const beganMs = performance.now();
    const late = driver({}, { lateMs: 100 }).drain('web-01', { signal, timeoutMs: 5_000, fence: async (write) => (await until('it is late', () => performance.now() - beganMs > 200), write()) });
    await expect(late).rejects.toThrow('it was not made');
    expect([file(), await answer()]).toEqual(before);
  });

  test('the include file is missing: a configuration to fix, with its path', async () => {
    const missing = driver({ file: '/nonexistent/web.conf' });
    await expect(missing.observe(['web-01'], signal)).rejects.toThrow('/nonexistent/web.conf');
    await expect(missing.drain('web-01', within(1_000))).rejects.toThrow(BalancerMisconfigured);
  });
});

describe('several who write', () => {
  test('two workers take two servers out at once, and neither change is lost', async () => {
    const [one, other] = [createNginx(nginx.spec), createNginx(nginx.spec)];
    const before = Number((await answer()).split(' ')[0]);
    const shown = await Promise.all([one.drain('web-01', within(10_000)), other.drain('web-02', within(10_000)), one.drain('web-03', within(10_000))]);
    expect(shown.map(({ admin }) => admin)).toEqual(['drain', 'drain', 'drain']);
    expect((await answer()).split(' ')).toEqual([String(before + 3), 'web-01=drain:1', 'web-02=drain:1', 'web-03=drain:1', 'web-04=ready:1']);
  });

  test('who waits longer than it may for another one says who holds the file', async () => {
    const holder = spawn('flock', ['-x', `${nginx.spec.file}.lock`, 'cat'], { stdio: ['pipe', 'pipe', 'ignore'] });
    holder.stdin.write('held');
    await new Promise((resolve) => holder.stdout.once('data', resolve));
    await expect(driver({}, { lockMs: 200 }).drain('web-01', within(5_000))).rejects.toThrow(`${nginx.spec.file}.lock for more than 200 ms`);
    const waiting = traffic.drain('web-01', within(10_000));
    holder.stdin.end();
    expect(await waiting).toMatchObject({ admin: 'drain' });
  });

  test('one that is killed between its write and the reload is healed by the next call, and until then the server counts as out', async () => {
    let isBetween = false;
    for (let attempt = 0; attempt < 20 && !isBetween; attempt += 1) {
      await traffic.admit('web-01', READY, within(10_000));
      isBetween = await killedBetween();
    }
    expect(isBetween).toBe(true);
    expect([await adminOf('web-01'), await adminOf('web-02')]).toEqual(['drain', 'ready']);
    const writes = countingFence();
    expect(await traffic.drain('web-01', { ...call(writes.fence), timeoutMs: 10_000 })).toMatchObject({ admin: 'drain', inService: false });
    expect([writes.count(), await served('web-01')]).toEqual([1, 'web-01=drain:1']);
  });

  test('what one that was killed there has left, the next call for another server takes along, and admit takes it back', async () => {
    edit((text) => text.replace(/(19001);/, '$1 down;').replace('web-01=ready', 'web-01=drain'));
    expect([await adminOf('web-01'), await served('web-01')]).toEqual(['drain', 'web-01=ready:1']);
    await traffic.drain('web-02', within(5_000));
    expect(await served('web-01')).toBe('web-01=drain:1');
    expect(await traffic.admit('web-01', READY, within(5_000))).toMatchObject({ admin: 'ready', inService: true });
    expect(await served('web-01')).toBe('web-01=ready:1');
  });
});

/** Whether the process died when its text was in place and nginx had not loaded it. */
async function killedBetween(): Promise<boolean> {
  const before = file();
  const child = spawn(process.execPath, [PROCESS, JSON.stringify(nginx.spec), 'web-01'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const gone = new Promise((resolve) => child.once('exit', resolve));
  await new Promise((resolve) => child.stdout.once('data', resolve));
  const endMs = performance.now() + 10_000;
  while (file() === before && performance.now() < endMs) await new Promise((resolve) => setImmediate(resolve));
  child.kill('SIGKILL');
  await gone;
  await until('its lock is free', async () => new Promise<boolean>((resolve) => spawn('flock', ['-n', `${nginx.spec.file}.lock`, 'true']).once('exit', (code) => resolve(code === 0))));
  return file().includes('web-01=drain') && (await served('web-01')) === 'web-01=ready:1';
}

describe('an include file that people edit, too', () => {
  test('what they wrote beside the servers stays: other directives, parameters, comments and weights', async () => {
    edit((text) => text.replace('upstream web {', 'upstream web {\n    # ours\n    least_conn;').replace(/(19002);(.*)/, '$1 max_fails=0 weight=4;$2 in rack 7').replace('}\n', '    keepalive 4;\n}\n'));
    await reloadByHand();
    expect(await traffic.observe(['web-02'], signal)).toMatchObject([{ admin: 'ready', weight: 4 }]);
    expect(await traffic.drain('web-02', within(5_000))).toMatchObject({ admin: 'drain', weight: 4 });
    for (const kept of ['    # ours\n    least_conn;\n', 'server 127.0.0.1:19002 max_fails=0 weight=4 down; # web-02 in rack 7', '    keepalive 4;\n}']) expect(file()).toContain(kept);
    expect(await traffic.admit('web-02', { admin: 'ready', weight: 4 }, within(5_000))).toMatchObject({ weight: 4, inService: true });
    edit((text) => text.replace(' weight=4', ''));
  });

  test('a server that they took out by hand shows as drained, and drained stays a proven word', async () => {
    edit((text) => text.replace(/(19003);/, '$1 down;'));
    expect(await adminOf('web-03')).toBe('drain');
    await reloadByHand();
    expect(await adminOf('web-03')).toBe('drain');
    const writes = countingFence();
    await traffic.drain('web-03', { ...call(writes.fence), timeoutMs: 5_000 });
    expect([writes.count(), await served('web-03')]).toEqual([1, 'web-03=drain:1']);
  });

  test('a server whose `down` they removed without a word is taken out again by drain', async () => {
    await traffic.drain('web-03', within(5_000));
    edit((text) => text.replace(/ down; # web-03/, '; # web-03'));
    await reloadByHand();
    const writes = countingFence();
    expect(await traffic.drain('web-03', { ...call(writes.fence), timeoutMs: 5_000 })).toMatchObject({ admin: 'drain' });
    expect([writes.count(), file().includes('19003 down; # web-03')]).toEqual([1, true]);
  });

  test('a server that they added is there as its line says, and is known to the workers from the next change on', async () => {
    edit((text) => text.replace('# web-04\n', '# web-04\n    server 127.0.0.1:19005; # web-05\n'));
    await reloadByHand();
    expect(await traffic.observe(['web-05'], signal)).toMatchObject([{ admin: 'ready', inService: true }]);
    expect(await traffic.drain('web-05', within(5_000))).toMatchObject({ admin: 'drain' });
    expect(await served('web-05')).toBe('web-05=drain:1');
    edit((text) => text.replace(/.*web-05\n/, ''));
    await expect(traffic.observe(['web-01', 'web-05'], signal)).rejects.toThrow(UnknownServers);
  });

  test('a file that nobody can read for sure is refused with its line, and left as it is', async () => {
    const whole = file();
    const line = whole.split('\n').findIndex((text) => text.includes('# web-02')) + 1;
    const broken: readonly (readonly [string, string])[] = [
      [whole.replace('# web-02', '# web-01'), `line ${line}, holds a second server web-01`],
      [whole.replace('# web-02', '# web/02'), `line ${line}, holds "web/02" is no server name`],
      [whole.replace(/(19002[^;]*);/, '$1'), `line ${line}, holds a server line of another form`],
      [whole.replace('127.0.0.1:19002', 'unix:/run/x.sock'), `line ${line}, holds a server at a unix socket`],
      [whole.replace(/(19002[^;]*);/, '$1 weight=0;'), `line ${line}, holds a weight`],
      [`${whole}upstream other {\n}\n`, 'holds 2 upstreams'],
      [whole.replace('upstream web', '#'), 'holds 0 upstreams'],
    ];
    try {
      for (const [text, message] of broken) {
        writeFileSync(nginx.spec.file, text);
        await expect(traffic.drain('web-01', within(1_000))).rejects.toThrow(message);
        await expect(traffic.observe(['web-01'], signal)).rejects.toThrow(BalancerMisconfigured);
        expect(file()).toBe(text);
      }
    } finally {
      writeFileSync(nginx.spec.file, whole);
    }
  });
});

describe('names and wishes that cannot be right', () => {
  for (const name of ['web-01;', 'web-01\nserver 1.2.3.4;', '$(id)', '../web-01', '-web-01', 'web/web-01', 'web-01 ', '', 'x'.repeat(65), 'web\u0000', 'wéb']) {
    test(`the server name ${JSON.stringify(name).slice(0, 70)} is refused before anything is read`, async () => {
      const before = file();
      for (const asked of [traffic.observe([name], signal), traffic.drain(name, within(1_000)), traffic.admit(name, READY, within(1_000)), traffic.assert(name, READY, call())]) await expect(asked).rejects.toThrow('is no server name');
      expect(file()).toBe(before);
    });
  }

  test('maintenance and a weight that is no whole number from 1 to 65535 are refused', async () => {
    for (const weight of [0, -1, 1.5, 65_536, Number.NaN]) await expect(traffic.admit('web-01', { admin: 'ready', weight }, within(1_000))).rejects.toThrow(BalancerMisconfigured);
    await expect(traffic.admit('web-01', { admin: 'maint', weight: null }, within(1_000))).rejects.toThrow('no maintenance');
  });
});
