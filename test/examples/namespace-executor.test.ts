/** The example of a driver keeps the port as the real ones do: the same suite, over real network namespaces. */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { HostUnreachable } from '../../drivers/executors/port.ts';
import { createNamespaceExecutor } from '../../examples/drivers/namespace-executor.ts';
import { openNetwork, type Network } from '../../stack/namespaces.ts';
import { executorConformance } from '../drivers/executors/conformance.ts';
import { endApplications, HOST_PROGRAM } from '../host/host-bench.ts';
import type { HostSpec } from '../../domain/inventory.ts';

let network: Network;
beforeAll(() => void (network = openNetwork(1)));
afterAll(() => network?.dispose());

function hostAt(root: string, name = network.hosts[0]?.inside.at(-1) ?? ''): HostSpec {
  return { name, address: '127.0.0.1', zone: 'a', labels: {}, executor: { driver: 'local', root }, variables: {} };
}

executorConformance('the example of a driver', async () => {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'signalbox-netns-')));
  return {
    executor: createNamespaceExecutor(HOST_PROGRAM),
    host: hostAt(root),
    dispose: () => {
      endApplications(root);
      rmSync(root, { recursive: true, force: true });
    },
  };
});

test.each([['there is not', 'nowhere'], ['has no name', '-batch /etc/passwd']])('a namespace that %s is a host that is not reached', async (_what, name) => {
  const call = createNamespaceExecutor(HOST_PROGRAM).run(hostAt('/nowhere', name), 'observe', { applications: '' }, { timeoutMs: 5_000, signal: new AbortController().signal });
  await expect(call).rejects.toBeInstanceOf(HostUnreachable);
});
