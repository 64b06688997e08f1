/**
 * The order in which batches are done: the plan's, until an operator jumps. Whoever asks what comes next, what is done, or what is waited
 * for between two batches asks here; nobody else compares the numbers of batches.
 */
import { overrideOf, waitMarks, waitsAt } from '../plan/waits.ts';
import type { StrategySpec } from '../inventory.ts';
import type { Plan, PlannedBatch } from '../plan/plan.ts';
import type { Waits } from '../plan/waits.ts';
import type { Progress, Rolling } from './state.ts';

export type BatchStanding = 'done' | 'at-hand' | 'to-come';

/** Indices of the batches that were not begun yet, in the order in which they follow; those of which every host was left out are among them. */
export function toCome({ batches }: Plan, { batch, later }: Progress): readonly number[] {
  return later ?? batches.filter(({ index }) => index > batch).map(({ index }) => index);
}

/** The batches that will be begun, in their order: those to come that have hosts left. */
export function batchesLeft(plan: Plan, progress: Progress): readonly PlannedBatch[] {
  const excluded = new Set(progress.excluded);
  return toCome(plan, progress).flatMap((index) => {
    const batch = plan.batches[index];
    return batch !== undefined && batch.hosts.some((host) => !excluded.has(host)) ? [batch] : [];
  });
}

/** A batch that was passed because every host of it was left out counts as done. */
export function standingOf({ batch, later }: Progress, index: number): BatchStanding {
  if (index === batch) return 'at-hand';
  const isToCome = later === undefined ? index > batch : later.includes(index);
  return isToCome ? 'to-come' : 'done';
}

/** The batch comes next, and those that were to come before it follow in their order. */
export function afterJump(plan: Plan, progress: Progress, index: number): Progress {
  return { ...progress, later: [index, ...toCome(plan, progress).filter((one) => one !== index)] };
}

/** A batch that begins is to come no more, nor are those before it, which had nobody left. States without a jump stay as they are. */
export function laterAfterStart({ later }: Progress, index: number): Pick<Progress, 'later'> {
  const place = later?.indexOf(index) ?? -1;
  return later === undefined || place < 0 ? {} : { later: later.slice(place + 1) };
}

/** What is waited for after a batch: as planned, and after a jump as it would have been planned in the order that batches now have. */
export function waitsAfter(strategy: StrategySpec, rolling: Pick<Rolling, 'plan' | 'progress'>, index: number): Waits {
  const batch = rolling.plan.batches[index];
  if (batch === undefined) return { bakeSeconds: 0, manual: false, pauseSeconds: 0 };
  const { bakeSeconds, manual, pauseSeconds = 0 } = batch;
  const planned = { bakeSeconds, manual, pauseSeconds };
  return rolling.progress.later === undefined ? planned : (waitsInOrder(strategy, rolling).get(index) ?? planned);
}

/** Of the batch at hand and of those to come, by index; not of the bastion, which is first in every order. */
export function waitsInOrder(strategy: StrategySpec, { plan, progress }: Pick<Rolling, 'plan' | 'progress'>): ReadonlyMap<number, Waits> {
  const ordered = inOrder(plan, progress).filter(({ kind }) => kind !== 'bastion');
  const bastions = plan.batches[0]?.kind === 'bastion' ? plan.batches[0].hosts.length : 0;
  const firstZone = firstZoneOf(plan);
  const marks = waitMarks(strategy, ordered, { bastions, hostsTotal: plan.capacity.hosts, firstZone });
  const open = new Set([progress.batch, ...toCome(plan, progress)]);
  const waits = ordered.map((batch, position) => [batch.index, waitsAt(strategy, position, { marks, override: overrideOf(strategy.batches, batch) })] as const);
  return new Map(waits.filter(([index]) => open.has(index)));
}

/** All batches: those that are done, the one at hand, those to come. */
export function inOrder(plan: Plan, progress: Progress): readonly PlannedBatch[] {
  const later = toCome(plan, progress);
  const waiting = new Set(later);
  const begun = plan.batches.filter(({ index }) => index !== progress.batch && !waiting.has(index));
  return [...begun, ...[progress.batch, ...later].flatMap((index) => plan.batches[index] ?? [])];
}

/** The zone that is finished first where the strategy keeps zones apart, else null. */
export function firstZoneOf({ batches }: Plan): string | null {
  return batches.find(({ kind }) => kind === 'batch')?.zone ?? null;
}
