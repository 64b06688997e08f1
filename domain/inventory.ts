/**
 * What operators declare (fleet.yml, PUT /v1/...): parsed, with every default filled in. The API's schemas produce exactly these
 * values; nothing else validates them again. Units stand last in each name.
 */

/** An application: something built and versioned, and how one host runs it. */
export interface ApplicationSpec {
  readonly name: string;
  readonly recipe: 'service';
  readonly productLine: string | null;
  readonly owners: readonly string[];
  readonly run: RunSpec;
  readonly variables: Variables;
  readonly health: readonly HealthCheck[];
}

/** How the application is started and stopped. `command` is argv, run in the release folder without a shell; `${name}` is substituted. */
export interface RunSpec {
  readonly command: readonly string[];
  readonly stopSignal: 'SIGTERM' | 'SIGINT' | 'SIGQUIT' | 'SIGHUP' | 'SIGUSR1' | 'SIGUSR2' | 'SIGKILL';
  readonly stopTimeoutSeconds: number;
  /** account that runs it; null = the executor's own */
  readonly account: string | null;
  /** the whole environment besides PATH, HOME and LANG */
  readonly env: Variables;
}

export type Variables = Readonly<Record<string, string>>;

/** One check of an application's own health list. All must pass. */
export interface HealthCheck {
  readonly http: HttpProbe;
  /** consecutive passes needed */
  readonly passes: number;
  readonly intervalMs: number;
  /** from the first probe to the verdict */
  readonly timeoutSeconds: number;
}

/** `version` names where the answer echoes the released version: a dotted path into its JSON body. */
export interface HttpProbe {
  readonly path: string;
  readonly port: string;
  readonly method: 'GET' | 'HEAD';
  readonly status: readonly number[];
  readonly version: { readonly json: string } | null;
}

export interface HostSpec {
  readonly name: string;
  readonly address: string;
  readonly zone: string;
  readonly labels: Variables;
  readonly executor: ExecutorSpec;
  readonly variables: Variables;
}

/** `root` is the folder on the host in which Signalbox keeps releases, journal and logs. */
export interface ExecutorSpec {
  readonly driver: 'local';
  readonly root: string;
}

export interface PoolSpec {
  readonly name: string;
  readonly environment: string;
  readonly applications: readonly string[];
  readonly hosts: readonly string[];
  readonly capacity: { readonly minInServicePercent: number };
  readonly traffic: TrafficSpec;
  readonly strategy: string;
  readonly busy: Busy;
}

/** What a second release does while one has the pool. `supersede` ends queued releases only. */
export type Busy = 'reject' | 'queue' | 'supersede';

export type TrafficSpec = HaproxySpec | { readonly driver: 'none' };

/** HAProxy's runtime API: `socket` is a unix socket path, or `address` is host:port of the same API over TCP. Exactly one is set. */
export interface HaproxySpec {
  readonly driver: 'haproxy';
  readonly socket: string | null;
  readonly address: string | null;
  readonly backend: string;
  /** server name per host, `${host.name}` substituted */
  readonly server: string;
  readonly drainTimeoutSeconds: number;
}

export interface StrategySpec {
  readonly name: string;
  readonly bastion: { readonly count: number; readonly bakeSeconds: number; readonly promote: 'auto' | 'manual' };
  readonly batches: BatchPolicy;
  readonly tolerance: { readonly perBatch: number; readonly total: number };
  readonly onFailure: 'rollback' | 'hold';
  readonly rollback: RollbackPolicy;
  readonly postRelease: { readonly watchSeconds: number };
  readonly pause: { readonly deadlineHours: number; readonly then: 'stay' | 'rollback' | 'abort' };
  readonly deadlines: Deadlines;
}

/** `percent` of the whole pool: one number repeats, several add up to 100. */
export interface BatchPolicy {
  readonly percent: readonly number[];
  readonly mode: 'barrier';
  readonly by: 'spread';
  readonly order: 'interleave';
  readonly maxParallel: number;
  readonly bakeSeconds: number;
  readonly advance: 'auto' | 'manual';
}

/** `on: []` = never by itself. `batchPercent` null = max(largest rollout batch, 33). */
export interface RollbackPolicy {
  readonly on: readonly ('bastion' | 'tolerance')[];
  readonly mode: RollbackMode;
  readonly batchPercent: number | null;
}

/** `regular`: batches, verify, bake. `emergency`: the widest batches that keep the floor, no bake. */
export type RollbackMode = 'regular' | 'emergency';

export interface Deadlines {
  readonly stepSeconds: number;
  readonly targetSeconds: number;
  readonly progressSeconds: number;
  readonly releaseSeconds: number;
  readonly rollbackSeconds: number;
}

/** An immutable version of an application. `id` is `<application>@<version>`. */
export interface PackageSpec {
  readonly id: string;
  readonly application: string;
  readonly version: string;
  readonly uri: string;
  /** lower-case hex */
  readonly sha256: string;
  readonly sizeBytes: number | null;
  readonly kind: 'full';
  readonly source: { readonly commit: string | null; readonly build: string | null; readonly branch: string | null };
}

/** The part of the inventory one release runs on, captured when it is requested and never read again from the live tables. */
export interface Inventory {
  readonly pool: PoolSpec;
  readonly strategy: StrategySpec;
  readonly applications: readonly ApplicationSpec[];
  readonly hosts: readonly HostSpec[];
  readonly packages: readonly PackageSpec[];
}
