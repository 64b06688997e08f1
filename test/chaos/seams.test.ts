/** The harness against the product it wraps: nothing of it is in there, and nothing it stands on has moved. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLocalExecutor, type LocalExecutor } from '../../drivers/executors/local.ts';
import { tar } from '../../examples/demo/tar.ts';
import { endProcessesIn } from '../../stack/children.ts';
import { readTree } from '../tidy/tree.ts';
import { judge } from './checker/judge.ts';
import { RULES } from './checker/rules.ts';
import { nowMs } from './clock.ts';
import { writeHostProgram } from './host-program.ts';
import { isOnHost, MOMENTS, POINTS } from './points.ts';
import { toEffect } from './round.ts';
import { linesOf } from './stack.ts';
import { STEPS } from '../../domain/vocabulary.ts';
import type { Broken } from './broken.ts';
import type { ChaosRecord } from './checker/record.ts';
import type { HostSpec } from '../../domain/inventory.ts';

const RELEASE = 'r-00000001';
const APPLICATION = 'web';

describe('the list of points', () => {
  test('has every step of the domain in either direction, at each of its five moments, once', () => {
    for (const direction of ['forward', 'back']) for (const step of STEPS) for (const moment of MOMENTS) expect(POINTS.filter((point) => point === `${direction}.${step}.${moment}`)).toHaveLength(1);
    expect(new Set(POINTS).size).toBe(POINTS.length);
  });
});

describe('the product', () => {
  test('knows nothing of points: no file outside the tests names the variables that arm them', () => {
    const named = readTree().filter(({ path, text }) => !path.startsWith('test/') && /CHAOS_|chaos_point/.test(text) && !path.endsWith('.md'));
    expect(named.map(({ path }) => path)).toEqual([]);
  });
});

describe('the copy of the host program', () => {
  let folder: string;
  let executor: LocalExecutor;
  const ground = (): string => join(folder, 'ground');
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'chaos-seams-'));
    for (const name of ['armed', 'struck']) mkdirSync(join(ground(), name), { recursive: true });
    executor = createLocalExecutor({ hostProgram: join(ground(), 'signalbox-host') });
  });
  afterAll(async () => {
    await executor.close();
    await endProcessesIn(folder, { signal: 'SIGKILL', timeoutMs: 1_000 });
    rmSync(folder, { recursive: true, force: true });
  });

  /** Stages a small application on a fresh host; answers how verbs are sent there. */
  async function staged(broken: Broken | null) {
    writeHostProgram(join(ground(), 'signalbox-host'), ground(), broken);
    rmSync(join(ground(), 'effects.jsonl'), { force: true });
    const root = mkdtempSync(join(folder, 'host-'));
    const witness = join(root, 'witness');
    const host = { name: 'h1', address: '127.0.0.1', zone: 'z', labels: {}, executor: { driver: 'local', root }, variables: {} } as unknown as HostSpec;
    const send = async (verb: 'fence' | 'fetch' | 'unpack' | 'configure' | 'switch' | 'start' | 'stop', epoch: number, input: Readonly<Record<string, string>>) => {
      const opId = verb === 'fence' ? `${RELEASE}/h1/fence/${epoch}` : `${RELEASE}/1/h1/${APPLICATION}/${verb}/forward/0`;
      const own = verb === 'fence' ? { applications: APPLICATION } : { application: APPLICATION };
      return executor.run(host, verb, { root, opId, epoch: String(epoch), ...own, ...input }, { timeoutMs: 20_000, signal: AbortSignal.timeout(20_000) });
    };
    const program = `#!/bin/sh\nread -r up rest </proc/uptime\necho "1 $$ $up" >>'${witness}'\nexec sleep 100\n`;
    const content = gzipSync(tar([{ name: 'app', content: Buffer.from(program), mode: 0o755 }]));
    const sha256 = createHash('sha256').update(content).digest('hex');
    const file = join(folder, `${sha256}.tar.gz`);
    writeFileSync(file, content);
    await send('fetch', 1, { version: '1', uri: `file://${file}`, sha256, headroomBytes: '1' });
    await send('unpack', 1, { version: '1', sha256, format: 'tar.gz' });
    const configured = await send('configure', 1, { version: '1', 'command.0': '/bin/sh', 'command.1': './app', stopTimeoutSeconds: '2' });
    if (!configured.ok) throw new Error(JSON.stringify(configured));
    const config = String(configured.result['config']);
    expect(await send('switch', 1, { digest: sha256, config, expectedDigest: '' })).toMatchObject({ ok: true });
    return { send, witness, effects: () => linesOf(join(ground(), 'effects.jsonl')).map(toEffect) };
  }

  /** Only effects and starts; everything else keeps its promises. */
  function recordOf({ witness, effects }: Awaited<ReturnType<typeof staged>>): ChaosRecord {
    const starts = linesOf(witness).map((line) => line.split(' ')).map(([version = '', pid, up]) => ({ host: 'h1', version, pid: Number(pid), atMs: Math.round(Number(up) * 1000) }));
    return { pools: [], client: [], events: [], effects: effects(), starts, samples: [], hosts: [], readModel: { differing: [], brokenChain: [] }, endedMs: nowMs(), deadlineMs: 60_000 };
  }

  const rulesBroken = (record: ChaosRecord): readonly string[] => [...new Set(judge(RULES.filter(({ id }) => id === 'I3' || id === 'I4'), record).map(({ rule }) => rule))];

  test('writes down what took effect, once per step, and breaks nothing by it', async () => {
    const host = await staged(null);
    const [first, second] = [await host.send('start', 1, {}), await host.send('start', 1, {})];
    expect([first, second]).toMatchObject([{ ok: true, repeated: false }, { ok: true, repeated: true }]);
    expect(await host.send('fence', 2, {})).toMatchObject({ ok: true });
    expect(await host.send('stop', 1, {})).toMatchObject({ ok: false, error: 'stale-epoch' });
    const record = recordOf(host);
    expect(record.effects.filter(({ kind }) => kind !== 'begun').map(({ kind, what }) => `${kind} ${what}`)).toEqual(['done fetch', 'done unpack', 'done configure', 'done switch', 'done start', 'fenced fence']);
    expect(record.starts).toHaveLength(1);
    expect(rulesBroken(record)).toEqual([]);
  });

  test('with a journal that forgets, a repeated start starts twice, and the checker sees it', async () => {
    const host = await staged('journal');
    await host.send('start', 1, {});
    await host.send('start', 1, {});
    expect(rulesBroken(recordOf(host))).toEqual(['I3']);
  });

  test('with a fence that lets the past through, an outdated stop takes effect, and the checker sees it', async () => {
    const host = await staged('fencing');
    await host.send('start', 1, {});
    await host.send('fence', 2, {});
    // The clock of effects has steps of 10 ms.
    const fencedMs = nowMs();
    while (nowMs() <= fencedMs + 10) await new Promise((resolve) => setImmediate(resolve));
    expect(await host.send('stop', 1, {})).toMatchObject({ ok: true });
    expect(rulesBroken(recordOf(host))).toEqual(['I4']);
  });

  test('is struck at an armed point, once', async () => {
    const host = await staged(null);
    const point = 'forward.start.after-intent';
    expect(isOnHost(point)).toBe(true);
    writeFileSync(join(ground(), 'armed', point), 'kill-host\n');
    await expect(host.send('start', 1, {})).rejects.toThrow(/broke in start|SIGKILL/);
    expect(readFileSync(join(ground(), 'struck', point), 'utf8')).toBe('kill-host\n');
    expect(await host.send('start', 1, {})).toMatchObject({ ok: true, repeated: false });
    expect(recordOf(host).starts).toHaveLength(1);
  });
});
