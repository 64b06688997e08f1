/** Releases, inventory and events for the tests of the store. */
import { randomBytes } from 'node:crypto';
import type { CoreEvent, CoreEventData, Stored, TargetEvent } from '../../domain/release/events.ts';
import type { Observation } from '../../domain/release/target.ts';
import { STEPS, type Actor, type ReleaseKind, type Step } from '../../domain/vocabulary.ts';
import { openDatabase, type Database } from '../../db/client.ts';
import { appendReleaseEvents } from '../../db/events.ts';
import { acquirePool } from '../../db/pools.ts';
import { createReleaseRequest, openRelease } from '../../db/requests.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { inventoryOf, STRATEGY } from '../support/specs.ts';

export { APPLICATION, hostSpec, inventoryOf, packageSpec, poolSpec, STRATEGY } from '../support/specs.ts';

export const ACTOR: Actor = { kind: 'token', name: 'ci' };

export interface Asked {
  readonly pool?: string;
  readonly hosts?: readonly string[];
  readonly busy?: 'reject' | 'queue' | 'supersede';
  readonly kind?: ReleaseKind;
  /** version of web that is brought; default 2 */
  readonly version?: string;
  readonly restoreFrom?: string;
}

export function requestOf(id: string, asked: Asked = {}): CoreEventData['release-requested'] {
  return {
    id,
    kind: asked.kind ?? 'rollout',
    pool: asked.pool ?? 'web-prod',
    environment: 'prod',
    applications: ['web'],
    changes: [{ application: 'web', version: asked.version ?? '2' }],
    strategy: STRATEGY,
    hosts: (asked.hosts ?? HOSTS).map((name) => ({ name, zone: 'idc-a' })),
    requestedBy: 'ci',
    reason: null,
    busy: asked.busy ?? 'queue',
    allowOutage: false,
    adopt: false,
    rollbackOf: asked.restoreFrom ?? null,
    restoreFrom: asked.restoreFrom ?? null,
    mode: null,
  };
}

export const HOSTS = ['web-02', 'web-01', 'web-03'];

export function newId(): string {
  return `r-${randomBytes(6).toString('hex')}`;
}

export async function ask(db: Database, asked: Asked = {}): Promise<string> {
  const id = newId();
  const request = requestOf(id, asked);
  await createReleaseRequest(db, { id, request, inventory: inventoryOf(request.pool, request.hosts.map((host) => host.name)), actor: ACTOR });
  return id;
}

/** A release whose stream is open and that waits for its pool. */
export async function open(db: Database, asked: Asked = {}): Promise<string> {
  const release = await ask(db, asked);
  await openRelease(db, { release });
  return release;
}

export function acquire(db: Database, release: string, opId = 'acquire'): Promise<Stored<CoreEvent>> {
  return acquirePool(db, { release, opId, actor: ACTOR });
}

/** A release that owns its pool, with its epoch. */
export async function running(db: Database, asked: Asked = {}): Promise<{ readonly release: string; readonly epoch: number }> {
  const release = await open(db, asked);
  const event = await acquire(db, release);
  if (event.type !== 'pool-acquired') throw new Error(`release ${release} did not get its pool: ${event.type}`);
  return { release, epoch: event.data.epoch };
}

/** Ends every release that still owns or waits for a pool, so that the next test finds all free. */
export async function endAll(db: Database): Promise<void> {
  const rows = await db.kysely.selectFrom('releases').select('id').where('finished_at', 'is', null).execute();
  for (const { id } of rows) await end(db, id);
}

export function end(db: Database, release: string): Promise<readonly Stored<CoreEvent>[]> {
  return appendReleaseEvents(db, { release, opId: 'test-end', actor: ACTOR, events: [{ type: 'release-aborted', data: { reason: 'the test is over' } }] });
}

export function begun(host: string, epoch: number, step: Step = 'drain', round = 0): TargetEvent {
  return { type: 'target-step-begun', data: { host, epoch, direction: 'forward', round, step } };
}

export function succeeded(host: string, epoch: number, step: Step = 'drain', round = 0): TargetEvent {
  return { type: 'target-step-succeeded', data: { host, epoch, direction: 'forward', round, step, result: {}, durationMs: 5, repeated: false } };
}

export function observed(host: string, epoch: number, digest: string): TargetEvent {
  return { type: 'target-observed', data: { host, epoch, observation: observation(digest) } };
}

export function observation(digest: string): Observation {
  return {
    applications: [{ application: 'web', digest, config: 'c1', version: '1', process: { pid: 1, startTicks: 2, bootId: 'b' }, unmanaged: false }],
    traffic: { admin: 'ready', operational: 'up', weight: 100, connections: 3, inService: true },
    freeBytes: 1_000_000,
  };
}

/** The events of one target on its way, in order. */
export function journey(host: string, epoch: number): readonly TargetEvent[] {
  return [observed(host, epoch, 'd1'), ...STEPS.flatMap((step) => [begun(host, epoch, step), succeeded(host, epoch, step)])];
}

export function opIdOf(event: TargetEvent): string {
  return 'step' in event.data && 'direction' in event.data ? `${event.data.host}/${event.data.step}/${event.data.direction}/${event.data.round}` : event.data.host;
}

export interface Store extends TestDatabase {
  readonly db: Database;
  readonly owner: Database;
  readonly close: () => Promise<void>;
}

/** A database of the test file's own, seen as the services and as the owner see it. */
export async function openStore(): Promise<Store> {
  const made = await createTestDatabase();
  const db = openDatabase({ url: made.serviceUrl, applicationName: 'test' });
  const owner = openDatabase({ url: made.ownerUrl, applicationName: 'test-owner' });
  return {
    ...made,
    db,
    owner,
    close: async () => {
      await Promise.all([db.close(), owner.close()]);
      await made.drop();
    },
  };
}
