/** The executor port: how a verb of the host program reaches a host. One driver per way; all pass test/drivers/executors/conformance.ts. */
import type { HostSpec } from '../../domain/inventory.ts';

export type HostVerb = 'observe' | 'fence' | 'fetch' | 'unpack' | 'configure' | 'stop' | 'switch' | 'start' | 'reload' | 'schedule' | 'verify' | 'check' | 'hook' | 'restore' | 'clean';

/** Names are `[a-z][A-Za-z0-9]*`; values any text: the driver percent-encodes them for the host program's stdin. */
export type HostInput = Readonly<Record<string, string>>;

/**
 * The host program's one JSON line. `repeated`: the opId was done before and nothing was acted now.
 * An `ok: false` answer is the host speaking; `error` is a stable kebab-case code (host/README.md lists them).
 */
export type HostAnswer =
  | { readonly ok: true; readonly repeated: boolean; readonly result: Readonly<Record<string, unknown>> }
  | { readonly ok: false; readonly error: string; readonly message: string; readonly detail: Readonly<Record<string, unknown>> };

export interface RunOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

export interface Executor {
  readonly driver: string;
  /**
   * Runs one verb and waits for its answer. The same opId may be sent again after any error: the journal on the host makes the
   * effect happen once. Throws HostUnreachable when the host did not answer within timeoutMs or answered garbage, and
   * ExecutorDown when the executor's own plane (not the host) is away. Abort by `signal` ends the call, not the work on the host.
   */
  run(host: HostSpec, verb: HostVerb, input: HostInput, options: RunOptions): Promise<HostAnswer>;
}

export class HostUnreachable extends Error {
  override readonly name = 'HostUnreachable';
  readonly host: string;
  constructor(host: string, message: string) {
    super(message);
    this.host = host;
  }
}

export class ExecutorDown extends Error {
  override readonly name = 'ExecutorDown';
  /** what is away, as a release says that it waits for it */
  readonly plane: string;
  constructor(message: string, plane = 'the executor') {
    super(message);
    this.plane = plane;
  }
}
