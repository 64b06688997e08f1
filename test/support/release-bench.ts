/** A running Signalbox around fakes at its edges: real Postgres, real Temporal, real worker; hosts, balancer and health in memory. */
import './quiet-runtime.ts';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { pino } from 'pino';
import { randomBytes } from 'node:crypto';
import { openDatabase } from '../../db/client.ts';
import { acceptCommand, getReceipt } from '../../db/commands.ts';
import { getRelease } from '../../db/queries.ts';
import { createReleaseRequest } from '../../db/requests.ts';
import { releaseView } from '../../domain/release/view.ts';
import { effectiveStrategy } from '../../domain/release-kind.ts';
import { isTerminal } from '../../domain/vocabulary.ts';
import { startDispatcher } from '../../worker/dispatcher.ts';
import { createReleaseWorker } from '../../worker/release-worker.ts';
import { STRATEGY } from '../domain/release/simulated-release.ts';
import { createFakeFleet, digestOf } from './fake-fleet.ts';
import { createFakeHealth } from './fake-health.ts';
import { createFakeTraffic } from './fake-traffic.ts';
import { createTestDatabase } from './postgres.ts';
import { devServer } from './temporal.ts';
import type { Database } from '../../db/client.ts';
import type { Receipt } from '../../db/commands.ts';
import type { ApplicationSpec, HealthCheck, HookSpec, HostSpec, Inventory, MemberPool, StrategySpec } from '../../domain/inventory.ts';
import type { TrafficSpec } from '../../domain/traffic-spec.ts';
import type { Command } from '../../domain/release/commands.ts';
import type { Choice, CoreEventData } from '../../domain/release/events.ts';
import type { ReleaseView } from '../../domain/release/view.ts';
import type { HostAnswer } from '../../drivers/executors/port.ts';
import type { HealthVerdict } from '../../drivers/health/port.ts';
import type { ObservedTraffic } from '../../domain/release/target.ts';
import type { ReleaseKind } from '../../domain/vocabulary.ts';
import type { Planned } from './fault-script.ts';
import type { FakeTraffic } from './fake-traffic.ts';

export interface Faults {
  readonly executor?: readonly Planned<HostAnswer>[];
  readonly health?: readonly Planned<HealthVerdict>[];
  readonly traffic?: readonly Planned<ObservedTraffic>[];
}

export interface Asked {
  readonly version?: string;
  readonly strategy?: Partial<StrategySpec>;
  readonly busy?: 'reject' | 'queue' | 'supersede';
  readonly kind?: ReleaseKind;
  /** hosts of the pool; default: all of the bench */
  readonly hosts?: readonly string[];
  /** names of the pools that the bench's pool joins, and all that count beside it */
  readonly joins?: readonly string[];
  readonly members?: readonly MemberPool[];
  /** of a scale-out that was made for them */
  readonly joined?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly rollbackOf?: string;
  /** digest of a plan that the release follows or does not start */
  readonly plan?: string;
  readonly applications?: readonly string[];
  /** health list of every application */
  readonly health?: readonly HealthCheck[];
  /** hooks of every application */
  readonly hooks?: readonly HookSpec[];
}

export const FAST: StrategySpec = {
  ...STRATEGY,
  bastion: { count: 1, bakeSeconds: 0, promote: 'auto' },
  batches: { ...STRATEGY.batches, bakeSeconds: 0 },
  postRelease: { watchSeconds: 0 },
};

/** Servers other than those of the test run, for scripts that run without one. */
export interface BenchServers {
  readonly address: string;
  readonly namespace: string;
  readonly bundle: string;
  readonly postgresUrl: string;
}

export async function openBench(hostCount: number, faults: Faults = {}, applications: readonly string[] = ['web'], servers?: BenchServers) {
  const { address, namespace, bundle } = servers ?? devServer();
  const database = await createTestDatabase(servers?.postgresUrl);
  const db = openDatabase({ url: database.serviceUrl, applicationName: 'bench' });
  const log = pino({ level: 'silent' });
  const connection = await NativeConnection.connect({ address });
  const clientConnection = await Connection.connect({ address });
  const client = new Client({ connection: clientConnection, namespace });
  const taskQueue = `test-${randomBytes(6).toString('hex')}`;
  const names = Array.from({ length: hostCount }, (_, index) => `web-${String(index + 1).padStart(2, '0')}`);
  const fleet = createFakeFleet(names, 'v1', faults.executor);
  const traffic = createFakeTraffic(names, faults.traffic);
  const { trafficFor, entry } = entriesBeside(traffic);
  const health = createFakeHealth(faults.health);
  const worker = await createReleaseWorker({
    config: { namespace, taskQueue, workflowBundle: bundle, stores: [], fetchesMax: 10, sshAgent: null },
    db, connection, log,
    activityDeps: {
      executorFor: () => fleet.executor,
      trafficFor,
      health,
      storeFor: () => ({ driver: 'fake', schemes: ['http'], inspect: async () => ({ sizeBytes: null }) }),
    },
  });
  const running = worker.run();
  const dispatcher = startDispatcher({ db, client, taskQueue, databaseUrl: database.serviceUrl, log });
  const view = async (id: string): Promise<ReleaseView> => {
    const folded = await getRelease(db, id);
    if (folded === null) throw new Error(`no release ${id}`);
    return releaseView(folded);
  };
  const until = async (id: string, done: (release: ReleaseView) => boolean, what = 'the condition'): Promise<ReleaseView> => {
    const deadlineMs = Date.now() + 40_000;
    for (;;) {
      const now = await view(id);
      if (done(now)) return now;
      if (Date.now() > deadlineMs) throw new Error(`${what} was not met; the release is ${JSON.stringify(now, null, 1).slice(0, 3000)}`);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  return {
    db, client, fleet, traffic, health, names, taskQueue, worker, database, view, until, entry,
    /** asks for a release and answers its id */
    release: async (asked: Asked = {}): Promise<string> => {
      const id = `r-${randomBytes(6).toString('hex')}`;
      const inventory = inventoryOf(asked.hosts ?? names, asked, asked.applications ?? applications);
      await createReleaseRequest(db, { id, request: requestOf(id, inventory, asked), inventory, actor: { kind: 'token', name: 'ci' } });
      return id;
    },
    ended: (id: string) => until(id, ({ status }) => isTerminal(status), 'the end'),
    /** sends a command and waits for its receipt */
    send: async (release: string, type: Command['type'], more: { readonly mode?: 'regular' | 'emergency'; readonly targets?: readonly string[]; readonly choices?: Readonly<Record<string, Choice>>; readonly to?: number; readonly acrossIrreversible?: true } = {}) => {
      const base = { id: `c-${randomBytes(6).toString('hex')}`, by: { kind: 'token', name: 'op' }, reason: 'test' } as const;
      const command: Command = type === 'rollback' ? { ...base, type, mode: more.mode ?? null, ...(more.acrossIrreversible === undefined ? {} : { acrossIrreversible: true }) } : type === 'retry' || type === 'skip' ? { ...base, type, targets: more.targets ?? null } : type === 'answer' ? { ...base, type, choices: more.choices ?? {} } : type === 'jump' ? { ...base, type, to: more.to ?? 2 } : { ...base, type };
      await acceptCommand(db, { command, release });
      return settled(db, command);
    },
    close: async () => {
      await dispatcher.stop();
      worker.shutdown();
      await running;
      await connection.close();
      await clientConnection.close();
      await db.close();
      await database.drop();
    },
  };
}

/** `entry` makes a further backend with these servers; every backend that was not made is the bench's own. */
function entriesBeside(own: FakeTraffic) {
  const further = new Map<string, FakeTraffic>();
  return {
    trafficFor: (spec: TrafficSpec): FakeTraffic => (spec.driver === 'haproxy' ? (further.get(spec.backend) ?? own) : own),
    entry: (backend: string, servers: readonly string[], planned: Faults['traffic'] = []): FakeTraffic => {
      const made = createFakeTraffic(servers, planned);
      further.set(backend, made);
      return made;
    },
  };
}

/** The receipt of a command once the release has answered it. */
async function settled(db: Database, command: Command): Promise<Receipt> {
  const deadlineMs = Date.now() + 30_000;
  for (;;) {
    const receipt = await getReceipt(db, command.id);
    if (receipt !== null && receipt.state !== 'accepted') return receipt;
    if (Date.now() > deadlineMs) throw new Error(`${command.type} was not settled`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

export type Bench = Awaited<ReturnType<typeof openBench>>;

export function inventoryOf(names: readonly string[], asked: Asked, applications: readonly string[]): Inventory {
  const version = asked.version ?? 'v2';
  return {
    pool: { ...(asked.joins === undefined ? {} : { joins: asked.joins }), name: 'web-prod', environment: 'prod', applications, hosts: names, capacity: { minInServicePercent: 66 }, traffic: { driver: 'haproxy', socket: '/none', address: null, backend: 'web', server: '${host.name}', drainTimeoutSeconds: 5 }, strategy: 'fast', busy: asked.busy ?? 'queue' },
    ...(asked.members === undefined ? {} : { members: asked.members }),
    strategy: effectiveStrategy(asked.kind ?? 'rollout', { ...FAST, ...asked.strategy }, 'prod'),
    applications: applications.map((name) => ({ ...applicationSpec(name, asked.env), ...(asked.health === undefined ? {} : { health: asked.health }), ...(asked.hooks === undefined ? {} : { hooks: asked.hooks }) })),
    hosts: names.map(hostSpec),
    packages: asked.rollbackOf !== undefined ? [] : applications.map((application) => ({ id: `${application}@${version}`, application, version, uri: `http://127.0.0.1/${application}.tar.gz`, sha256: digestOf(version), sizeBytes: null, kind: 'full', source: { commit: null, build: null, branch: null } })),
  };
}

function applicationSpec(name: string, env: Readonly<Record<string, string>> = {}): ApplicationSpec {
  return {
    name, recipe: 'service', productLine: null, owners: [], variables: {},
    run: { command: ['./app'], stopSignal: 'SIGTERM', stopTimeoutSeconds: 10, account: null, env },
    health: [{ http: { path: '/health', port: '80', method: 'GET', status: [200], version: { json: 'version' } }, passes: 1, intervalMs: 100, timeoutSeconds: 5 }],
  };
}

function hostSpec(name: string, index: number): HostSpec {
  return { name, address: '127.0.0.1', zone: `z${index % 2}`, labels: { role: index % 12 === 4 ? 'canary' : 'plain' }, executor: { driver: 'local', root: `/srv/${name}` }, variables: {} };
}

function requestOf(id: string, inventory: Inventory, asked: Asked): CoreEventData['release-requested'] {
  return {
    id, kind: asked.rollbackOf === undefined ? (asked.kind ?? 'rollout') : 'rollback', pool: inventory.pool.name, environment: 'prod', applications: inventory.pool.applications,
    changes: inventory.packages.map(({ application, version }) => ({ application, version })), strategy: inventory.strategy,
    hosts: inventory.hosts.map(({ name, zone }) => ({ name, zone })), requestedBy: 'ci', reason: 'test', busy: asked.busy ?? 'queue', allowOutage: false, adopt: false,
    rollbackOf: asked.rollbackOf ?? null, restoreFrom: asked.rollbackOf ?? null, mode: asked.rollbackOf === undefined ? null : 'regular',
    plan: asked.plan ?? null,
    ...(asked.joined === undefined ? {} : { joined: { release: 'r-000000000000', hosts: asked.joined } }),
  };
}
