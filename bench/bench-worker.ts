/** A worker in a process of its own, with the settings it has under `npm start`. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { LEAN_ENVIRONMENT, LEAN_FLAGS } from '../stack/node-service.ts';
import type { BenchServers } from './bench-servers.ts';
import type { BenchWorker } from './worker-process.ts';

/** Ready to take work when it resolves. */
export async function startBenchWorker({ databaseUrl, temporalAddress, namespace, bundle }: BenchServers, taskQueue: string, { build = 'bench', stateFolder = null, sick = [], realHosts = false }: Partial<Pick<BenchWorker, 'build' | 'stateFolder' | 'sick' | 'realHosts'>> = {}): Promise<ChildProcess> {
  const told: BenchWorker = { databaseUrl, temporalAddress, namespace, bundle, taskQueue, build, stateFolder, sick, realHosts };
  const child = fork(fileURLToPath(new URL('worker-process.ts', import.meta.url)), [JSON.stringify(told)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    execArgv: [...LEAN_FLAGS],
    env: { ...process.env, ...LEAN_ENVIRONMENT },
  });
  const failed = once(child, 'exit').then(() => Promise.reject(new Error('The worker process ended at its start; its reason is above.')));
  await Promise.race([once(child, 'message'), failed]);
  failed.catch(() => undefined);
  return child;
}

export async function endBenchWorker(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.disconnect();
  await exit;
}
