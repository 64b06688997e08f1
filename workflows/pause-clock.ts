/**
 * One clock for each pause, wherever the release stands: in lanes, in slices, in a survey that hangs, or between batches. At the
 * deadline it decides what the strategy says, and a rollback or an end takes the work at hand out of its lanes, as an operator's would.
 */
import { CancellationScope, condition, patched } from '@temporalio/workflow';
import { timerSummary } from './details.ts';
import { isTerminal } from '../domain/vocabulary.ts';
import type { CoreEvent } from '../domain/release/events.ts';
import type { Run } from './run.ts';

/** Before it, every place that waits kept a timer of its own, and places that did not wait kept none. To be removed when no release of that kind runs. */
const ONE_CLOCK = 'one-clock-per-pause';

/** False where this pause was begun by a build that knew no such clock. */
export function startPauseClock(run: Run): boolean {
  if (!patched(ONE_CLOCK)) return false;
  void CancellationScope.nonCancellable(() => untilDeadline(run));
  return true;
}

async function untilDeadline(run: Run): Promise<void> {
  const deadline = run.state.paused?.deadline ?? null;
  if (deadline === null) return;
  const isOver = (): boolean => run.state.paused?.deadline !== deadline;
  if (await condition(isOver, Math.max(1, Date.parse(deadline) - Date.now()), { summary: timerSummary(run.state) })) return;
  if (endsWork(run, await run.expirePause())) run.interrupt();
}

/** An abort lets targets in work come to their end; surveys, which take nothing out of traffic, it ends. */
export function endsWork({ state: { situation, aborting } }: Run, events: readonly CoreEvent[]): boolean {
  const { status } = situation;
  if (events.some(({ type }) => type === 'rollback-started' || type === 'rollback-escalated')) return true;
  return isTerminal(status) || (aborting !== null && (status === 'preparing' || status === 'post-release'));
}
