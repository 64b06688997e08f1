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
  /** the answer must name it when the check asks for a version echo; null = any */
  readonly expectedVersion: string | null;
  /** the process that start reported; another one, or none, is a failure */
  readonly process: ObservedProcess | null;
  /** common input of the host program: root, opId, epoch */
  readonly input: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

export type HealthVerdict =
  | { readonly healthy: true; readonly observedVersion: string | null; readonly probes: number }
  | { readonly healthy: false; readonly code: 'health-timeout' | 'process-exited' | 'wrong-process' | 'wrong-version'; readonly message: string; readonly observedVersion: string | null; readonly log: string };

export interface Health {
  readonly kind: string;
  /** Probes until `passes` in a row, or the check's timeout, or the process is gone. Throws what the executor throws. */
  verify(call: HealthCall): Promise<HealthVerdict>;
}
