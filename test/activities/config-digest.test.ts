/** The name of a configuration is computed in two languages: here they meet. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { configDigest } from '../../activities/config-digest.ts';
import { runConfiguration } from '../../activities/run-configuration.ts';
import { makeBench, type HostBench } from '../host/host-bench.ts';
import { APPLICATION, hostSpec, inventoryOf } from '../db/samples.ts';

let bench: HostBench;
let operations = 0;

beforeAll(() => {
  bench = makeBench('dash');
});
afterAll(() => bench?.dispose());

async function onHost(version: string, input: Readonly<Record<string, string>>): Promise<string> {
  operations += 1;
  const { config } = await bench.result('configure', { opId: `op-${operations}`, epoch: '1', application: 'web', version, ...input });
  return String(config);
}

const WORDS = ['./app', '-x', 'a b', 'héllo 你好', '100%', '%41', '~{}|$&', "it's \"so\"", '\u00e9\u0301', ' ', 'tail '];
const words = fc.array(fc.constantFrom(...WORDS), { minLength: 1, maxLength: 12 });
const names = fc.uniqueArray(fc.constantFrom('A', 'AB', 'A_B', 'a', 'B', 'Z9', '_', 'PATH'), { maxLength: 6 });

test('the worker names every run configuration as the host program does', async () => {
  await fc.assert(
    fc.asyncProperty(words, names, words, fc.constantFrom('SIGTERM', 'SIGINT'), fc.nat(3600), async (command, variables, values, stopSignal, stopSeconds) => {
      const input: Record<string, string> = { stopSignal, stopTimeoutSeconds: String(stopSeconds) };
      for (const [index, word] of ['./app', ...command].entries()) input[`command.${index}`] = word;
      for (const [index, name] of variables.entries()) input[`env.${name}`] = values[index % values.length] ?? '';
      expect(configDigest('1.0.0', input)).toBe(await onHost('1.0.0', input));
    }),
    { numRuns: 40 },
  );
});

test('what staging would send for an application of an inventory has the name it gets on the host', async () => {
  const inventory = inventoryOf('web-prod', ['web-01']);
  const input = runConfiguration(inventory, APPLICATION, hostSpec('web-01'), '2');
  expect(configDigest('2', input)).toBe(await onHost('2', input));
  expect(configDigest('2', { ...input, 'env.GREETING': 'hello' })).not.toBe(configDigest('2', input));
});

test('the same of applications that have no process of their own: files, a server to reload, cron entries', async () => {
  const rule = { stopSignal: 'SIGTERM', stopTimeoutSeconds: '10' };
  await fc.assert(
    fc.asyncProperty(words, fc.option(fc.constantFrom('nobody', 'ops'), { nil: undefined }), fc.constantFrom('/run/a.pid', '/run/ü 100%.pid'), async (command, cronUser, file) => {
      const entries = ['at */5 * * * *', ...command.map((word) => `word ${word}`), 'at @daily', 'word ./app'].join('\n');
      for (const input of [
        { ...rule, runs: 'nothing', 'env.A': file },
        { ...rule, runs: 'nothing', reloadSignal: 'SIGUSR2', reloadPidFile: file },
        { ...rule, runs: 'schedule', cronFile: file, cronEntries: entries, cronWaitSeconds: '5', cronThen: 'end', 'env.A': 'b', ...(cronUser === undefined ? {} : { cronUser }) },
      ]) expect(configDigest('1.0.0', input)).toBe(await onHost('1.0.0', input));
    }),
    { numRuns: 15 },
  );
});
