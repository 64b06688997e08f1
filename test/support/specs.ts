/** What an inventory of a small pool is made of, for tests that need one and no store. */
import type { ApplicationSpec, HostSpec, Inventory, PackageSpec, PoolSpec, StrategySpec } from '../../domain/inventory.ts';

export const STRATEGY: StrategySpec = {
  name: 'standard',
  bastion: { count: 1, bakeSeconds: 0, promote: 'auto' },
  batches: { percent: [25], mode: 'barrier', by: 'spread', order: 'interleave', maxParallel: 10, bakeSeconds: 0, advance: 'auto' },
  tolerance: { perBatch: 0, total: 0 },
  onFailure: 'rollback',
  rollback: { on: ['bastion', 'tolerance'], mode: 'regular', batchPercent: null },
  postRelease: { watchSeconds: 0 },
  pause: { deadlineHours: 24, then: 'stay' },
  deadlines: { stepSeconds: 120, targetSeconds: 300, progressSeconds: 600, releaseSeconds: 14_400, rollbackSeconds: 3_600 },
};

export const APPLICATION: ApplicationSpec = {
  name: 'web',
  recipe: 'service',
  productLine: 'shop',
  owners: ['team-shop'],
  run: { command: ['./app', '-port', '${port}'], stopSignal: 'SIGTERM', stopTimeoutSeconds: 10, account: null, env: { GREETING: 'grüß dich 你好 \u2028' } },
  variables: {},
  health: [],
};

export function hostSpec(name: string): HostSpec {
  return { name, address: '127.0.0.1', zone: 'idc-a', labels: { 10: 'ten', 9: 'nine' }, executor: { driver: 'local', root: `/srv/${name}` }, variables: { port: '19001' } };
}

export function poolSpec(name: string, hosts: readonly string[]): PoolSpec {
  return { name, environment: 'prod', applications: ['web'], hosts, capacity: { minInServicePercent: 66 }, traffic: { driver: 'none' }, strategy: 'standard', busy: 'queue' };
}

export function packageSpec(version: string): PackageSpec {
  return { id: `web@${version}`, application: 'web', version, uri: `https://store.example/web-${version}.tar.gz`, sha256: 'a'.repeat(64), sizeBytes: 10, kind: 'full', source: { commit: null, build: null, branch: null } };
}

export function inventoryOf(pool: string, hosts: readonly string[]): Inventory {
  return { pool: poolSpec(pool, hosts), strategy: STRATEGY, applications: [APPLICATION], hosts: hosts.map(hostSpec), packages: [packageSpec('2')] };
}
