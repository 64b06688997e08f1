/** What a verb costs a host: how many external commands it runs. A fork is milliseconds, and there are many hosts. */
import { chmodSync, mkdirSync, readFileSync, readdirSync, realpathSync, writeFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { HostInput, HostVerb } from '../../drivers/executors/port.ts';
import { APPLICATION_BODY, makeBench, makeTools, sha256, step } from './host-bench.ts';
import type { HostBench } from './host-bench.ts';
import { gzipTar, zip } from './archives.ts';

const LIMIT = 15;
const AIM = 8;
let folder: string;
let bench: HostBench;
let counted: string;

/** Each tool is wrapped in a script that notes its call; the wrappers' own shell is not one of them. */
beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'signalbox-cost-')));
  const real = join(folder, 'real');
  const wrapped = join(folder, 'wrapped');
  counted = join(folder, 'calls');
  makeTools(real, 'dash', 'curl');
  mkdirSync(wrapped);
  for (const tool of readdirSync(real)) {
    writeFileSync(join(wrapped, tool), `#!${realpathSync(join(real, 'sh'))}\necho ${tool} >> ${counted}\nexec ${join(real, tool)} "$@"\n`);
    chmodSync(join(wrapped, tool), 0o755);
  }
  bench = makeBench('dash', { tools: wrapped });
});
afterAll(() => {
  bench.dispose();
  rmSync(folder, { recursive: true, force: true });
});

async function cost(verb: HostVerb, input: HostInput): Promise<readonly string[]> {
  writeFileSync(counted, '');
  await bench.result(verb, input);
  // The first call is the program itself: its shell is wrapped too.
  return existsSync(counted) ? readFileSync(counted, 'utf8').trim().split('\n').slice(1) : [];
}

test('every verb stays within its number of external commands', async () => {
  const bytes = gzipTar([{ name: 'app', mode: 0o755, data: APPLICATION_BODY }]);
  const zipped = zip([{ name: 'app', mode: 0o100755, data: APPLICATION_BODY }]);
  const server = createServer((request, response) => response.end(request.url === '/health' ? '{"version":"1"}' : request.url === '/zip' ? zipped : bytes));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const costs: Record<string, readonly string[]> = {};
  try {
    await bench.result('stop', step('warm'));
    for (const [name, content, format] of [['', bytes, 'tar.gz'], ['-zip', zipped, 'zip']] as const) {
      const input = { version: '1', uri: `${origin}/${format}`, sha256: sha256(content) };
      costs[`fetch${name}`] = await cost('fetch', { ...step(`fetch${name}`), ...input, sizeBytes: String(content.length) });
      costs[`unpack${name}`] = await cost('unpack', { ...step(`unpack${name}`), ...input, format });
    }
    costs['configure'] = await cost('configure', { ...step('configure'), version: '1', 'command.0': '/bin/sh', 'command.1': './app', 'env.WITNESS': `${bench.root}/witness`, 'env.A': 'b' });
    const config = String(readdirSync(join(bench.root, 'web/configs'))[0]);
    costs['switch'] = await cost('switch', { ...step('switch'), digest: sha256(bytes), config, expectedDigest: '' });
    costs['start'] = await cost('start', { ...step('start'), settleMs: '0' });
    costs['verify'] = await cost('verify', { application: 'web', url: `${origin}/health`, method: 'GET', timeoutMs: '2000' });
    const { port } = server.address() as AddressInfo;
    costs['verify-http-own'] = await cost('verify', { application: 'web', url: `${origin}/health`, method: 'POST', timeoutMs: '2000', headers: 'X-A: b c', listener: 'own', port: String(port) });
    costs['verify-tcp'] = await cost('verify', { application: 'web', probe: 'tcp', address: '127.0.0.1', timeoutMs: '2000', listener: 'own', port: String(port) });
    costs['verify-process'] = await cost('verify', { application: 'web', probe: 'process' });
    costs['check'] = await cost('check', { application: 'web', epoch: '1', timeoutSeconds: '5', 'command.0': '/bin/true' });
    costs['observe'] = await cost('observe', { applications: 'web' });
    costs['hook'] = await cost('hook', { ...step('hook'), at: 'x', 'command.0': '/bin/true', timeoutSeconds: '5', idempotent: 'true' });
    costs['fence'] = await cost('fence', { epoch: '2', applications: 'web' });
    costs['stop'] = await cost('stop', step('stop', 2));
    costs['restore'] = await cost('restore', { ...step('restore', 2), digest: sha256(zipped), config });
    costs['clean'] = await cost('clean', { ...step('clean', 2), keep: '0', protect: '' });
    costs['repeated'] = await cost('stop', step('stop', 2));
  } finally {
    server.close();
  }
  for (const [verb, calls] of Object.entries(costs)) expect(calls.length, `${verb}: ${calls.join(' ')}`).toBeLessThanOrEqual(LIMIT);
  const withoutWaiting = (verb: string): readonly string[] => (costs[verb] ?? []).filter((tool) => tool !== 'sleep');
  for (const verb of ['observe', 'verify', 'verify-http-own', 'verify-tcp', 'verify-process', 'check', 'fetch', 'configure', 'switch', 'start', 'fence', 'stop', 'restore', 'clean', 'repeated']) {
    expect(costs[verb]).toBeDefined();
    expect(withoutWaiting(verb).length, `${verb}: ${costs[verb]?.join(' ')}`).toBeLessThanOrEqual(AIM);
  }
});
