/** The health port: is this application, on this host, serving this version, from a process started by this release. */
import type { ApplicationSpec, HealthCheck, HostSpec } from '../../domain/inventory.ts';
import type { ObservedProcess } from '../../domain/release/target.ts';
import type { Executor } from '../executors/port.ts';

export interface HealthCall {
  readonly executor: Executor;
  readonly host: HostSpec;
  readonly application: ApplicationSpec;
  /** already substituted */
  readonly check: HealthCheck;
  /** where people find the check: `health/0` of the application, `bastion.health/0` of the strategy */
  readonly place: string;
  /** the answer must name it when the check asks for a version echo; null = any */
  readonly expectedVersion: string | null;
  /** the process that start reported; another one, or none, is a failure. Null: any of the application will do; `none`: it has no process of its own */
  readonly process: ObservedProcess | null | 'none';
  /** common input of the host program: root, opId, epoch */
  readonly input: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/**
 * Why a check failed. Final at once: `process-exited`, `wrong-process`, `check-unsupported` (it can never pass as it is written) and
 * `missing-tools`. Said only at the deadline, for it may still heal: `health-timeout`, `wrong-version` and `port-taken` (another
 * process holds the port).
 */
export type UnhealthyCode = 'health-timeout' | 'process-exited' | 'wrong-process' | 'wrong-version' | 'port-taken' | 'check-unsupported' | 'missing-tools';

export type HealthVerdict =
  | { readonly healthy: true; readonly observedVersion: string | null; readonly probes: number }
  | { readonly healthy: false; readonly code: UnhealthyCode; readonly message: string; readonly observedVersion: string | null; readonly log: string };

export interface Health {
  readonly kind: string;
  /**
   * Probes until the check has passed for as long as it wants, its time is over, or no later probe can change anything
   * (domain/health/pace.ts). Throws what the executor throws.
   */
  verify(call: HealthCall): Promise<HealthVerdict>;
}
