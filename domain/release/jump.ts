/**
 * A jump: another batch than the next comes next, and those it passes over follow. It arranges only what has not begun, so it passes
 * neither the bastion nor anything that the batch at hand still waits for. Two orders are kept against it: where the floor spares no host
 * before others are repaired, and where the first zone proves the build for the others.
 */
import { batchesLeft, firstZoneOf, standingOf } from './batch-order.ts';
import type { PlannedBatch } from '../plan/plan.ts';
import type { Refusal } from './commands.ts';
import type { CoreEvent } from './events.ts';
import type { ReleaseState, Rolling } from './state.ts';

type Refused = Omit<Refusal, 'allowed'>;

const NAMED_MAX = 12;

/** The event, or why not. `to` is the index of a batch. A release that is being aborted is the caller's matter. */
export function jumpTo(state: ReleaseState, to: number, reason: string): CoreEvent | Refused {
  const { situation } = state;
  if (situation.status === 'rolling-back') return { code: 'not-allowed', message: `The release is rolling back since ${situation.rollback.since}; no further batch is begun.` };
  if (situation.status === 'post-release') return { code: 'nothing-to-do', message: 'Every batch is done; there is none left to jump to.' };
  if (situation.status !== 'pre-release' && situation.status !== 'releasing') return { code: 'not-allowed', message: 'No batch is rolling yet; the order of batches can be changed from the bastion on.' };
  const left = batchesLeft(situation.plan, situation.progress);
  const refused = refusedByStanding(situation, left, to) ?? refusedByOrder(state, situation, left, to);
  if (refused !== null) return { ...refused, message: `${refused.message} ${canBeNamed(state, situation, left)}` };
  return { type: 'batch-jumped', data: { index: to, over: passedOver(left, to).map(({ index }) => index), reason } };
}

/** A batch that can be jumped to now; null: there is none. */
export function anyJump({ request, situation }: ReleaseState): number | null {
  if (situation.status !== 'pre-release' && situation.status !== 'releasing') return null;
  const left = batchesLeft(situation.plan, situation.progress);
  return left.slice(1).find(({ index }) => refusedByOrder({ request }, situation, left, index) === null)?.index ?? null;
}

function refusedByStanding({ plan, progress }: Rolling, left: readonly PlannedBatch[], to: number): Refused | null {
  const batch = plan.batches[to];
  if (batch === undefined) return { code: 'unknown-batch', message: `The plan has no batch ${to}.` };
  if (batch.kind === 'bastion') return { code: 'not-allowed', message: `Batch ${to} is the bastion: it is first, and nothing jumps to it or over it.` };
  const standing = standingOf(progress, to);
  if (standing !== 'to-come') return { code: 'not-allowed', message: `Batch ${to} is ${standing === 'done' ? 'done' : 'at hand'}; only batches that have not begun can come next.` };
  if (!left.includes(batch)) return { code: 'nothing-to-do', message: `Every host of batch ${to} was left out.` };
  return left[0] === batch ? { code: 'already-done', message: `Batch ${to} comes next anyway.` } : null;
}

function refusedByOrder({ request: { strategy } }: Pick<ReleaseState, 'request'>, { plan, progress }: Rolling, left: readonly PlannedBatch[], to: number): Refused | null {
  const { firstZoneBakeSeconds = null } = strategy.batches;
  if (plan.repairs === undefined && firstZoneBakeSeconds === null) return null;
  const batch = plan.batches[to];
  const passed = passedOver(left, to);
  const repairs = new Set(plan.repairs?.filter((host) => !progress.excluded.includes(host)));
  const first = passed.flatMap(({ hosts }) => hosts.filter((host) => repairs.has(host)));
  if (first.length > 0 && !batch?.hosts.every((host) => repairs.has(host))) {
    return { code: 'not-allowed', message: `The floor spares no host of batch ${to} before others are back in service: ${first.slice(0, NAMED_MAX).join(', ')} must go first.` };
  }
  const zone = firstZoneOf(plan);
  if (firstZoneBakeSeconds === null || zone === null || batch?.zone === zone || !passed.some((one) => one.zone === zone)) return null;
  return { code: 'not-allowed', message: `Batch ${to} is not in zone ${zone}, which must be finished and bake for ${firstZoneBakeSeconds} s before another zone begins.` };
}

function passedOver(left: readonly PlannedBatch[], to: number): readonly PlannedBatch[] {
  return left.slice(0, left.findIndex(({ index }) => index === to));
}

function canBeNamed(state: Pick<ReleaseState, 'request'>, situation: Rolling, left: readonly PlannedBatch[]): string {
  const open = left.slice(1).filter(({ index }) => refusedByOrder(state, situation, left, index) === null).map(({ index }) => index);
  if (open.length === 0) return 'No batch can be jumped to now.';
  const more = open.length > NAMED_MAX ? ` and ${open.length - NAMED_MAX} more` : '';
  return `What can come next instead: ${open.length === 1 ? 'batch' : 'batches'} ${open.slice(0, NAMED_MAX).join(', ')}${more}.`;
}
