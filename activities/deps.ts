/** What activities are given by the worker: the database and ports, never a concrete driver. */
import type { Database } from '../db/client.ts';
import type { HostSpec, PackageSpec } from '../domain/inventory.ts';
import type { TrafficSpec } from '../domain/traffic-spec.ts';
import type { Executor } from '../drivers/executors/port.ts';
import type { Health } from '../drivers/health/port.ts';
import type { PackageStore } from '../drivers/packages/port.ts';
import type { Traffic } from '../drivers/traffic/port.ts';
import type { ReleaseFacts } from './facts.ts';

export interface ActivityDeps {
  readonly db: Database;
  readonly facts: ReleaseFacts;
  readonly executorFor: (host: HostSpec) => Executor;
  /** SHA-256 of the host program that the worker brings to hosts; null: nothing is compared with it */
  readonly hostProgram: string | null;
  readonly trafficFor: (spec: TrafficSpec) => Traffic;
  readonly health: Health;
  readonly storeFor: (spec: PackageSpec) => PackageStore;
  /** runs `work` in one of the bounded places for hosts that fetch at the same time */
  readonly fetching: <T>(signal: AbortSignal, work: () => Promise<T>) => Promise<T>;
}
