/** One ground for many rounds: fleet, balancers and services of a run, how they are hurt, and what they look like at the end. */
import { execFile } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { openDatabase, type Database } from '../../db/client.ts';
import { verifyChain } from '../../db/events.ts';
import { rebuildProjections } from '../../db/rebuild.ts';
import { createLocalExecutor, type LocalExecutor } from '../../drivers/executors/local.ts';
import { createTraffic } from '../../drivers/traffic/factory.ts';
import { haproxyConfig } from '../../examples/demo/haproxy.ts';
import { buildPackage } from '../../examples/demo/packages.ts';
import { endProcessesIn, processesIn } from '../../stack/children.ts';
import { openGuard, type Guard } from '../../stack/guard.ts';
import { cacheFolder, isRoot, reachableFolder } from '../../stack/place.ts';
import { freePorts } from '../../stack/ports.ts';
import { Supervisor } from '../../stack/supervisor.ts';
import { startHaproxyWith, type RealHaproxy } from '../drivers/traffic/real-haproxy.ts';
import { until } from '../support/until.ts';
import { BROKEN_FILE, type Broken } from './broken.ts';
import { ChaosClient } from './client.ts';
import { nowMs } from './clock.ts';
import { documentsOf, layOut, type ChaosPool } from './fleet.ts';
import { writeHostProgram } from './host-program.ts';
import { Observer, type Watched } from './observer.ts';
import { CLONE } from './place.ts';
import { bringUp, type Killable, type Services, type TemporalShape } from './services.ts';
import { OwnNetwork } from './own-network.ts';
import { findToxiproxy, Toxiproxy } from './toxiproxy.ts';
import type { HostSpec } from '../../domain/inventory.ts';
import type { HostAtEnd } from './checker/record.ts';
import type { Network } from './network.ts';
import type { Fault, Point } from './points.ts';

export interface StackOptions {
  readonly temporal: TemporalShape;
  /** absent: lines in this process */
  readonly wantsToxiproxy?: boolean;
  readonly log: (line: string) => void;
}

export interface Struck {
  readonly point: Point;
  readonly fault: Fault;
  readonly release: string;
  readonly atMs: number;
}

const BACK_TIMEOUT_MS = 60_000;
/** deaths come close together here, and a release waits for each of them */
const BACKOFF_MS = 100;
/** the tmpfs one pool's first host lives on: what fetch asks to be free, and a little more */
const SMALL_DISK = '96m';

export class ChaosStack {
  readonly pools: readonly ChaosPool[];
  readonly folder: string;
  readonly ground: string;
  readonly services: Services;
  readonly network: Network;
  readonly observer: Observer;
  readonly balancers: readonly RealHaproxy[];
  /** what the supervisor said, and when */
  readonly said: { readonly atMs: number; readonly line: string }[];
  readonly owner: Database;
  readonly watched: readonly Watched[];
  readonly #supervisor: Supervisor;
  readonly #executor: LocalExecutor;
  readonly #end: () => Promise<void>;
  #rounds = 0;

  constructor(parts: Parts) {
    this.pools = parts.pools;
    this.folder = parts.folder;
    this.ground = parts.ground;
    this.services = parts.services;
    this.network = parts.network;
    this.balancers = parts.balancers;
    this.said = parts.said;
    this.owner = parts.owner;
    this.#supervisor = parts.supervisor;
    this.#end = parts.end;
    this.#executor = createLocalExecutor({ hostProgram: join(CLONE, 'host', 'signalbox-host') });
    this.watched = parts.pools.map((pool, index) => ({ pool, traffic: { driver: 'haproxy', socket: parts.balancers[index]?.socket ?? '', address: null, backend: 'web', server: '${host.name}', drainTimeoutSeconds: 5 } }));
    this.observer = new Observer(parts.owner, this.watched);
  }

  /** Counts the rounds of this ground, so that no two share a version. */
  nextRound(): number {
    this.#rounds += 1;
    return this.#rounds;
  }

  client(): ChaosClient {
    return new ChaosClient({ url: this.services.apiUrl, token: this.services.token });
  }

  pidOf(name: Killable): number | null {
    return this.#supervisor.running().find((running) => running.name === name)?.pid ?? null;
  }

  signal(name: Killable, signal: NodeJS.Signals): void {
    const pid = this.pidOf(name);
    if (pid !== null) process.kill(pid, signal);
  }

  /** SIGKILL; ends when the process is ready again. */
  async kill(name: Killable): Promise<void> {
    const from = this.said.length;
    this.signal(name, 'SIGKILL');
    await until(`${name} runs again`, () => this.said.slice(from).some(({ line }) => line === `${name} runs again`), BACK_TIMEOUT_MS);
  }

  /** From now on one promise of the product does not hold; null mends it. */
  break(promise: Broken | null): void {
    writeHostProgram(join(this.ground, 'signalbox-host'), this.ground, promise);
    writeFileSync(join(this.ground, BROKEN_FILE), `${promise ?? ''}\n`);
  }

  arm(point: Point, fault: Fault): void {
    const half = join(this.ground, `${point}.half`);
    writeFileSync(half, `${fault}\n`);
    renameSync(half, join(this.ground, 'armed', point));
  }

  /** What nobody came by is disarmed; answers its names. */
  disarm(): readonly Point[] {
    const armed = readdirSync(join(this.ground, 'armed'));
    for (const point of armed) rmSync(join(this.ground, 'armed', point), { force: true });
    return armed;
  }

  struck(): readonly Struck[] {
    return linesOf(join(this.ground, 'struck.jsonl')).map((line) => {
      const { up, ...one } = JSON.parse(line) as Struck & { readonly up?: number };
      return up === undefined ? one : { ...one, atMs: Math.round(up * 1000) };
    });
  }

  /** Nobody is dead, stopped or on the way up. */
  async whole(): Promise<void> {
    const names: readonly Killable[] = ['Postgres', 'Temporal', 'API', 'worker 1', 'worker 2'];
    await until('every service runs', async () => {
      if (!names.every((name) => this.pidOf(name) !== null)) return false;
      // A process counts as running before it is ready: whoever was started again must have said so.
      return names.every((name) => {
        const own = this.said.filter(({ line }) => line.startsWith(`${name} `));
        return own.length === 0 || own.at(-1)?.line === `${name} runs again`;
      });
    }, BACK_TIMEOUT_MS);
  }

  async publish({ application }: ChaosPool, version: string, behaviour: string | null): Promise<void> {
    const client = this.client();
    const built = buildPackage(version, behaviour);
    const uploaded = await client.setUp('PUT', `/v1/package-files/${built.sha256}`, built.content);
    await client.setUp('POST', '/v1/packages', { application, version, uri: uploaded['uri'], sha256: built.sha256, sizeBytes: uploaded['sizeBytes'] });
  }

  /** What a look at every host, its lock and its server shows; by the real host program, not by the copy. */
  async hostsNow(): Promise<readonly HostAtEnd[]> {
    const { rows } = await this.owner.pool.query<{ host: string; release: string | null }>('select host, release from host_locks');
    const owners = new Map(rows.map(({ host, release }) => [host, release]));
    const all = await Promise.all(this.watched.map(async ({ pool, traffic }) => {
      const states = await createTraffic(traffic).observe(pool.hosts, AbortSignal.timeout(10_000));
      return Promise.all(pool.machines.map(async ({ name, root, address }, index): Promise<HostAtEnd> => {
        const spec = { name, address, zone: 'idc-a', labels: {}, executor: { driver: 'local', root }, variables: {} } as unknown as HostSpec;
        const answer = await this.#executor.run(spec, 'observe', { root, applications: pool.application }, { timeoutMs: 20_000, signal: AbortSignal.timeout(20_000) });
        const seen = answer.ok ? ((answer.result['applications'] as readonly { digest: string | null }[])[0] ?? null) : null;
        if (seen === null) throw new Error(`${name} cannot be observed: ${JSON.stringify(answer)}`);
        return {
          host: name, digest: seen.digest || null, processes: applicationsIn(join(root, pool.application)), admin: states[index]?.admin ?? 'unknown', inService: states[index]?.inService ?? false,
          owner: owners.get(name) ?? null, residue: residueIn(root, pool.application),
        };
      }));
    }));
    return all.flat();
  }

  /** The live projections beside rebuilt ones, and the chain. */
  async readModel(): Promise<{ readonly differing: readonly string[]; readonly brokenChain: readonly string[] }> {
    const live = await projections(this.owner);
    await rebuildProjections(this.owner);
    const rebuilt = await projections(this.owner);
    const differing = [...live.filter((row) => !rebuilt.includes(row)).map((row) => `only live: ${row.slice(0, 200)}`), ...rebuilt.filter((row) => !live.includes(row)).map((row) => `only rebuilt: ${row.slice(0, 200)}`)];
    const { broken } = await verifyChain(this.owner);
    return { differing, brokenChain: broken.map(({ stream, version, why }) => `${stream} ${version}: ${why}`) };
  }

  async end(): Promise<void> {
    await this.observer.end();
    await this.#executor.close();
    await this.#end();
  }
}

interface Parts {
  readonly pools: readonly ChaosPool[];
  readonly folder: string;
  readonly ground: string;
  readonly services: Services;
  readonly network: Network;
  readonly balancers: readonly RealHaproxy[];
  readonly said: { readonly atMs: number; readonly line: string }[];
  readonly owner: Database;
  readonly supervisor: Supervisor;
  readonly end: () => Promise<void>;
}

/** All up, every pool told of, nothing released yet. Throws when it does not come up; then everything is ended again. */
export async function openChaosStack(options: StackOptions): Promise<ChaosStack> {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-chaos-'));
  const ground = join(folder, 'ground');
  for (const name of ['armed', 'struck', 'witness']) mkdirSync(join(ground, name), { recursive: true });
  writeHostProgram(join(ground, 'signalbox-host'), ground);
  const guard = openGuard();
  const said: { atMs: number; line: string }[] = [];
  const supervisor = new Supervisor({ guard, backoffMs: BACKOFF_MS, log: (line) => {
    said.push({ atMs: nowMs(), line });
    appendFileSync(join(folder, 'supervisor.log'), `${nowMs()} ${line}\n`);
  } });
  const opened: { balancers: RealHaproxy[]; owner: Database | null; disk: string | null; network: Network | null } = { balancers: [], owner: null, disk: null, network: null };
  const end = (): Promise<void> => endAll({ folder, guard, supervisor, ...opened });
  try {
    const pools = await layOut(folder);
    guard.watchFolder(join(folder, 'hosts'), { signal: 'SIGKILL', timeoutMs: 1_000 });
    opened.disk = await smallDisk(pools);
    opened.balancers = await Promise.all(pools.map(({ machines }) => startHaproxyWith(({ socket, port }) => haproxyConfig({ port, socket, servers: machines }))));
    for (const { pid } of opened.balancers) if (pid !== undefined) guard.watch(pid, { signal: 'SIGTERM', timeoutMs: 3_000 });
    const toxiproxy = options.wantsToxiproxy === true ? await toxiproxyOf(options) : null;
    const network = toxiproxy ?? new OwnNetwork();
    opened.network = network;
    const services = await bringUp({ folder, ground, supervisor, temporal: options.temporal, network, networkService: toxiproxy?.service ?? null, log: options.log });
    opened.owner = openDatabase({ url: services.adminUrl, applicationName: 'chaos', onError: () => undefined });
    const stack = new ChaosStack({ pools, folder, ground, services, network, balancers: opened.balancers, said, owner: opened.owner, supervisor, end });
    const documents = pools.flatMap((pool, index) => documentsOf(pool, { socket: opened.balancers[index]?.socket ?? '', address: null }, join(ground, 'witness')));
    const once = documents.filter((document, index) => documents.findIndex((other) => (other as { name: string }).name === (document as { name: string }).name && (other as { kind: string }).kind === (document as { kind: string }).kind) === index);
    await stack.client().setUp('POST', '/v1/apply', { documents: once });
    return stack;
  } catch (error) {
    await end().catch(() => undefined);
    throw new Error(`The stack of the chaos harness did not come up:\n${said.map(({ line }) => line).join('\n')}`, { cause: error });
  }
}

/** Null where it cannot be had, which is told. */
async function toxiproxyOf({ log }: StackOptions): Promise<Toxiproxy | null> {
  try {
    return new Toxiproxy(await findToxiproxy(cacheFolder(CLONE)), (await freePorts(1))[0] ?? 0);
  } catch (error) {
    log(`${(error as Error).message} The lines are made in this process instead.`);
    return null;
  }
}

interface Opened {
  readonly folder: string;
  readonly guard: Guard;
  readonly supervisor: Supervisor;
  readonly balancers: readonly RealHaproxy[];
  readonly owner: Database | null;
  readonly disk: string | null;
  readonly network: Network | null;
}

/** The folder with logs and records stays for whoever started this; databases and hosts do not. */
async function endAll({ folder, guard, supervisor, balancers, owner, disk, network }: Opened): Promise<void> {
  await owner?.close().catch(() => undefined);
  await supervisor.endAll();
  await network?.close();
  await endProcessesIn(join(folder, 'hosts'), { signal: 'SIGKILL', timeoutMs: 1_000 });
  await Promise.all(balancers.map((balancer) => balancer.stop()));
  guard.close();
  if (disk !== null) await promisify(execFile)('umount', ['-l', disk]).catch(() => undefined);
  if (isRoot()) rmSync(reachableFolder(join(folder, 'postgres')), { recursive: true, force: true });
  for (const name of ['hosts', 'postgres', 'temporal', 'packages', 'temporal.db']) rmSync(join(folder, name), { recursive: true, force: true });
}

/** The first host of the last pool gets a disk of its own that can be filled; null where mounting is not allowed. */
async function smallDisk(pools: readonly ChaosPool[]): Promise<string | null> {
  const root = pools.at(-1)?.machines[0]?.root;
  if (root === undefined || !isRoot()) return null;
  return promisify(execFile)('mount', ['-t', 'tmpfs', '-o', `size=${SMALL_DISK}`, 'tmpfs', root]).then(() => root, () => null);
}

export function linesOf(file: string): readonly string[] {
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter((line) => line !== '') : [];
}

/** Processes of the application itself: those that work in one of its releases. */
function applicationsIn(home: string): number {
  return processesIn(join(home, 'releases')).length;
}

/** Half-done things that a finished operation must not leave. What is kept for the next one (an empty work folder) is none. */
function residueIn(root: string, application: string): readonly string[] {
  const state = join(root, '.signalbox');
  const found: string[] = [];
  if (existsSync(join(state, 'running')) && statSync(join(state, 'running')).size > 0) found.push('an operation written down as running');
  if (existsSync(join(state, 'tmp', `${application}.unpack`, 'tree'))) found.push('a half-unpacked tree');
  const packages = join(root, application, 'packages');
  if (existsSync(packages)) found.push(...readdirSync(packages).filter((name) => name.endsWith('.part')).map((name) => `the half-fetched file ${name.slice(0, 12)}`));
  return found;
}

async function projections(db: Database): Promise<readonly string[]> {
  const { rows } = await db.pool.query<{ text: string }>(`
    select 'releases ' || t::text as text from releases t union all select 'targets ' || t::text from release_targets t union all
    select 'inventory ' || t::text from release_inventory t union all select 'plans ' || t::text from release_rollback_plans t union all
    select 'blocks ' || t::text from blocks t order by 1`);
  return rows.map(({ text }) => text);
}
