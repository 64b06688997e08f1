/**
 * What operators declare (fleet.yml, PUT /v1/...): parsed, with every default filled in. The API's schemas produce exactly these
 * values; nothing else validates them again. Units stand last in each name.
 */
import type { ExecutorSpec } from './executor-spec.ts';
import type { Composition } from './recipe/composition.ts';
import type { TrafficSpec } from './traffic-spec.ts';
import type { Step } from './vocabulary.ts';

/** An application: something built and versioned, and how one host runs it. */
export interface ApplicationSpec {
  readonly name: string;
  /** name of the composition of acts by which it is released: one that comes along, or one that people declared */
  readonly recipe: string;
  readonly productLine: string | null;
  readonly owners: readonly string[];
  readonly run: RunSpec;
  readonly variables: Variables;
  readonly health: readonly HealthCheck[];
  /** absent: none */
  readonly hooks?: readonly HookSpec[];
  /** steps on a target that leave behind what no rollback undoes; absent: none */
  readonly irreversible?: readonly Step[];
  /** the server of the host that serves its files; absent: the recipe has no `reload` */
  readonly reload?: ReloadSpec;
  /** jobs that cron starts; absent: the recipe has none */
  readonly schedule?: ScheduleSpec;
}

/** Entries in a crontab of the host. Only the lines between the markers of the application are ever changed there. */
export interface ScheduleSpec {
  /** absolute path on the host, such as `/etc/cron.d/reports`; `${name}` is substituted */
  readonly file: string;
  /** the user field of a system crontab; null: the file is one user's own and has no such field */
  readonly user: string | null;
  readonly entries: readonly ScheduleEntry[];
  /** how long a job that runs is waited for before the switch */
  readonly waitSeconds: number;
  /** one that runs still: the target fails and its entries are put back, or the job is ended by the stop rule of `run` */
  readonly then: 'fail' | 'end';
}

export interface ScheduleEntry {
  /** the five time fields of crontab(5), or one of its words such as `@daily` */
  readonly at: string;
  /** argv, run in the release folder without a shell, with the environment and the account of `run`; `${name}` is substituted */
  readonly command: readonly string[];
}

/** A server that Signalbox neither starts nor stops, and that must be told when other files are linked. */
export interface ReloadSpec {
  /** absolute path on the host; `${name}` is substituted */
  readonly pidFile: string;
  readonly signal: 'SIGHUP' | 'SIGUSR1' | 'SIGUSR2';
}

/** Before or after a step of a target, in either direction. */
export type HookPoint = `${'before' | 'after'}-${Step}`;

/** A program of the application, or of the host, that is run at one point of a target's way. `command` is argv, run in the linked release's folder without a shell. */
export interface HookSpec {
  readonly at: HookPoint;
  readonly command: readonly string[];
  /** it may be run again when it was cut off; else nobody but a person says whether it took effect */
  readonly idempotent: boolean;
  /** of one run; a longer one is ended and has failed */
  readonly timeoutSeconds: number;
  /** who runs it; null: the application's own account */
  readonly account: string | null;
  /** only on hosts that bear all of these labels, such as a machine type; absent: on every host */
  readonly labels?: Variables;
  /** what it does on the way forward cannot be undone; absent: it can, or a hook on the way back does so */
  readonly irreversible?: boolean;
  /** only before-drain: it is a question whether the host may be taken out now, asked on the way forward. Absent: it is no question */
  readonly notNow?: NotNowPolicy;
  /** asked on the host by GET instead of a command, which is then empty; only with `notNow`. Absent: the command is run */
  readonly url?: string;
}

/** What becomes of a host whose application asks to be left alone. `force`: it is taken out all the same; `hold`: the release waits for a person; `skip`: it is left out, as debt. */
export interface NotNowPolicy {
  readonly everySeconds: number;
  readonly atMostSeconds: number;
  readonly then: 'hold' | 'force' | 'skip';
}

/**
 * How the application is started and stopped. `command` is argv, run in the release folder without a shell; `${name}` is substituted. Empty
 * where the recipe starts no process.
 */
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

/** One check of a health list, of exactly one kind. All of a list must pass. What asks and what judges: domain/health/ and drivers/health/. */
export type HealthCheck = HttpCheck | TcpCheck | ProcessCheck | CommandCheck;
export type HealthKind = 'http' | 'tcp' | 'process' | 'command';

/** When and how often a check is asked. Members marked optional came later: the value named here stands where a captured check has none. */
export interface HealthPace {
  /** consecutive passes needed */
  readonly passes: number;
  readonly intervalMs: number;
  /** from the first probe until `passes` were seen in a row */
  readonly timeoutSeconds: number;
  /** every probe in this span must pass, counted from the first pass in a row; it may end after `timeoutSeconds`. Absent: 0 */
  readonly healthySeconds?: number;
  /** `after-admit`: asked once the host is back in service; failing takes it out again. Absent: `before-admit` */
  readonly when?: HealthMoment;
}

export type HealthMoment = 'before-admit' | 'after-admit';

export interface HttpCheck extends HealthPace {
  readonly http: HttpProbe;
}

/** Passes when the port takes a connection. */
export interface TcpCheck extends HealthPace {
  readonly tcp: TcpProbe;
}

/** Passes while the very process that this release started is alive. */
export interface ProcessCheck extends HealthPace {
  readonly process: Readonly<Record<string, never>>;
}

/** Passes when the command ends with 0. */
export interface CommandCheck extends HealthPace {
  readonly command: CommandProbe;
}

/**
 * Asked on the host itself, at the host's own address. The answer passes when its status is one of `status` and each of `body`, `json`
 * and `version` that is given agrees.
 */
export interface HttpProbe {
  readonly path: string;
  readonly port: string;
  readonly method: 'GET' | 'HEAD' | 'POST' | 'OPTIONS';
  /** absent: none */
  readonly headers?: Variables;
  readonly status: readonly number[];
  /** text that must stand in the body (the first 16 KiB of it); absent or null: any body */
  readonly body?: string | null;
  /** what stands in the JSON body at a dotted path, compared as text; absent or null: nothing is looked for */
  readonly json?: { readonly path: string; readonly equals: string } | null;
  /** where the answer echoes the released version: a dotted path into its JSON body */
  readonly version: { readonly json: string } | null;
  /** absent: `any` */
  readonly listener?: Listener;
}

export interface TcpProbe {
  readonly port: string;
  /** absent: `any` */
  readonly listener?: Listener;
}

/** `own`: the port must be held by the process this release started, or one that it started, where the host can see who holds it. */
export type Listener = 'own' | 'any';

/** argv, run without a shell as the application's account, with its environment, in its release folder on the host. */
export interface CommandProbe {
  readonly command: readonly string[];
  /** of one run; a longer one is ended and has failed */
  readonly timeoutSeconds: number;
}

export interface HostSpec {
  readonly name: string;
  readonly address: string;
  readonly zone: string;
  /** whose workers reach it, with the executor below; absent: any worker does */
  readonly site?: string;
  readonly labels: Variables;
  readonly executor: ExecutorSpec;
  readonly variables: Variables;
}

/** Members marked optional came later: a pool stored before them has none. */
export interface PoolSpec {
  readonly name: string;
  /** the pools that are released as one; hosts, applications, environment and traffic are then theirs, and `capacity` only shows the strictest of them. Absent: a pool of its own */
  readonly joins?: readonly string[];
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

/** Members marked optional came later: a strategy captured before them has none, and then the value named here stands. */
export interface StrategySpec {
  readonly name: string;
  readonly bastion: BastionPolicy;
  /** a person says that the proven bastion may join, by `approve`, or takes the release back by `reject`; absent or null: nobody is asked */
  readonly signOff?: 'after-bastion' | null;
  readonly batches: BatchPolicy;
  readonly tolerance: Tolerance;
  readonly onFailure: OnFailure;
  /** from this share of the pool on, no more than so many failures ask a person instead of undoing what is finished; absent or null: never */
  readonly late?: LatePolicy | null;
  readonly rollback: RollbackPolicy;
  readonly postRelease: { readonly watchSeconds: number };
  readonly pause: { readonly deadlineHours: number; readonly then: 'stay' | 'rollback' | 'abort' };
  readonly deadlines: Deadlines;
}

/** What the brake leads to. `ask` pauses and wants an answer for each failed target. */
export type OnFailure = 'rollback' | 'hold' | 'ask';

/** Failed targets allowed before the brake speaks. `consecutive`: one after the other in the order they ended; absent or null: not counted. */
export interface Tolerance {
  readonly perBatch: number;
  readonly total: number;
  readonly consecutive?: number | null;
}

/** One flap near the end must not undo a pool: so a failure is asked about once `afterPercent` of the pool has finished, unless there are more than `failuresMax`. */
export interface LatePolicy {
  readonly afterPercent: number;
  readonly failuresMax: number;
}

/**
 * Which hosts prove the build. The first that is given chooses: `hosts` by name, `label` (every label must match), else the first in
 * order; `count` of them. In the environments of `skipIn` there is no bastion.
 */
export interface BastionPolicy {
  readonly count: number;
  readonly hosts?: readonly string[];
  readonly label?: Variables | null;
  readonly skipIn?: readonly string[];
  readonly bakeSeconds: number;
  readonly promote: 'auto' | 'manual';
  /** the bastion's own test list, asked besides the applications' before it joins; absent: none */
  readonly health?: readonly HealthCheck[];
}

/**
 * How the rest of the pool is cut. Exactly one of `percent` (of the whole pool: one repeats, several add up to 100), `count` (the last
 * repeats) and `hosts` (what no list names comes after them) is not empty.
 */
export interface BatchPolicy {
  readonly percent: readonly number[];
  readonly count?: readonly number[];
  readonly hosts?: readonly (readonly string[])[];
  /** `barrier`: a batch ends before the next begins; `window`: the next host begins as soon as one has ended; batches give the width */
  readonly mode: BatchMode;
  /** `zone`: one zone after the other, in declared order */
  readonly by: 'spread' | 'zone';
  /** instead of `bakeSeconds` after the last batch of the first zone; absent or null: no difference */
  readonly firstZoneBakeSeconds?: number | null;
  readonly order: HostOrder;
  readonly maxParallel: number;
  readonly bakeSeconds: number;
  /** rest after the bake, before the next batch begins; absent: 0 */
  readonly pauseSeconds?: number;
  /** one longer rest, after the first batch with which this share of the pool is done; `seconds` null waits for a person */
  readonly pauseOnce?: { readonly afterPercent: number; readonly seconds: number | null } | null;
  /** `ignored`: a host that does not become healthy is noted and admitted nevertheless; absent: `required` */
  readonly verification?: Verification;
  readonly advance: 'auto' | 'manual';
  readonly each?: readonly BatchOverride[];
}

export type BatchMode = 'barrier' | 'window';
export type HostOrder = 'interleave' | 'list' | 'unhealthy-first' | 'unhealthy-last';
export type Verification = 'required' | 'ignored';

/** Other values for one batch; `index` counts as the plan does, the bastion's batch is 0. Of `percent` and `count` at most one. */
export interface BatchOverride {
  readonly index: number;
  readonly percent?: number;
  readonly count?: number;
  readonly mode?: BatchMode;
  readonly bakeSeconds?: number;
  readonly pauseSeconds?: number;
  readonly advance?: 'auto' | 'manual';
  readonly verification?: Verification;
  /** failed targets allowed in this batch */
  readonly tolerance?: number;
}

/**
 * `on: []` = never by itself. `to`: a version, or `application@version`, that touched hosts are brought to (see strategy-way-back.ts);
 * absent: what each ran before. `batchPercent` null = max(largest rollout batch, 33).
 */
export interface RollbackPolicy {
  readonly on: readonly ('bastion' | 'tolerance')[];
  readonly mode: RollbackMode;
  readonly to?: string;
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

/**
 * The part of the inventory one release runs on, captured when it is requested and never read again from the live tables. Members marked
 * optional came later: an inventory captured before has none.
 */
export interface Inventory {
  readonly pool: PoolSpec;
  readonly strategy: StrategySpec;
  readonly applications: readonly ApplicationSpec[];
  readonly hosts: readonly HostSpec[];
  readonly packages: readonly PackageSpec[];
  /** compositions of the applications' recipes; absent: all are plain services */
  readonly recipes?: readonly Composition[];
  /** other pools whose floor counts: those the pool joins, and those that share a host with it */
  readonly members?: readonly MemberPool[];
  /** only in inventories captured by earlier builds: pools behind another entry that serve from hosts of this pool, which nothing takes out there */
  readonly undrained?: readonly SharedHosts[];
}

/** A pool whose floor counts in a release of another one. `hosts`: all of them, in declared order. */
export interface MemberPool {
  readonly name: string;
  readonly hosts: readonly string[];
  readonly minInServicePercent: number;
  /** where its hosts serve; absent: at the entry of the pool that is released */
  readonly traffic?: TrafficSpec;
}

export interface SharedHosts {
  readonly pool: string;
  /** that both pools have */
  readonly hosts: readonly string[];
}
