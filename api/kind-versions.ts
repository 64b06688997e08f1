/** Which versions a kind of release may bring to a pool, and which it brings when none is named. */
import { hasSucceeded, lastGoodVersions } from '../db/running-versions.ts';
import { KIND_POLICIES } from '../domain/release-kind.ts';
import type { Queryable } from '../db/client.ts';
import type { LastGood } from '../db/running-versions.ts';
import type { PoolSpec } from '../domain/inventory.ts';
import type { Change } from '../domain/release/events.ts';
import type { ReleaseKind } from '../domain/vocabulary.ts';
import type { Complaint } from './problem.ts';

export interface ChangesAsked {
  readonly kind: ReleaseKind;
  readonly pool: PoolSpec;
  /** null: none were named */
  readonly changes: readonly Change[] | null;
}

type Running = Readonly<Record<string, LastGood>>;

/** The changes of the release, named or not; adds a complaint for each that this kind must not bring. */
export async function changesFor(db: Queryable, asked: ChangesAsked, complaints: Complaint[]): Promise<readonly Change[]> {
  const { kind, pool, changes } = asked;
  const policy = KIND_POLICIES[kind];
  if (changes !== null && policy.versions === 'any') return changes;
  const running = await lastGoodVersions(db, pool.name);
  if (changes === null) return whatRuns(asked, running, complaints);
  for (const [index, change] of changes.entries()) {
    if (running[change.application]?.version === change.version) continue;
    if (policy.versions === 'succeeded' && (await hasSucceeded(db, { ...change, pool: pool.name }))) continue;
    complaints.push({ in: 'body', pointer: `/changes/${index}/version`, message: refusal(kind, pool.name, change, running[change.application]) });
  }
  return changes;
}

/** Several versions stand in one text, joined by a comma, where hosts differed: no one of them is what the pool runs. */
function whatRuns({ kind, pool }: ChangesAsked, running: Running, complaints: Complaint[]): readonly Change[] {
  const changes = pool.applications.flatMap((application) => {
    const version = running[application]?.version;
    return version === undefined || version === 'absent' || version.includes(',') ? [] : [{ application, version }];
  });
  if (changes.length === 0) {
    const message = `is needed: no release of pool ${pool.name} has succeeded yet, so it is not known what it runs; name the version, or ask for a rollout before this ${kind}`;
    complaints.push({ in: 'body', pointer: '/changes', message });
  }
  return changes;
}

function refusal(kind: ReleaseKind, pool: string, { application, version }: Change, running: LastGood | undefined): string {
  const runs = running === undefined ? `no release has brought ${application} to pool ${pool} with success` : `pool ${pool} runs ${application} ${running.version} since release ${running.release}`;
  const rule = kind === 'redeploy' ? 'a redeploy installs again what the pool runs' : 'a scale-out has no bastion, so it brings only what has succeeded on the pool';
  return `${rule}, and ${runs}; ask for a rollout of ${application}=${version}${running === undefined ? '' : ', or leave out changes'}`;
}
