/** Why a release does not move right now: one sentence with what for, since when, until when, and who can end it. */
import { awaitsPromotion } from './promotion.ts';
import { NOT_NOW } from '../not-now.ts';
import { CAPACITY } from '../plan/capacity.ts';
import { CONSEQUENCES, overallDeadline } from './deadlines.ts';
import { bakeEndMs } from './progress.ts';
import { progressOf } from './evolve.ts';
import { isSignOffOpen } from './sign-off.ts';
import type { Bake, ReleaseState } from './state.ts';
import type { TargetState } from './target.ts';

export interface Waiting {
  readonly for: 'worker' | 'pool' | 'resume' | 'answer' | 'bake' | 'rest' | 'promote' | 'sign-off' | 'dependency' | 'repair';
  readonly since: string;
  readonly until: string | null;
  readonly who: string;
  readonly sentence: string;
}

/** null while work is being done or the release has ended. */
export function waitingOf(core: ReleaseState, targets: Readonly<Record<string, TargetState>>, version: number): Waiting | null {
  const { situation, paused } = core;
  if ('finishedAt' in situation) return null;
  if (paused !== null) {
    const { cause, since, deadline, reason, by, then } = paused;
    const end = deadline === null ? 'It stays so until somebody decides.' : `At ${deadline} the strategy says: ${then}.`;
    if (cause === 'ask') return { for: 'answer', since, until: deadline, who: 'an operator with answer', sentence: `${reason}. ${end}` };
    return { for: 'resume', since, until: deadline, who: 'an operator', sentence: `Paused by ${by}: ${reason}. ${end}` };
  }
  if (situation.status === 'queued') return waitingInQueue(core, situation.behind, version);
  const stuck = dependencyOf(core, targets);
  if (stuck !== null) return stuck;
  const bake = bakeOf(core);
  if (bake !== null && bake.remainingMs === null) {
    const until = new Date(bakeEndMs(bake)).toISOString();
    const who = 'the timer, or an operator with promote';
    if (isResting(core)) return { for: 'rest', since: bake.since, until, who, sentence: `Resting between batches until ${until}; then the next batch begins by itself.` };
    return { for: 'bake', since: bake.since, until, who, sentence: `Baking until ${until}; then the release goes on by itself.` };
  }
  return waitingForPromotion(core) ?? waitingForSignOff(core);
}

function waitingInQueue(core: ReleaseState, behind: string | null, version: number): Waiting {
  const since = core.createdAt;
  if (behind !== null) {
    return { for: 'pool', since, until: null, who: `release ${behind}`, sentence: `Queued: release ${behind} has pool ${core.request.pool}. This one starts when that one ends.` };
  }
  const seen = version === 0 ? 'is stored' : 'is open';
  return { for: 'worker', since, until: null, who: 'a Signalbox worker', sentence: `The release ${seen} and starts as soon as a worker takes it up.` };
}

/** On the way back only what the way back waits for counts: forward waits ended with the rollback. */
function dependencyOf(core: ReleaseState, targets: Readonly<Record<string, TargetState>>): Waiting | null {
  const isBack = core.situation.status === 'rolling-back';
  for (const { host, forward, back } of Object.values(targets)) {
    const { waiting } = isBack ? back : forward;
    if (waiting === null) continue;
    const { dependency, message, since } = waiting;
    if (dependency === CAPACITY) {
      const who = 'a host of the pool that comes back into service, or an operator with rollback or abort';
      const deadline = overallDeadline(core);
      const until = deadline === null ? null : new Date(deadline.atMs).toISOString();
      const end = deadline === null ? '' : ` At ${until ?? ''} ${CONSEQUENCES[deadline.which]}.`;
      return { for: 'dependency', since, until, who, sentence: `${host} waits: ${message}. It goes on by itself as soon as another host serves again.${end}` };
    }
    if (dependency === NOT_NOW) return { for: 'dependency', since, until: null, who: 'the application, or an operator with skip, rollback or abort', sentence: `${host} waits: ${message}. It stays in service until then.` };
    return { for: 'dependency', since, until: null, who: `whoever runs ${dependency}`, sentence: `${host} waits for ${dependency}: ${message}. Nothing is judged meanwhile; it goes on by itself when ${dependency} is back.` };
  }
  return null;
}

function waitingForPromotion({ request, situation }: ReleaseState): Waiting | null {
  if (situation.status !== 'pre-release' && situation.status !== 'releasing') return null;
  const { progress, plan } = situation;
  const batch = plan.batches[progress.batch];
  if (batch === undefined || !awaitsPromotion(request.strategy, situation)) return null;
  const what = batch.kind === 'bastion' ? 'the bastion' : `batch ${batch.index}`;
  return { for: 'promote', since: progress.since, until: null, who: 'an operator with promote', sentence: `The strategy asks for a person after ${what}: promote to go on, or roll back.` };
}

function waitingForSignOff(core: ReleaseState): Waiting | null {
  const { situation } = core;
  if ((situation.status !== 'pre-release' && situation.status !== 'releasing') || !isSignOffOpen(core, situation)) return null;
  const hosts = (situation.plan.batches[0]?.hosts ?? []).join(', ');
  return { for: 'sign-off', since: situation.progress.since, until: null, who: 'an operator with approve or reject', sentence: `The bastion (${hosts}) is installed and proven; it joins when somebody approves, and is taken back when somebody rejects.` };
}

function isResting({ situation }: ReleaseState): boolean {
  return progressOf(situation)?.stage === 'resting';
}

function bakeOf({ situation }: ReleaseState): Bake | null {
  return situation.status === 'rolling-back' ? situation.rollback.bake : (progressOf(situation)?.bake ?? null);
}
