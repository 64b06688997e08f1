/** The local executor: the conformance suite, and what only a child process can get wrong. */
import { chmodSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { HostSpec } from '../../../domain/inventory.ts';
import { encodeHostInput, parseHostAnswer } from '../../../drivers/executors/host-protocol.ts';
import { createLocalExecutor } from '../../../drivers/executors/local.ts';
import type { LocalExecutor, LocalExecutorOptions } from '../../../drivers/executors/local.ts';
import { ExecutorDown, HostUnreachable } from '../../../drivers/executors/port.ts';
import { HOST_PROGRAM, endApplications } from '../../host/host-bench.ts';
import { executorConformance } from './conformance.ts';

const folders: string[] = [];
const executors: LocalExecutor[] = [];
afterEach(async () => {
  for (const executor of executors.splice(0)) await executor.close();
  for (const folder of folders.splice(0)) {
    endApplications(folder);
    rmSync(folder, { recursive: true, force: true });
  }
});

function makeHost(): HostSpec {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'signalbox-local-')));
  folders.push(root);
  return { name: 'host-1', address: '127.0.0.1', zone: 'a', labels: {}, executor: { driver: 'local', root }, variables: {} };
}

function makeExecutor(options: LocalExecutorOptions = { hostProgram: HOST_PROGRAM }): LocalExecutor {
  const executor = createLocalExecutor(options);
  executors.push(executor);
  return executor;
}

executorConformance('local', async () => ({ executor: makeExecutor(), host: makeHost(), dispose: () => undefined }));

describe('the local executor', () => {
  const options = { timeoutMs: 5000, signal: new AbortController().signal };
  /** A program that stands in for a broken host program. */
  function broken(script: string): { host: HostSpec; run: () => Promise<unknown> } {
    const host = makeHost();
    const program = join(host.executor.root, 'program');
    writeFileSync(program, script);
    chmodSync(program, 0o755);
    const executor = makeExecutor({ hostProgram: program });
    return { host, run: () => executor.run(host, 'stop', {}, options) };
  }

  test.each([
    ['nothing', ''],
    ['no JSON', 'echo hello'],
    ['two lines', "echo '{\"ok\":true,\"repeated\":false,\"result\":{}}'; echo more"],
    ['another shape', 'echo \'{"ok":true}\''],
    ['raw bytes', "printf '{\"ok\":false,\"error\":\"\\377\",\"message\":\"\",\"detail\":{}}\\n'"],
    ['a failure exit', 'echo it broke >&2; exit 3'],
    ['endless output', 'while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done'],
  ])('a program that answers %s makes the host unreachable', async (_, script) => {
    await expect(broken(script).run()).rejects.toBeInstanceOf(HostUnreachable);
  });

  test('a missing program or shell is the executor being down', async () => {
    const host = makeHost();
    await expect(makeExecutor({ hostProgram: '/nowhere/signalbox-host' }).run(host, 'stop', {}, options)).rejects.toBeInstanceOf(ExecutorDown);
    await expect(makeExecutor({ hostProgram: HOST_PROGRAM, shell: '/nowhere/sh' }).run(host, 'stop', {}, options)).rejects.toBeInstanceOf(ExecutorDown);
  });

  test('the program sees a clean environment', async () => {
    const { run } = broken('printf \'{"ok":true,"repeated":false,"result":{"names":"%s"}}\\n\' "$(env | grep -v -E "^(PWD|_|SHLVL|OLDPWD)=" | cut -d= -f1 | sort | tr "\\n" " ")"');
    expect(await run()).toEqual({ ok: true, repeated: false, result: { names: 'HOME LANG PATH ' } });
  });

  test('names that no host could take are refused before anything is sent', () => {
    for (const name of ['', 'a b', 'A', 'env.1', 'command.01', 'a\nb', '__proto__']) expect(() => encodeHostInput({ [name]: 'x' })).toThrow(TypeError);
    expect(() => encodeHostInput({ a: 'x\0' })).toThrow(TypeError);
    expect(encodeHostInput({ a: ' b%\nä', c: '' })).toBe('a  b%25%0A%C3%A4\nc \nend\n');
  });

  test('an answer is taken only as one line of the known shape', () => {
    expect(parseHostAnswer('h', 'stop', '{"ok":false,"error":"x","message":"y","detail":{}}\n')).toEqual({ ok: false, error: 'x', message: 'y', detail: {} });
    for (const output of ['{}\n', 'null\n', '[]\n', '{"ok":true,"repeated":false,"result":[]}\n', '{"ok":true,"repeated":false,"result":{}}']) expect(() => parseHostAnswer('h', 'stop', output)).toThrow(HostUnreachable);
  });
});
