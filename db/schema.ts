/** Row types of every table, as Kysely sees them. The migrations make the tables; a test compares the two. */
import type { ColumnType, Generated } from 'kysely';
import type { Actor, ReleaseKind, Status } from '../domain/vocabulary.ts';
import type { PlannedOn } from '../domain/plan/plan-difference.ts';
import type { PastDay } from '../domain/simulation/paces.ts';
import type { Command, Refusal } from '../domain/release/commands.ts';
import type { Change, CoreEventData } from '../domain/release/events.ts';
import type { SettableOwner } from '../domain/flags.ts';
import type { DrainRefusal } from '../domain/operator-drain.ts';
import type { FindingAbout, RepairVerb } from '../domain/watchdog/finding.ts';
import type { Inventory } from '../domain/inventory.ts';
import type { HostVitals, Liveness, SeenInstall } from '../domain/liveness.ts';
import type { OutboxKind } from './outbox.ts';
import type { RollbackPlan } from '../domain/rollback-plan.ts';
import type { ReleaseState } from '../domain/release/state.ts';
import type { ObservedTraffic, TargetState } from '../domain/release/target.ts';

/** Written as JSON text, read parsed. The columns are `json`, not `jsonb`: bytes and order of members stay as written. */
type Json<T> = ColumnType<T, string, string>;
/** Written by the database's clock or as a Date, read as a Date. */
type Time = ColumnType<Date, Date | undefined, Date>;

export interface Schema {
  events: EventsTable;
  streams: StreamsTable;
  releases: ReleasesTable;
  release_targets: ReleaseTargetsTable;
  release_inventory: ReleaseInventoryTable;
  release_rollback_plans: ReleaseRollbackPlansTable;
  release_requests: ReleaseRequestsTable;
  pool_locks: PoolLocksTable;
  pool_queue: PoolQueueTable;
  host_locks: HostLocksTable;
  wanted_traffic: WantedTrafficTable;
  commands: CommandsTable;
  outbox: OutboxTable;
  idempotency: IdempotencyTable;
  tokens: TokensTable;
  inventory: InventoryTable;
  findings: FindingsTable;
  repairs: RepairsTable;
  plans: PlansTable;
  release_paces: ReleasePacesTable;
  host_flags: HostFlagsTable;
  flag_drains: FlagDrainsTable;
  drain_requests: DrainRequestsTable;
  host_sightings: HostSightingsTable;
  blocks: BlocksTable;
  host_liveness: HostLivenessTable;
  fleet_checks: FleetChecksTable;
  service_starts: ServiceStartsTable;
}

/** Append-only. `transaction` orders readers over all streams; it is the only column outside the hash. */
export interface EventsTable {
  position: Generated<number>;
  stream: string;
  version: number;
  id: string;
  type: string;
  schema: number;
  data: Json<unknown>;
  actor: Json<Actor>;
  at: string;
  hash: Buffer;
  transaction: string;
}

/** One row per stream: its last version and hash. Locking this row is what gives versions without gaps. */
export interface StreamsTable {
  stream: string;
  version: number;
  hash: Buffer;
  transaction: Generated<string>;
}

/** `core_version` is the stream version of the last core event folded. */
export interface ReleasesTable {
  id: string;
  kind: ReleaseKind;
  pool: string;
  environment: string;
  applications: string[];
  changes: Json<readonly Change[]>;
  status: Status;
  paused: boolean;
  requested_by: string;
  reason: string | null;
  created_at: string;
  finished_at: string | null;
  rollback_of: string | null;
  restore_from: string | null;
  epoch: number | null;
  core: Json<ReleaseState>;
  core_version: number;
}

/** `touched` once any step was begun on the target, in whatever round. */
export interface ReleaseTargetsTable {
  release: string;
  host: string;
  state: Json<TargetState>;
  version: number;
  touched: boolean;
}

export interface ReleaseInventoryTable {
  release: string;
  inventory: Json<Inventory>;
}

export interface ReleaseRollbackPlansTable {
  release: string;
  plan: Json<RollbackPlan>;
}

/** What the API accepted; `inventory` moves to release_inventory when the workflow opens the release. */
export interface ReleaseRequestsTable {
  id: string;
  request: Json<CoreEventData['release-requested']>;
  inventory: ColumnType<Inventory | null, string, string | null>;
  actor: Json<Actor>;
  at: string;
  opened: Generated<boolean>;
}

/** `holder` may be named before it has acquired: then its next acquirePool succeeds. */
export interface PoolLocksTable {
  pool: string;
  holder: string | null;
  epoch: number | null;
  since: Time;
}

export interface PoolQueueTable {
  release: string;
  pool: string;
  hosts: string[];
  priority: number;
  place: Generated<number>;
  superseded_by: string | null;
}

/** Never deleted: the epoch of a host only grows. */
export interface HostLocksTable {
  host: string;
  epoch: number;
  release: string | null;
}

export interface WantedTrafficTable {
  release: string;
  host: string;
  pool: string;
  server: string;
  epoch: number;
  wanted: Json<{ readonly admin: 'ready' | 'drain' | 'maint'; readonly weight: number | null }>;
  at: Time;
}

export interface CommandsTable {
  id: string;
  release: string;
  command: Json<Command>;
  state: 'accepted' | 'applied' | 'refused';
  refusal: ColumnType<Refusal | null, string | null | undefined, string | null>;
  settled_reason: string | null;
  new_release: string | null;
  at: string;
  settled_at: string | null;
}

export interface OutboxTable {
  id: Generated<number>;
  kind: OutboxKind;
  release: string;
  payload: Json<Readonly<Record<string, string>>>;
  attempts: Generated<number>;
  due_at: Time;
  claimed_until: ColumnType<Date | null, Date | null | undefined, Date | null>;
  error: string | null;
  delivered_at: ColumnType<Date | null, Date | null | undefined, Date | null>;
}

export interface IdempotencyTable {
  principal: string;
  key: string;
  route: string;
  body_hash: string;
  status: number | null;
  body: ColumnType<unknown, string | null | undefined, string | null>;
  created_at: Time;
}

export interface TokensTable {
  name: string;
  hash: string;
  created_at: Time;
  revoked_at: ColumnType<Date | null, Date | null | undefined, Date | null>;
}

/** `version` is the version of the stream `<kind>/<name>`. */
export interface InventoryTable {
  kind: string;
  name: string;
  spec: Json<unknown>;
  version: number;
  updated_at: string;
}

export interface FindingsTable {
  id: string;
  kind: string;
  subject: string;
  sentence: string;
  repair: string;
  matters: Generated<string>;
  verb: RepairVerb | null;
  about: Json<FindingAbout>;
  opened_at: Time;
  cleared_at: ColumnType<Date | null, Date | null | undefined, Date | null>;
}

/** `finding` may be cleared by the time it is settled; `about` is what it told then. */
export interface RepairsTable {
  id: string;
  finding: string;
  verb: RepairVerb;
  about: Json<FindingAbout>;
  reason: string;
  actor: Json<Actor>;
  at: string;
  state: Generated<'asked' | 'applied' | 'refused'>;
  outcome: string | null;
  settled_at: string | null;
}

/** `digest` names the plan: of `planned` as canonical JSON. */
export interface PlansTable {
  digest: string;
  planned: Json<PlannedOn>;
  expires_at: Date;
}

/** `past` null: nothing was done in this release. */
export interface ReleasePacesTable {
  release: string;
  past: Json<PastDay | null>;
}

/** `pool` '' = every pool of the host. A flag nobody ever set has no row and is up. */
export interface HostFlagsTable {
  host: string;
  owner: SettableOwner;
  pool: string;
  up: boolean;
  forced: boolean;
  reason: string;
  actor: Json<Actor>;
  since: string;
}

/** Servers that flags took out of traffic: without them each stands ready with this weight. `at`: drained, or last seen to be. */
export interface FlagDrainsTable {
  host: string;
  pool: string;
  server: string;
  weight: number | null;
  confirmed: Generated<boolean>;
  at: Time;
}

/** An operator's drain that keeps to the floor: only who sees the balancers can say whether it does. */
export interface DrainRequestsTable {
  id: string;
  host: string;
  pool: string;
  reason: string;
  actor: Json<Actor>;
  at: Time;
  state: Generated<'asked' | 'applied' | 'refused'>;
  refusal: ColumnType<DrainRefusal | null, string | null | undefined, string | null>;
  settled_at: ColumnType<Date | null, Date | null | undefined, Date | null>;
}

/** What a balancer showed of a host's server when it was last looked at. */
export interface HostSightingsTable {
  pool: string;
  host: string;
  server: string;
  traffic: Json<ObservedTraffic>;
  at: Time;
}

/** Kept after it was lifted, so that the last word on a package or application can be shown. */
export interface BlocksTable {
  kind: 'quarantine' | 'hold';
  name: string;
  pool: string;
  reason: string;
  release: string | null;
  by: Json<Actor>;
  since: string;
  lifted: ColumnType<{ readonly reason: string; readonly by: Actor; readonly at: string } | null, string | null, string | null>;
}

/** Times are those of the worker that looked. */
export interface HostLivenessTable {
  host: string;
  state: Liveness['state'];
  checked_at: string;
  seen_at: string | null;
  dead_since: string | null;
  message: string | null;
  vitals: ColumnType<HostVitals | null, string | null, string | null>;
  applications: Json<readonly SeenInstall[]>;
}

/** One look at every host. `asked_by` null: the schedule began it. */
export interface FleetChecksTable {
  id: string;
  asked_by: ColumnType<Actor | null, string | null, string | null>;
  reason: string | null;
  at: string;
  started_at: string | null;
  finished_at: string | null;
  hosts: Generated<number>;
  dead: Generated<number>;
  unjudged: Generated<number>;
}

/** A dead service was started again outside releases. `outcome`: why it did not start. `looked_at`: counts no more for whether it flaps. */
export interface ServiceStartsTable {
  id: string;
  host: string;
  application: string;
  epoch: number;
  at: Time;
  outcome: string | null;
  looked_at: ColumnType<Date | null, Date | null | undefined, Date | null>;
}
