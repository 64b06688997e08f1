/** Three small pools on this machine, each behind an HAProxy of its own, and what Signalbox is told of them. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { capacityFloor } from '../../domain/plan/capacity.ts';
import { BACKEND } from '../../examples/demo/haproxy.ts';
import { freePorts } from '../../stack/ports.ts';
import type { PoolFacts } from './checker/record.ts';

export interface ChaosHost {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly root: string;
}

export interface ChaosPool extends PoolFacts {
  readonly application: string;
  readonly machines: readonly ChaosHost[];
}

/** hosts of each pool */
const SIZES = [4, 4, 3] as const;
const MIN_IN_SERVICE_PERCENT = 50;
/** The strategy whose bastion bakes until somebody ends the release. */
export const LONG_BAKE = 'chaos-long-bake';

export async function layOut(folder: string): Promise<readonly ChaosPool[]> {
  const ports = await freePorts(SIZES.reduce((sum, size) => sum + size, 0));
  let next = 0;
  return SIZES.map((size, index) => {
    const pool = `pool-${index + 1}`;
    const machines = Array.from({ length: size }, (_, at) => {
      const name = `p${index + 1}-h${at + 1}`;
      const root = join(folder, 'hosts', name);
      mkdirSync(root, { recursive: true });
      return { name, address: '127.0.0.1', port: ports[next++] ?? 0, root };
    });
    return { pool, application: `app-${index + 1}`, machines, hosts: machines.map(({ name }) => name), floor: capacityFloor(MIN_IN_SERVICE_PERCENT, size) };
  });
}

/** Where a pool's balancer listens for Signalbox: its socket, or an address. */
export type RuntimePlace = { readonly socket: string; readonly address: null } | { readonly socket: null; readonly address: string };

/** Waits are as short as they may be: a round is to meet many steps. */
export function documentsOf({ pool, application, machines, hosts }: ChaosPool, place: RuntimePlace, witnessFolder: string): readonly object[] {
  return [
    {
      kind: 'Application', name: application, recipe: 'service', owners: ['chaos'],
      run: { command: ['${node}', 'app.cjs', '-port', '${port}'], stopSignal: 'SIGTERM', stopTimeoutSeconds: 2, env: { HOST_NAME: '${host.name}', WITNESS: join(witnessFolder, '${host.name}') } },
      variables: { node: process.execPath },
      health: [{ http: { path: '/health', port: '${port}', status: [200], version: { json: 'version' } }, passes: 2, intervalMs: 100, timeoutSeconds: 3 }],
    },
    ...machines.map(({ name, address, port, root }) => ({ kind: 'Host', name, address, zone: 'idc-a', executor: { driver: 'local', root }, variables: { port: String(port) } })),
    {
      kind: 'Pool', name: pool, environment: 'prod', applications: [application], hosts, capacity: { minInServicePercent: MIN_IN_SERVICE_PERCENT },
      traffic: { driver: 'haproxy', ...place, backend: BACKEND, server: '${host.name}', drainTimeoutSeconds: 5 }, strategy: 'chaos', busy: 'queue',
    },
    strategyOf('chaos', 0),
    strategyOf(LONG_BAKE, 3_600),
  ];
}

function strategyOf(name: string, bakeSeconds: number): object {
  return {
    kind: 'Strategy', name, bastion: { count: 1, bakeSeconds, promote: 'auto' }, batches: { percent: [33], bakeSeconds: 0 },
    tolerance: { perBatch: 0, total: 0 }, onFailure: 'rollback', rollback: { on: ['bastion', 'tolerance'], mode: 'regular' }, postRelease: { watchSeconds: 0 },
  };
}
