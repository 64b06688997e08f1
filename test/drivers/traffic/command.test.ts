import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CommandTrafficSpec } from '../../../domain/traffic-spec.ts';
import { createCommandTraffic } from '../../../drivers/traffic/command.ts';
import { createTraffic } from '../../../drivers/traffic/factory.ts';
import { AdmitNotConfirmed, BalancerDown, BalancerMisconfigured, UnknownServers } from '../../../drivers/traffic/port.ts';
import { linesOf } from '../../support/lines.ts';
import { until } from '../../support/until.ts';
import { startApplication } from './applications.ts';
import { call, countingFence, READY, trafficConformance, weightConformance } from './conformance.ts';
import { startHaproxy, type RealHaproxy } from './real-haproxy.ts';
import { ask } from './users.ts';

const SCRIPT = fileURLToPath(new URL('../../../examples/traffic/haproxy.mjs', import.meta.url));
const { signal } = call();
const within = (timeoutMs: number) => ({ ...call(), timeoutMs });
const specOf = (command: readonly string[], timeoutSeconds = 5): CommandTrafficSpec => ({ driver: 'command', command, timeoutSeconds, server: '${host.name}', drainTimeoutSeconds: 5 });
const through = ({ socket }: RealHaproxy): CommandTrafficSpec => specOf([process.execPath, SCRIPT, socket, 'web']);

async function startFleet() {
  const applications = await Promise.all(['web-01', 'web-02'].map(startApplication));
  const haproxy = await startHaproxy(applications);
  const traffic = createTraffic(through(haproxy));
  await until('both are up', async () => (await traffic.observe(['web-01', 'web-02'], signal)).every(({ operational }) => operational === 'up'));
  return { applications, haproxy, traffic, stop: async () => {
    await haproxy.stop();
    await Promise.all(applications.map((application) => application.stop()));
  } };
}

const startTwo = async () => ({ ...(await startFleet()), servers: ['web-01', 'web-02'] });
trafficConformance('a script before a real HAProxy', true, startTwo);
weightConformance('a script before a real HAProxy', startTwo);

describe('a script before a real HAProxy that does its work', () => {
  let fleet: Awaited<ReturnType<typeof startFleet>>;
  beforeAll(async () => {
    fleet = await startFleet();
  });
  afterAll(() => fleet?.stop());

  test('drain waits for the request in hand, and admit for the check of the balancer', async () => {
    const { traffic, haproxy, applications: [first, second] } = fleet;
    await traffic.drain('web-02', within(5_000));
    const held = ask(undefined, haproxy.port, '/held');
    await until('the request came in', () => first?.held === 1);
    await traffic.admit('web-02', READY, within(5_000));
    const seen: number[] = [];
    const draining = traffic.drain('web-01', { ...within(10_000), onProgress: ({ connections }) => seen.push(connections) });
    await until('progress was told three times', () => seen.length >= 3);
    first?.release();
    expect([(await draining).connections, seen.slice(0, 3), await held]).toEqual([0, [1, 1, 1], null]);
    await traffic.admit('web-01', READY, within(5_000));
    await traffic.drain('web-02', within(5_000));
    await second?.stop();
    await until('it is down', async () => (await traffic.observe(['web-02'], signal))[0]?.operational === 'down');
    const refused = await traffic.admit('web-02', READY, within(500)).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(AdmitNotConfirmed);
    expect((refused as Error).message).toContain("the balancer's own check says down");
    await second?.start();
    expect(await traffic.admit('web-02', READY, within(5_000))).toMatchObject({ inService: true });
  });

  test('a reload shows in the identity, a server that is not there is named, and the refusal of the balancer comes through in its words', async () => {
    const { traffic, haproxy } = fleet;
    expect((await traffic.identity(signal))?.pid).toBe(Number(/^Pid: (\d+)$/m.exec(await haproxy.say('show info'))?.[1]));
    await expect(traffic.observe(['web-01', 'web-77'], signal)).rejects.toThrow(UnknownServers);
    await expect(traffic.observe(['web-01', 'web-77'], signal)).rejects.toThrow('no server web-77');
    await expect(traffic.weight('web-01', 10_000, call())).rejects.toThrow(/refused: .*weight/i);
  });
});

describe('a script that does not keep its word', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'script-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const READY_STATE = '{"servers":{"web-01":{"admin":"ready","operational":"up","weight":1,"connections":0}}}';
  /** `sh` with a body of the test's own; `$D` is a folder of its own. */
  const scripted = (body: string, timeoutSeconds = 5, lateMs?: number) => {
    const own = mkdtempSync(join(folder, 'one-'));
    const file = join(own, 'lb');
    writeFileSync(file, `#!/bin/sh\nD=${own}\nprintf '%s\\n' "$*" >> $D/calls\n${body}\n`);
    chmodSync(file, 0o755);
    return { traffic: createCommandTraffic(specOf([file], timeoutSeconds), lateMs), own, calls: () => linesOf(join(own, 'calls')) };
  };

  test('it says that it drained, and did not: nothing is claimed', async () => {
    const { traffic, calls } = scripted(`echo '${READY_STATE}'`);
    await expect(traffic.drain('web-01', within(300))).rejects.toThrow('said that it was done, but `state` shows it ready');
    expect(calls().slice(0, 3)).toEqual(['state web-01', 'drain web-01', 'state web-01']);
  });

  test('it says that it admitted or weighed, and did not: found by its own state', async () => {
    const { traffic } = scripted(`echo '${READY_STATE.replace('ready', 'drain')}'`);
    await expect(traffic.admit('web-01', READY, within(300))).rejects.toThrow(AdmitNotConfirmed);
    await expect(traffic.weight('web-01', 7, call())).rejects.toThrow('but `state` shows 1');
  });

  test('it fails behind its effect: the effect is seen, so it is a success', async () => {
    const { traffic, calls } = scripted(`case $1 in drain) touch $D/out; exit 7;; state) if [ -e $D/out ]; then echo '${READY_STATE.replace('ready', 'drain')}'; else echo '${READY_STATE}'; fi;; esac`);
    expect(await traffic.drain('web-01', within(2_000))).toMatchObject({ admin: 'drain', inService: false });
    expect(calls()).toEqual(['state web-01', 'drain web-01', 'state web-01']);
  });

  const GARBAGE: Readonly<Record<string, string>> = {
    nothing: '', words: 'ok', 'two objects': '{}{}', 'a list': '[]', null: 'null', 'no servers': '{}', 'servers as a list': '{"servers":[]}',
    'another admin state': READY_STATE.replace('ready', 'on'), 'a negative count': READY_STATE.replace('"connections":0', '"connections":-1'), 'a count as text': READY_STATE.replace('"connections":0', '"connections":"0"'),
    'no count': READY_STATE.replace(',"connections":0', ''), 'half a weight': READY_STATE.replace('"weight":1', '"weight":1.5'), 'a server that is null': '{"servers":{"web-01":null}}', 'half an identity': READY_STATE.replace('}}}', '}},"balancer":{"pid":1}}'),
  };
  for (const [what, text] of Object.entries(GARBAGE)) {
    test(`it answers ${what}: down, and nothing is guessed from it`, async () => {
      const { traffic, calls } = scripted(`printf '%s' '${text}'`);
      await expect(traffic.observe(['web-01'], signal)).rejects.toThrow(BalancerDown);
      await expect(traffic.drain('web-01', within(1_000))).rejects.toThrow(BalancerDown);
      expect(calls()).toEqual(['state web-01', 'state web-01']);
    });
  }

  test('it ends badly: down, with the last it said; it refuses: a configuration to fix, in its words', async () => {
    await expect(scripted('echo all is lost >&2; exit 3').traffic.observe(['web-01'], signal)).rejects.toThrow(/ended with 3: all is lost/);
    await expect(scripted('echo \'{"error":"no such pool"}\'').traffic.observe(['web-01'], signal)).rejects.toThrow(BalancerMisconfigured);
    await expect(createCommandTraffic(specOf(['/nonexistent/lb'])).observe(['web-01'], signal)).rejects.toThrow('cannot be run');
  });

  test('it hangs: killed at its time with all that it started, and at once when the call is aborted', async () => {
    const { traffic, own } = scripted('sleep 600 & echo $! > $D/child; wait', 1);
    const child = () => Number(readFileSync(join(own, 'child'), 'utf8'));
    const isGone = () => !existsSync(`/proc/${child()}`) || / Z /.test(readFileSync(`/proc/${child()}/stat`, 'utf8'));
    await expect(traffic.observe(['web-01'], signal)).rejects.toThrow('was not done within 1000 ms and was killed');
    await until('its child is gone', isGone);
    rmSync(join(own, 'child'));
    const controller = new AbortController();
    const asked = traffic.observe(['web-01'], controller.signal);
    asked.catch(() => undefined);
    await until('it hangs', () => existsSync(join(own, 'child')) && child() > 0);
    controller.abort(new Error('shutting down'));
    await expect(asked).rejects.toThrow('shutting down');
    await until('its second child is gone', isGone);
  });

  test('it never stops talking: killed at a size', async () => {
    await expect(scripted('exec yes').traffic.observe(['web-01'], signal)).rejects.toThrow('answered more than');
  });

  test('it gets words and no shell, and nothing of the environment of the worker', async () => {
    const { traffic, own } = scripted(`env > $D/env; echo '${READY_STATE}'`);
    await traffic.observe(['web-01'], signal);
    const names = readFileSync(join(own, 'env'), 'utf8').trim().split('\n').map((line) => line.split('=')[0]).filter((name) => !['PWD', 'OLDPWD', 'SHLVL', '_'].includes(name ?? ''));
    expect(names.toSorted()).toEqual(['LANG', 'PATH']);
    for (const name of ['$(id)', '; id', '-x', 'a b', '../x', '']) {
      const before = readFileSync(join(own, 'calls'), 'utf8');
      for (const asked of [traffic.observe([name], signal), traffic.drain(name, within(1_000)), traffic.admit(name, READY, within(1_000)), traffic.weight(name, 1, call())]) await expect(asked).rejects.toThrow('is no server name');
      expect(readFileSync(join(own, 'calls'), 'utf8')).toBe(before);
    }
  });

  test('behind a fence that took too long it is not called at all', async () => {
    const { traffic, calls } = scripted(`echo '${READY_STATE}'`, 5, 50);
    const beganMs = performance.now();
    const late = traffic.drain('web-01', { signal, timeoutMs: 5_000, fence: async (write) => (await until('it is late', () => performance.now() - beganMs > 200), write()) });
    await expect(late).rejects.toThrow('it was not called');
    expect(calls()).not.toContain('drain web-01');
  });

  test('a server in maintenance is left there by drain and by admit to it, without a call', async () => {
    const { traffic, calls } = scripted(`echo '${READY_STATE.replace('ready', 'maint')}'`);
    const writes = countingFence();
    expect(await traffic.drain('web-01', { ...call(writes.fence), timeoutMs: 1_000 })).toMatchObject({ admin: 'maint', inService: false });
    expect(await traffic.admit('web-01', { admin: 'maint', weight: null }, { ...call(writes.fence), timeoutMs: 1_000 })).toMatchObject({ admin: 'maint' });
    expect([writes.count(), new Set(calls())]).toEqual([0, new Set(['state web-01'])]);
  });
});
