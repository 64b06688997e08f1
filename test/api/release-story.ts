/** A release moved on by hand, event by event, as the worker would: so that tests of the API need none. */
import { appendReleaseEvents, appendTargetEvent } from '../../db/events.ts';
import { acquirePool } from '../../db/pools.ts';
import { openRelease } from '../../db/requests.ts';
import { getInventoryOf } from '../../db/queries.ts';
import { makePlan } from '../../domain/plan/make-plan.ts';
import { irreversibleIn } from '../../domain/irreversible.ts';
import { SIGNALBOX } from '../../domain/vocabulary.ts';
import type { Database } from '../../db/client.ts';
import type { CoreEvent } from '../../domain/release/events.ts';
import type { Plan } from '../../domain/plan/plan.ts';

let step = 0;

export async function append(db: Database, release: string, ...events: CoreEvent[]): Promise<void> {
  step += 1;
  await appendReleaseEvents(db, { release, opId: `story-${step}`, actor: SIGNALBOX, events });
}

/** Opens, acquires, plans and starts the bastion: the release rolls and its first host has been touched. */
export async function rollOn(db: Database, release: string): Promise<{ readonly host: string; readonly epoch: number; readonly plan: Plan }> {
  await openRelease(db, { release });
  const acquired = await acquirePool(db, { release, opId: 'acquire', actor: SIGNALBOX });
  if (acquired.type !== 'pool-acquired') throw new Error(`${release} did not get its pool: ${acquired.type}`);
  const { epoch } = acquired.data;
  const inventory = await getInventoryOf(db, release);
  const names = inventory.hosts.map(({ name }) => name);
  const made = makePlan({
    pool: inventory.pool, strategy: inventory.strategy, hosts: inventory.hosts.map(({ name, zone }) => ({ name, zone, inService: true })),
    changes: inventory.packages.map(({ application, version, sha256 }) => ({ application, version, sha256 })), allowOutage: false, reason: null,
    irreversible: irreversibleIn(inventory),
  });
  if (!('plan' in made)) throw new Error('no plan');
  const host = made.plan.batches[0]?.hosts[0] ?? '';
  await append(
    db, release,
    { type: 'targets-observed', data: { inService: names, failed: [] } },
    { type: 'plan-made', data: { plan: made.plan } },
    { type: 'targets-staged', data: { failed: [] } },
    { type: 'phase-entered', data: { phase: 'pre-release' } },
    { type: 'batch-started', data: { index: 0, part: 'install', round: 0, hosts: [host] } },
  );
  await appendTargetEvent(db, { release, opId: `${host}/drain`, actor: SIGNALBOX, event: { type: 'target-step-begun', data: { host, epoch, direction: 'forward', round: 0, step: 'drain' } } });
  return { host, epoch, plan: made.plan };
}

/** Goes on to where the bastion failed and the release ended without having been restored, aborted or succeeded. */
export async function endAs(db: Database, release: string, how: 'succeeded' | 'aborted' | 'incomplete'): Promise<void> {
  const { host, epoch, plan } = await rollOn(db, release);
  const failure = { class: 'host', code: 'unreachable', message: 'gone', next: 'look', log: 'line 1\nline 2' } as const;
  if (how === 'incomplete') {
    await appendTargetEvent(db, { release, opId: `${host}/failed`, actor: SIGNALBOX, event: { type: 'target-step-failed', data: { host, epoch, direction: 'forward', round: 0, step: 'drain', failure, durationMs: 5 } } });
    await append(
      db, release,
      { type: 'batch-finished', data: { index: 0, part: 'install', round: 0, succeeded: 0, failed: [{ host, step: 'drain', failure }], untouched: [] } },
      { type: 'rollback-started', data: { mode: 'regular', cause: 'bastion', reason: 'it failed', batches: [[host]], then: 'rolled-back', epoch: 0 } },
      { type: 'rollback-ended-incomplete', data: { unrestored: [{ host, step: 'fence', failure }] } },
    );
    return;
  }
  await append(db, release, { type: 'batch-finished', data: { index: 0, part: 'install', round: 0, succeeded: 1, failed: [], untouched: [] } });
  if (how === 'aborted') return append(db, release, { type: 'abort-started', data: { reason: 'enough' } }, { type: 'release-aborted', data: { reason: 'enough' } });
  await append(db, release, { type: 'phase-entered', data: { phase: 'release' } });
  for (const { index, hosts } of plan.batches) {
    const part = index === 0 ? 'join' : 'whole';
    await append(db, release, { type: 'batch-started', data: { index, part, round: 0, hosts } }, { type: 'batch-finished', data: { index, part, round: 0, succeeded: hosts.length, failed: [], untouched: [] } });
  }
  await append(db, release, { type: 'phase-entered', data: { phase: 'post-release' } }, { type: 'audit-finished', data: { mismatches: [] } }, { type: 'release-succeeded', data: { debt: [] } });
}
