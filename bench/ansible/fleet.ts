/** The fleet both sides release: 24 real processes behind a real HAProxy, the same configuration for each, and users who ask all the time. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { prepareBalancer, programOnPath, type Balancer } from '../../examples/demo/balancer.ts';
import { BACKEND } from '../../examples/demo/haproxy.ts';
import { get, Traffic } from '../../examples/demo/traffic.ts';
import { endProcessesIn, type Ending } from '../../stack/children.ts';
import { freePorts } from '../../stack/ports.ts';
import type { Guard } from '../../stack/guard.ts';
import type { Supervisor } from '../../stack/supervisor.ts';

export const HOSTS = 24;
/** With 24 hosts: one bastion, then 6, 6, 6 and 5. */
export const BATCH_PERCENT = 25;
export const DRAIN_TIMEOUT_SECONDS = 10;
export const REQUESTS_PER_SECOND = 200;
/** The whole health rule: one answer of 200 to this path that names the version. */
export const HEALTH_PATH = '/health';
export const HEALTH_INTERVAL_MS = 200;

export interface FleetHost {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly root: string;
}

export interface Fleet {
  readonly hosts: readonly FleetHost[];
  readonly balancer: Balancer;
  readonly backend: string;
  /** ends when HAProxy has every host in service and every host answers `version` */
  readonly runs: (version: string) => Promise<void>;
  readonly startTraffic: () => Traffic;
  readonly end: () => Promise<void>;
}

export interface FleetOptions {
  readonly folder: string;
  readonly guard: Guard;
  readonly supervisor: Supervisor;
}

const APPLICATION_ENDING: Ending = { signal: 'SIGTERM', timeoutMs: 5_000 };
const ADDRESS = '127.0.0.1';
const SETTLE_TIMEOUT_MS = 30_000;

/** Empty machines and a balancer that waits for them. Throws when there is no HAProxy: its place cannot be taken here. */
export async function openFleet({ folder, guard, supervisor }: FleetOptions): Promise<Fleet> {
  const haproxy = programOnPath('haproxy');
  if (haproxy === null) throw new Error('HAProxy is not installed; both sides are measured behind it. Install haproxy and start the bench again.');
  const [balancerPort = 0, ...ports] = await freePorts(HOSTS + 1);
  const hosts = ports.map((port, index) => {
    const name = `bench-${String(index + 1).padStart(2, '0')}`;
    return { name, address: ADDRESS, port, root: join(folder, 'hosts', name) };
  });
  for (const { root } of hosts) mkdirSync(root, { recursive: true });
  guard.watchFolder(join(folder, 'hosts'), APPLICATION_ENDING);
  const balancer = prepareBalancer({ folder, port: balancerPort, servers: hosts, haproxy });
  await supervisor.start(balancer.service);
  return {
    hosts,
    balancer,
    backend: BACKEND,
    runs: async (version) => void (await Promise.all(hosts.map((host) => answers(host, version)))),
    startTraffic: () => new Traffic({ url: balancer.url, perSecond: REQUESTS_PER_SECOND }),
    end: async () => void (await endProcessesIn(join(folder, 'hosts'), APPLICATION_ENDING)),
  };
}

async function answers({ name, address, port }: FleetHost, version: string): Promise<void> {
  const deadline = Date.now() + SETTLE_TIMEOUT_MS;
  let seen = 'nothing';
  while (Date.now() < deadline) {
    try {
      seen = (await get(`http://${address}:${port}${HEALTH_PATH}`, 2_000)).body;
      if ((JSON.parse(seen) as { readonly version: string }).version === version) return;
    } catch (error) {
      seen = (error as Error).message;
    }
    await delay(50);
  }
  throw new Error(`${name} does not run ${version} after its release: ${seen.trim()}`);
}
