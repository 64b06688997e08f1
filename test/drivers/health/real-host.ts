/** A host in a temporary folder, acted on by the real host program: installs and starts a small HTTP application. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { HostSpec } from '../../../domain/inventory.ts';
import type { ObservedProcess } from '../../../domain/release/target.ts';
import { createLocalExecutor } from '../../../drivers/executors/local.ts';
import type { Executor, HostInput, HostVerb } from '../../../drivers/executors/port.ts';

const HOST_PROGRAM = fileURLToPath(new URL('../../../host/signalbox-host', import.meta.url));
const run = promisify(execFile);

export interface RealHost {
  readonly host: HostSpec;
  readonly executor: Executor;
  readonly port: number;
  /** common input of the host program */
  readonly input: HostInput;
  /** Installs this program text as the release of `version` and starts it. */
  start(version: string, program: string): Promise<ObservedProcess>;
  /** stops the application and removes the folder */
  stop(): Promise<void>;
}

export async function startRealHost(): Promise<RealHost> {
  const folder = await mkdtemp(join(tmpdir(), 'host-'));
  const root = join(folder, 'root');
  const host: HostSpec = { name: 'web-01', address: '127.0.0.1', zone: 'a', labels: {}, executor: { driver: 'local', root }, variables: {} };
  const executor = createLocalExecutor({ hostProgram: HOST_PROGRAM });
  const port = await freePort();
  const input = { root, epoch: '1', application: 'web' };
  let operations = 0;
  let current = '';
  const act = async (verb: HostVerb, more: HostInput): Promise<Readonly<Record<string, unknown>>> => {
    operations += 1;
    const answer = await executor.run(host, verb, { ...input, opId: `test-${operations}`, ...more }, { timeoutMs: 20_000, signal: new AbortController().signal });
    if (!answer.ok) throw new Error(`${verb}: ${answer.error}: ${answer.message}`);
    return answer.result;
  };
  return {
    host,
    executor,
    port,
    input: { root, epoch: '1', opId: 'verify' },
    async start(version, program) {
      const { uri, sha256 } = await pack(folder, version, program);
      await act('fetch', { version, uri, sha256 });
      await act('unpack', { version, sha256, uri });
      const { config } = await act('configure', { version, 'command.0': process.execPath, 'command.1': 'app.mjs', 'command.2': String(port), stopSignal: 'SIGTERM', stopTimeoutSeconds: '5' });
      await act('stop', {});
      await act('switch', { digest: sha256, config: String(config), expectedDigest: current });
      current = sha256;
      return (await act('start', {}))['process'] as ObservedProcess;
    },
    async stop() {
      await act('stop', {}).finally(() => rm(folder, { recursive: true, force: true }));
    },
  };
}

async function pack(folder: string, version: string, program: string): Promise<{ readonly uri: string; readonly sha256: string }> {
  await writeFile(join(folder, 'app.mjs'), program);
  const file = join(folder, `web-${version}.tar.gz`);
  await run('tar', ['-czf', file, '-C', folder, 'app.mjs']);
  return { uri: `file://${file}`, sha256: createHash('sha256').update(await readFile(file)).digest('hex') };
}

async function freePort(): Promise<number> {
  const holder = createServer();
  await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
  const { port } = holder.address() as AddressInfo;
  await new Promise((resolve) => holder.close(resolve));
  return port;
}
