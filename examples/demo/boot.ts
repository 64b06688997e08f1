/** The demo's machines after a restart: what was installed on each runs again, as its init system would have it. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { HostSpec } from '../../domain/inventory.ts';
import { createLocalExecutor } from '../../drivers/executors/local.ts';
import type { Executor, HostAnswer, HostInput, HostVerb } from '../../drivers/executors/port.ts';
import { APPLICATION, rootOf, type Fleet, type FleetHost } from './fleet.ts';

const HOST_PROGRAM = fileURLToPath(new URL('../../host/signalbox-host', import.meta.url));
const TIMEOUT_MS = 20_000;

/** What is read here of the host program's `observe`. */
interface Observed {
  readonly maxEpoch?: number | string;
  readonly marker?: string | null;
  readonly applications?: readonly { readonly application: string; readonly digest: string | null; readonly process: object | null }[];
}

/** Starts the linked release on every host that has one and runs nothing. Returns how many were started; one that cannot start is told, not thrown. */
export async function bootFleet(fleet: Fleet, log: (line: string) => void): Promise<number> {
  const executor = createLocalExecutor({ hostProgram: HOST_PROGRAM });
  let started = 0;
  for (const host of fleet.hosts) {
    try {
      if (await bootHost(executor, fleet, host)) started += 1;
    } catch (error) {
      log(`${host.name} did not start ${APPLICATION} again: ${(error as Error).message}`);
    }
  }
  await executor.close();
  return started;
}

/** True when something was started. Under the epoch the host obeys now, so that the release which owns the host still may go on. */
async function bootHost(executor: Executor, fleet: Fleet, host: FleetHost): Promise<boolean> {
  const root = rootOf(fleet, host);
  if (!existsSync(join(root, APPLICATION))) return false;
  const spec: HostSpec = { name: host.name, address: host.address, zone: host.zone, labels: {}, executor: { driver: 'local', root }, variables: {} };
  const ask = async (verb: HostVerb, input: HostInput): Promise<Observed> => resultOf(await executor.run(spec, verb, input, { timeoutMs: TIMEOUT_MS, signal: AbortSignal.timeout(TIMEOUT_MS) }));
  const seen = await ask('observe', { applications: APPLICATION });
  const installed = seen.applications?.find(({ application }) => application === APPLICATION);
  // A host on which somebody broke the glass is that person's.
  if (!installed?.digest || installed.process !== null || seen.marker) return false;
  await ask('start', { application: APPLICATION, opId: `boot/${host.name}/${Date.now()}`, epoch: String(seen.maxEpoch ?? 0) });
  return true;
}

function resultOf(answer: HostAnswer): Observed {
  if (!answer.ok) throw new Error(answer.message);
  return answer.result;
}
