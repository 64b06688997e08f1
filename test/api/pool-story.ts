/** A pool with hosts of its own and releases that ended on it, told event by event: what its hosts ran and what they keep. */
import { expect } from 'vitest';
import { appendTargetEvent } from '../../db/events.ts';
import { SIGNALBOX } from '../../domain/vocabulary.ts';
import { observation } from '../db/samples.ts';
import { append, rollOn } from './release-story.ts';
import { FLEET, POOL, packageOf } from './samples.ts';
import type { CoreEvent, TargetEvent } from '../../domain/release/events.ts';
import type { ApiUnderTest, Answered } from './api-under-test.ts';

let pools = 0;

export interface OwnPool {
  readonly api: ApiUnderTest;
  readonly pool: string;
  readonly hosts: readonly string[];
}

export const digestOf = (version: string): string => version.repeat(64).slice(0, 64);
export const configOf = (version: string): string => `c${version}`.repeat(32).slice(0, 64);

/** So that tests do not queue behind one another. */
export async function ownPool(api: ApiUnderTest): Promise<OwnPool> {
  pools += 1;
  const pool = `own-${pools}`;
  const hosts = [1, 2, 3].map((index) => `${pool}-${index}`);
  const documents = [...FLEET.filter(({ kind }) => kind === 'Host').slice(0, 3).map((one, index) => ({ ...one, name: hosts[index] })), { ...POOL, name: pool, hosts }];
  expect((await api.ask('POST', '/v1/apply', { body: { documents } })).status).toBe(200);
  return { api, pool, hosts };
}

export async function register(api: ApiUnderTest, versions: readonly string[]): Promise<void> {
  for (const version of versions) expect((await api.ask('POST', '/v1/packages', { body: { ...packageOf(version), sha256: digestOf(version) } })).status).toBe(201);
}

export function askRelease({ api, pool }: OwnPool, version: string, strategy: string | null = null): Promise<Answered> {
  return api.ask('POST', '/v1/releases', { body: { pool, changes: [{ application: 'web', version }], strategy } });
}

export interface Told {
  /** what every host ran before; null: nothing */
  readonly from: string | null;
  /** what the hosts keep; left out: they did not say */
  readonly kept?: readonly string[];
}

export interface By {
  /** default: the pool's */
  readonly strategy?: string;
  /** what was decided while it was prepared, besides its plan */
  readonly planned?: readonly CoreEvent[];
}

/** Releases a version to every host of the pool, and then somebody ends it with abort: answers its id. */
export async function released(own: OwnPool, version: string, told: Told, { strategy, planned = [] }: By = {}): Promise<string> {
  const asked = await askRelease(own, version, strategy);
  expect(asked.status, asked.text).toBe(202);
  const release: string = asked.body.id;
  const { db } = own.api;
  const { epoch } = await rollOn(db, release);
  for (const host of own.hosts) {
    for (const event of journey(host, epoch, version, told)) await appendTargetEvent(db, { release, opId: `${host}/${event.type}`, actor: SIGNALBOX, event });
  }
  await append(db, release, ...planned, ...ABORTED);
  return release;
}

function journey(host: string, epoch: number, version: string, { from, kept }: Told): readonly TargetEvent[] {
  const { applications, ...rest } = observation('d');
  const before = { version: from, digest: from === null ? null : digestOf(from), config: from === null ? null : configOf(from), ...(kept === undefined ? {} : { kept: kept.map(digestOf) }) };
  return [
    { type: 'target-observed', data: { host, epoch, observation: { ...rest, applications: applications.map((seen) => ({ ...seen, ...before })) } } },
    { type: 'target-staged', data: { host, epoch, digests: { web: digestOf(version) }, configs: { web: configOf(version) }, durationMs: 1 } },
    { type: 'target-step-succeeded', data: { host, epoch, direction: 'forward', round: 0, step: 'switch', result: {}, durationMs: 1, repeated: false } },
  ];
}

const ABORTED: readonly CoreEvent[] = [
  { type: 'batch-finished', data: { index: 0, part: 'install', round: 0, succeeded: 1, failed: [], untouched: [] } },
  { type: 'abort-started', data: { reason: 'enough' } },
  { type: 'release-aborted', data: { reason: 'enough' } },
];
