/** Hosts in three zones on this machine, eight unless said, and everything Signalbox is told about them. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePorts, isFree } from '../../stack/ports.ts';
import { BACKEND, HEALTH_PATH } from './haproxy.ts';
import { get } from './traffic.ts';

export const POOL = 'web-prod';
export const APPLICATION = 'web';

export interface FleetHost {
  readonly name: string;
  readonly zone: string;
  readonly address: string;
  readonly port: number;
}

export interface Fleet {
  readonly hosts: readonly FleetHost[];
  readonly balancerPort: number;
  /** holds one folder per host: releases, journal, logs */
  readonly folder: string;
}

const HOSTS = 8;
const ZONES = ['idc-a', 'idc-b', 'idc-c'] as const;
const ADDRESS = '127.0.0.1';

/** The fleet of the last start with the ports it had (they are in its inventory), or a new one of so many hosts. Throws when a port was taken meanwhile. */
export async function openFleet(folder: string, hosts = HOSTS): Promise<Fleet> {
  const file = join(folder, 'fleet.json');
  const fleet = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Fleet) : await newFleet(join(folder, 'fleet'), hosts);
  for (const port of [fleet.balancerPort, ...fleet.hosts.map((host) => host.port)]) {
    if (!(await isFree(port))) throw new Error(`Port ${port} of the demo fleet is now used by another program. End that program, or start on another folder with --data DIR.`);
  }
  mkdirSync(fleet.folder, { recursive: true });
  writeFileSync(`${file}.new`, JSON.stringify(fleet, null, 2));
  renameSync(`${file}.new`, file);
  return fleet;
}

async function newFleet(folder: string, count: number): Promise<Fleet> {
  const [balancerPort = 0, ...ports] = await freePorts(count + 1);
  const hosts = ports.map((port, index) => ({ name: `demo-${String(index + 1).padStart(2, '0')}`, zone: ZONES[index % ZONES.length] ?? ZONES[0], address: ADDRESS, port }));
  return { hosts, balancerPort, folder };
}

/** Folder of one host: what its executor calls root. */
export function rootOf(fleet: Fleet, host: FleetHost): string {
  return join(fleet.folder, host.name);
}

/** The declarative documents of the fleet, as `signalbox apply` would send them. Waits are short: it is a demonstration. */
export function fleetDocuments(fleet: Fleet, socket: string): readonly object[] {
  return [
    {
      kind: 'Application',
      name: APPLICATION,
      recipe: 'service',
      owners: ['demo'],
      run: { command: ['${node}', 'app.cjs', '-port', '${port}'], stopSignal: 'SIGTERM', stopTimeoutSeconds: 5, env: { HOST_NAME: '${host.name}' } },
      variables: { node: process.execPath },
      health: [{ http: { path: HEALTH_PATH, port: '${port}', status: [200], version: { json: 'version' } }, passes: 2, intervalMs: 200, timeoutSeconds: 6 }],
    },
    ...fleet.hosts.map((host) => ({
      kind: 'Host',
      name: host.name,
      address: host.address,
      zone: host.zone,
      executor: { driver: 'local', root: rootOf(fleet, host) },
      variables: { port: String(host.port) },
    })),
    {
      kind: 'Pool',
      name: POOL,
      environment: 'prod',
      applications: [APPLICATION],
      hosts: fleet.hosts.map((host) => host.name),
      capacity: { minInServicePercent: 66 },
      traffic: { driver: 'haproxy', socket, backend: BACKEND, server: '${host.name}', drainTimeoutSeconds: 10 },
      strategy: 'demo',
      busy: 'queue',
    },
    {
      kind: 'Strategy',
      name: 'demo',
      bastion: { count: 1, bakeSeconds: 2, promote: 'auto' },
      batches: { percent: [25], bakeSeconds: 1 },
      tolerance: { perBatch: 0, total: 0 },
      onFailure: 'rollback',
      rollback: { on: ['bastion', 'tolerance'], mode: 'regular' },
      postRelease: { watchSeconds: 1 },
    },
  ];
}

/** What a host's application says of itself, asked directly and not through Signalbox; null when it does not answer. */
export interface HostAnswer {
  readonly version: string;
  readonly pid: number;
}

export async function askHosts(fleet: Fleet): Promise<Readonly<Record<string, HostAnswer | null>>> {
  const answers = await Promise.all(fleet.hosts.map(async (host) => [host.name, await askHost(host)] as const));
  return Object.fromEntries(answers);
}

async function askHost(host: FleetHost): Promise<HostAnswer | null> {
  try {
    const { status, body } = await get(`http://${host.address}:${host.port}/`, 2_000);
    return status === 200 ? (JSON.parse(body) as HostAnswer) : null;
  } catch {
    return null;
  }
}
