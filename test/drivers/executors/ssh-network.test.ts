/** The ssh executor over a network that breaks: hosts in namespaces of their own, each with its sshd (real-sshd.ts, namespaces.ts). */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { HostUnreachable } from '../../../drivers/executors/port.ts';
import { createSshExecutor } from '../../../drivers/executors/ssh.ts';
import { HOST_PROGRAM } from '../../host/host-bench.ts';
import { openNetwork } from '../../../stack/namespaces.ts';
import { until } from '../../support/until.ts';
import { know, makeKeys, startSshd } from './real-sshd.ts';
import type { SshExecutor } from '../../../drivers/executors/ssh.ts';
import type { Network } from '../../../stack/namespaces.ts';
import type { Keys, RealSshd } from './real-sshd.ts';

const signal = new AbortController().signal;
let network: Network;
let keys: Keys;
let sshd: readonly RealSshd[] = [];
let executor: SshExecutor;

beforeAll(async () => {
  network = openNetwork(2);
  keys = makeKeys();
  sshd = await Promise.all(network.hosts.map(({ address, inside }) => startSshd(keys, { at: { address, port: 22 }, inside, config: 'ListenAddress 127.0.0.1' })));
  executor = createSshExecutor({ hostProgram: HOST_PROGRAM });
});
afterAll(async () => {
  await executor?.close();
  for (const one of sshd) await one.stop();
  network?.dispose();
  keys?.dispose();
});

test('a line that is cut in the middle of a call is noticed long before the call is out of time, and the same opId acts once when it is back', async () => {
  const [line, far] = [network.hosts[0], sshd[0]];
  const host = far?.host('web-01', { port: null }) ?? expect.fail('there is no host');
  const mark = join(host.executor.root, 'mark');
  const input = { opId: 'r-1/1/web-01/web/hook/forward/0', epoch: '1', application: 'web', at: 'x', 'command.0': '/bin/sh', 'command.1': '-c', 'command.2': `echo once >> ${mark}; sleep 2`, timeoutSeconds: '30', idempotent: 'false' };
  const call = executor.run(host, 'hook', input, { timeoutMs: 55_000, signal });
  await until('the hook runs', () => existsSync(mark));
  line?.cut();
  await expect(call).rejects.toBeInstanceOf(HostUnreachable);
  await expect(call).rejects.toThrow(/^web-01 \(10\.\d+\.\d+\.2\) lost the connection in between/);
  const during = executor.run(host, 'observe', { applications: '' }, { timeoutMs: 25_000, signal });
  await expect(during).rejects.toThrow(/web-01 .*(did not answer in time|is not to be reached by any route)/);
  line?.heal();
  expect(await executor.run(host, 'hook', input, { timeoutMs: 55_000, signal })).toMatchObject({ ok: true, repeated: true });
  expect(readFileSync(mark, 'utf8')).toBe('once\n');
}, 120_000);

test('a host without an sshd refuses, and one that nobody reaches directly is reached by way of a jump host, and by no other', async () => {
  const [first, second] = network.hosts;
  const host = sshd[1]?.host('web-02', { port: 2222 }) ?? expect.fail('there is no host');
  await expect(executor.run(host, 'observe', { applications: '' }, { timeoutMs: 25_000, signal })).rejects.toThrow(/web-02 .* port 2222\) refused the connection/);
  // Its own loopback is where nobody else gets to.
  know(keys, '127.0.0.1', 22, sshd[1]?.publicKey ?? '');
  const inner = { ...host, address: '127.0.0.1', executor: { ...host.executor, port: 22 } };
  await expect(executor.run(inner, 'observe', { applications: '' }, { timeoutMs: 25_000, signal })).rejects.toThrow(/refused the connection|nobody has vouched for|ANOTHER HOST KEY/);
  const behind = { ...inner, executor: { ...inner.executor, jump: [`${second?.address}`] } };
  expect(await executor.run(behind, 'observe', { applications: '' }, { timeoutMs: 25_000, signal })).toMatchObject({ ok: true });
  // Two hops: the first host cannot reach the second one by itself, only we can, so the way through it must fail and say where.
  const astray = { ...inner, executor: { ...inner.executor, jump: [`${first?.address}`, `${second?.address}`] } };
  await expect(executor.run(astray, 'observe', { applications: '' }, { timeoutMs: 40_000, signal })).rejects.toThrow(/by way of 10\.\S+, 10\.\S+\)/);
});
