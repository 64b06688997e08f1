/**
 * What every executor must do, whatever way it takes to the host. A driver's own test calls this with a factory that gives an
 * executor and a fresh host reached by it; the host's root is on this machine, so that the suite can look at what happened there.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { HostSpec } from '../../../domain/inventory.ts';
import { HostUnreachable } from '../../../drivers/executors/port.ts';
import type { Executor, HostAnswer, HostInput, HostVerb } from '../../../drivers/executors/port.ts';
import { gzipTar } from '../../host/archives.ts';
import { APPLICATION_BODY, sha256 } from '../../host/host-bench.ts';
import { until } from '../../support/until.ts';

export interface ExecutorUnderTest {
  readonly executor: Executor;
  readonly host: HostSpec;
  dispose(): Promise<void> | void;
}

export function executorConformance(name: string, make: () => Promise<ExecutorUnderTest>): void {
  describe(`an executor: ${name}`, () => {
    const made: ExecutorUnderTest[] = [];
    afterEach(async () => {
      for (const one of made.splice(0)) await one.dispose();
    });
    const fresh = async (): Promise<ExecutorUnderTest & Calls> => {
      const one = await make();
      made.push(one);
      return { ...one, ...calls(one) };
    };

    test('names its driver and answers observe', async () => {
      const { executor, result } = await fresh();
      expect(executor.driver).toMatch(/^[a-z]+$/);
      expect(await result('observe', { applications: 'web' })).toMatchObject({ missing: [], maxEpoch: 0, applications: [{ application: 'web', digest: null, process: null }] });
    });

    test('carries every verb of a release, forward and back', async () => {
      const { host, result } = await fresh();
      const { digest, config } = await stage(host, result);
      expect(await result('stop', step('stop'))).toEqual({ stopped: false, forced: false });
      expect(await result('switch', { ...step('switch'), digest, config, expectedDigest: '' })).toEqual({ fromDigest: null, fromConfig: null });
      const { process: started } = await result('start', step('start'));
      expect(await result('hook', { ...step('hook'), at: 'after-start', 'command.0': '/bin/true', timeoutSeconds: '5', idempotent: 'true' })).toMatchObject({ status: 0 });
      expect(await result('verify', { application: 'web', url: 'http://127.0.0.1:1/', method: 'GET', timeoutMs: '500' })).toMatchObject({ status: 0, process: started });
      expect(await result('clean', { ...step('clean'), keep: '1', protect: '' })).toEqual({ removed: [] });
      expect(await result('fence', { epoch: '2', applications: 'web' })).toMatchObject({ maxEpoch: 2, applications: [{ digest, config, version: '1.0.0', process: started }] });
      expect(await result('stop', { ...step('stop-back'), epoch: '2' })).toEqual({ stopped: true, forced: false });
      expect(await result('restore', { ...step('restore'), epoch: '2', digest: '', config: '' })).toEqual({ fromDigest: digest, fromConfig: config });
    });

    test('passes values of any text unharmed', async () => {
      const { result } = await fresh();
      const text = `line\nquote' double" $(id) %41 100% back\\slash tab\t ä 😀 trailing `;
      const { log } = await result('hook', { ...step('hook'), at: 'x', 'command.0': '/usr/bin/printf', 'command.1': '%s', 'command.2': text, timeoutSeconds: '5', idempotent: 'true' });
      expect(log).toBe(text);
    });

    test('gives refusals of the host as answers, not as errors', async () => {
      const { run } = await fresh();
      expect(await run('stop', { ...step('stop'), application: '../etc' })).toMatchObject({ ok: false, error: 'bad-input', message: expect.any(String), detail: {} });
      expect(await run('start', step('start'))).toMatchObject({ ok: false, error: 'not-unpacked' });
    });

    test('answers a repeated opId from the journal', async () => {
      const { run } = await fresh();
      const first = await run('stop', step('stop'));
      expect(await run('stop', step('stop'))).toEqual({ ...first, repeated: true });
    });

    test('a call over its time throws HostUnreachable, and the same opId tells the truth afterwards', async () => {
      const { host, executor, run } = await fresh();
      const mark = join(host.executor.root, 'mark');
      const slow = { ...step('hook'), at: 'x', 'command.0': '/bin/sh', 'command.1': '-c', 'command.2': `echo once >> ${mark}; sleep 1`, timeoutSeconds: '30', idempotent: 'false' };
      await expect(executor.run(host, 'hook', slow, { timeoutMs: 400, signal: new AbortController().signal })).rejects.toBeInstanceOf(HostUnreachable);
      await run('hook', slow);
      expect(readFileSync(mark, 'utf8')).toBe('once\n');
    });

    test('an abort ends the call with its reason, at once if it came before', async () => {
      const { host, executor } = await fresh();
      const controller = new AbortController();
      const mark = join(host.executor.root, 'mark');
      const slow = { ...step('hook'), at: 'x', 'command.0': '/bin/sh', 'command.1': '-c', 'command.2': `: > ${mark}; sleep 2`, timeoutSeconds: '30', idempotent: 'true' };
      const call = executor.run(host, 'hook', slow, { timeoutMs: 20_000, signal: controller.signal });
      await until('the hook runs', () => existsSync(mark));
      controller.abort(new Error('cancelled by test'));
      await expect(call).rejects.toThrow('cancelled by test');
      await expect(executor.run(host, 'stop', step('stop'), { timeoutMs: 20_000, signal: controller.signal })).rejects.toThrow('cancelled by test');
    });

    test('a started application outlives the call, and its abort', async () => {
      const { host, result } = await fresh();
      const { digest, config } = await stage(host, result);
      await result('switch', { ...step('switch'), digest, config, expectedDigest: '' });
      const { process: started } = await result('start', step('start'));
      expect(await result('observe', { applications: 'web' })).toMatchObject({ applications: [{ process: started }] });
    });

    test('many calls to one host at once are done one after the other', async () => {
      const { run } = await fresh();
      const answers = await Promise.all(Array.from({ length: 6 }, (_, index) => run('stop', step(`stop-${index % 3}`))));
      expect(answers.every((answer) => answer.ok)).toBe(true);
      expect(answers.filter((answer) => answer.ok && answer.repeated)).toHaveLength(3);
    });
  });
}

interface Calls {
  run(verb: HostVerb, input: HostInput): Promise<HostAnswer>;
  result(verb: HostVerb, input: HostInput): Promise<Readonly<Record<string, unknown>>>;
}

const step = (name: string): HostInput => ({ opId: `r-1/0/host-1/web/${name}/forward/0`, epoch: '1', application: 'web' });

function calls({ executor, host }: ExecutorUnderTest): Calls {
  const run = (verb: HostVerb, input: HostInput): Promise<HostAnswer> => executor.run(host, verb, input, { timeoutMs: 30_000, signal: new AbortController().signal });
  return {
    run,
    result: async (verb, input) => {
      const answer = await run(verb, input);
      if (!answer.ok) throw new Error(`${verb}: ${JSON.stringify(answer)}`);
      return answer.result;
    },
  };
}

async function stage(host: HostSpec, result: Calls['result']): Promise<{ digest: string; config: string }> {
  const bytes = gzipTar([{ name: 'app', mode: 0o755, data: APPLICATION_BODY }]);
  const file = join(host.executor.root, 'web.tar.gz');
  writeFileSync(file, bytes);
  const digest = sha256(bytes);
  const input = { version: '1.0.0', uri: `file://${file}`, sha256: digest };
  await result('fetch', { ...step('fetch'), ...input, sizeBytes: String(bytes.length) });
  await result('unpack', { ...step('unpack'), ...input });
  const { config } = await result('configure', { ...step('configure'), version: '1.0.0', 'command.0': '/bin/sh', 'command.1': './app', 'env.WITNESS': join(host.executor.root, 'witness'), stopTimeoutSeconds: '2' });
  return { digest, config: String(config) };
}
