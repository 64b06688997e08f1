import { expect, test } from 'vitest';
import { createNoOpDrivers } from '../../bench/no-op-drivers.ts';
import { noOpRelease } from '../../bench/no-op-release.ts';
import type { HostInput, HostVerb } from '../../drivers/executors/port.ts';

const { inventory } = noOpRelease({ id: 'r-1', pool: 'web', hosts: 3, version: 'v2', lanes: 10 });
const signal = new AbortController().signal;

test('a host that was switched and started shows the new digest and a running process', async () => {
  const drivers = createNoOpDrivers();
  const [host] = inventory.hosts;
  if (host === undefined) throw new Error('the bench inventory has no host');
  const run = async (verb: HostVerb, input: HostInput = {}) => {
    const answer = await drivers.executorFor(host).run(host, verb, input, { timeoutMs: 1000, signal });
    return answer.ok ? answer.result : {};
  };
  expect(await run('observe', { applications: 'web' })).toMatchObject({ missing: [], applications: [{ application: 'web', digest: null, process: null }] });
  await run('unpack', { sha256: 'abc', version: 'v2' });
  await run('switch', { digest: 'abc', config: 'c' });
  const started = await run('start');
  expect(await run('observe', { applications: 'web' })).toMatchObject({ applications: [{ digest: 'abc', config: 'c', version: 'v2', process: started['process'] }] });
});

test('a drained server is out of service until it is admitted, and every write passes its fence', async () => {
  const traffic = createNoOpDrivers().trafficFor(inventory.pool.traffic);
  let fenced = 0;
  const call = { signal, timeoutMs: 1000, fence: <T>(write: () => Promise<T>): Promise<T> => ((fenced += 1), write()) };
  expect(await traffic.drain('a', call)).toMatchObject({ admin: 'drain', inService: false, connections: 0 });
  expect(await traffic.observe(['a', 'b'], signal)).toMatchObject([{ inService: false }, { inService: true }]);
  expect(await traffic.admit('a', { admin: 'ready', weight: null }, call)).toMatchObject({ inService: true });
  expect(fenced).toBe(2);
});

test('the release of a bench names every host of its inventory and another digest for each version', () => {
  const { request } = noOpRelease({ id: 'r-1', pool: 'web', hosts: 3, version: 'v2', lanes: 10 });
  expect(request.hosts.map(({ name }) => name)).toEqual(inventory.hosts.map(({ name }) => name));
  const other = noOpRelease({ id: 'r-2', pool: 'web', hosts: 3, version: 'v3', lanes: 10 });
  expect(other.inventory.packages[0]?.sha256).not.toBe(inventory.packages[0]?.sha256);
});
