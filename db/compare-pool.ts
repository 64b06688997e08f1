/** The look at the pool when a release ends: who left, who joined, and the scale-out that brings up those who joined. */
import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import { effectiveStrategy } from '../domain/release-kind.ts';
import { isTargetEvent } from '../domain/release/events.ts';
import { SIGNALBOX } from '../domain/vocabulary.ts';
import type { HostSpec, Inventory, PackageSpec, PoolSpec } from '../domain/inventory.ts';
import type { CoreEvent, CoreEventData, PoolComparison, Stored } from '../domain/release/events.ts';
import type { ReleaseState } from '../domain/release/state.ts';
import type { Database, Tx } from './client.ts';
import { inTransaction } from './client.ts';
import { appendOwning, ReleaseMoved } from './append-release.ts';
import { readCore } from './append-core.ts';
import { UnknownRelease } from './errors.ts';
import { eventIds } from './event-identity.ts';
import { getInventory } from './inventory.ts';
import { besideOf } from './joined-pools.ts';
import { getInventoryOf, preImages } from './queries.ts';
import { createReleaseRequest } from './requests.ts';
import { findEvents } from './stored-events.ts';

export interface ComparePool {
  readonly release: string;
  readonly opId: string;
  /** as of every decision: see AppendReleaseEvents */
  readonly adoption?: number;
  readonly seen?: number;
}

const ROUNDS_MAX = 20;

/**
 * Stores `pool-compared` and, in the same transaction, asks for the scale-out it names, which waits behind this release. The same opId
 * again gives back what was stored first. Throws UnknownRelease.
 */
export async function comparePool(db: Database, ask: ComparePool): Promise<Stored<CoreEvent>> {
  for (let round = 1; round <= ROUNDS_MAX; round += 1) {
    try {
      return await inTransaction(db, (tx) => compare(tx, ask));
    } catch (error) {
      if (!(error instanceof ReleaseMoved)) throw error;
    } finally {
      db.folds.cores.delete(ask.release);
    }
  }
  throw new Error(`Release ${ask.release} changed ${ROUNDS_MAX} times while its pool was compared; ask again.`);
}

/** One look after the other: two at once would both ask for the scale-out, and the second be told that its id is taken. */
async function compare(tx: Tx, ask: ComparePool): Promise<Stored<CoreEvent>> {
  await sql`select 1 from release_requests where id = ${ask.release} for no key update`.execute(tx.kysely);
  const [earlier] = await findEvents(tx, eventIds(ask.release, ask.opId, ['pool-compared']));
  if (earlier && !isTargetEvent(earlier)) return earlier;
  const { state } = await readCore(tx, ask.release);
  if (state === null) throw new UnknownRelease(ask.release);
  const data = await comparison(tx, ask, state);
  const [stored] = await appendOwning(tx, { ...ask, actor: SIGNALBOX, events: [{ type: 'pool-compared', data }] });
  if (!stored) throw new Error(`The store gave back nothing for ${ask.opId} of release ${ask.release}.`);
  return stored;
}

async function comparison(tx: Tx, ask: ComparePool, state: ReleaseState): Promise<PoolComparison> {
  const { request } = state;
  const pool = (await getInventory(tx, 'pool', request.pool))?.spec;
  const own = request.hosts.map(({ name }) => name);
  const left = pool === undefined ? [] : own.filter((host) => !pool.hosts.includes(host));
  const joined = pool === undefined ? [] : pool.hosts.filter((host) => !own.includes(host));
  if (pool === undefined || joined.length === 0) return { left, joined, scaleOut: null, note: null };
  const packages = await packagesNow(tx, state);
  if (packages === null) {
    const note = `No single version is known to which ${joined.join(', ')} could be brought. Release one to pool ${pool.name}.`;
    return { left, joined, scaleOut: null, note };
  }
  const scaleOut = scaleOutId(ask);
  const inventory = await inventoryFor(tx, state, pool, packages);
  await createReleaseRequest(tx, { id: scaleOut, request: scaleOutRequest(scaleOut, state, inventory, joined), inventory, actor: SIGNALBOX });
  return { left, joined, scaleOut, note: null };
}

/** After the way forward, what the release brought; after a way back, what the hosts went back to: null when they differed or ran nothing. */
async function packagesNow(tx: Tx, state: ReleaseState): Promise<readonly PackageSpec[] | null> {
  const { request } = state;
  if (state.situation.status !== 'rolling-back') return (await getInventoryOf(tx, request.id)).packages;
  const before = Object.values(await preImages(tx, request.restoreFrom ?? request.id));
  const found: PackageSpec[] = [];
  for (const application of request.applications) {
    const seen = before.flatMap(({ applications }) => applications.filter((one) => one.application === application && one.digest !== null));
    const installs = new Map(seen.map((one) => [one.digest, one.version]));
    const [[digest, version] = [null, null]] = installs;
    const spec = installs.size === 1 && version !== null ? (await getInventory(tx, 'package', `${application}@${version}`))?.spec : undefined;
    if (spec === undefined || spec.sha256 !== digest) return null;
    found.push(spec);
  }
  return found;
}

/** The applications as this release knows them, so that new hosts are configured like the others; pool and hosts as they are now. */
async function inventoryFor(tx: Tx, { request }: ReleaseState, pool: PoolSpec, packages: readonly PackageSpec[]): Promise<Inventory> {
  const { applications, recipes } = await getInventoryOf(tx, request.id);
  const hosts: HostSpec[] = [];
  for (const name of pool.hosts) {
    const host = await getInventory(tx, 'host', name);
    if (host !== null) hosts.push(host.spec);
  }
  return { pool, strategy: effectiveStrategy('scale-out', request.strategy, pool.environment), applications, hosts, packages, ...(recipes === undefined ? {} : { recipes }), ...(await besideOf(tx, pool)) };
}

function scaleOutRequest(id: string, { request }: ReleaseState, { pool, strategy, hosts, packages }: Inventory, joined: readonly string[]): CoreEventData['release-requested'] {
  return {
    id,
    kind: 'scale-out',
    pool: pool.name,
    environment: pool.environment,
    applications: request.applications,
    changes: packages.map(({ application, version }) => ({ application, version })),
    strategy,
    hosts: hosts.map(({ name, zone }) => ({ name, zone })),
    requestedBy: SIGNALBOX.name,
    reason: `${listed(joined)} ${joined.length === 1 ? 'has' : 'have'} joined pool ${pool.name} since release ${request.id} was asked for`,
    busy: 'queue',
    allowOutage: false,
    adopt: false,
    rollbackOf: null,
    restoreFrom: null,
    mode: null,
    joined: { release: request.id, hosts: joined },
  };
}

const NAMES_MAX = 5;

function listed(hosts: readonly string[]): string {
  return hosts.length > NAMES_MAX ? `${hosts.slice(0, NAMES_MAX).join(', ')} and ${hosts.length - NAMES_MAX} more` : hosts.join(', ');
}

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
/** Of an id: `r-` and the seconds of its release. */
const TIME_LENGTH = 8;
const HASH_DIGITS = 8;

/** Made from the release and the operation that compares, so that nobody can ask for it twice. */
function scaleOutId({ release, opId }: ComparePool): string {
  const hash = createHash('sha256').update(`${release}/${opId}/scale-out`).digest();
  return release.slice(0, TIME_LENGTH) + [...hash.subarray(0, HASH_DIGITS)].map((byte) => ALPHABET[byte % 32]).join('');
}
