/**
 * One clock for all deadlines of a release. It wakes when the first of them could be reached and asks only then what the time was spent
 * on: a release that meets no deadline pays for one timer. Begun anew by every run; abandoned with its timer when the run ends.
 */
import { CancellationScope, condition, patched, sleep } from '@temporalio/workflow';
import { countedFromMs, judgeDeadline, runningDeadlines, shortestLimitMs } from '../domain/release/deadlines.ts';
import { deciding } from './proxies.ts';
import type { Deadline, Judged } from '../domain/release/deadlines.ts';
import type { DeadlineName } from '../domain/release/events.ts';
import type { Run } from './run.ts';

/** Before it, only steps had deadlines. To be removed when no release of that kind runs. */
const DEADLINES = 'deadlines';

/** A deadline that was judged and not reached: nobody looks at it before. */
interface PutOff {
  readonly which: DeadlineName;
  readonly untilMs: number;
}

export function startDeadlineClock(run: Run): void {
  if (patched(DEADLINES)) void CancellationScope.nonCancellable(() => watch(run));
}

async function watch(run: Run): Promise<never> {
  let putOff: PutOff | null = null;
  for (;;) {
    if (running(run, putOff).length === 0) await condition(() => running(run, null).length > 0);
    const [first] = running(run, putOff);
    // What begins to run meanwhile cannot be reached earlier than this, so no new batch needs a new timer.
    const wakeMs = Math.min(first?.atMs ?? Infinity, Date.now() + shortestLimitMs(run.state));
    await sleep(Math.max(1, wakeMs - Date.now()), { summary: 'deadlines · next look' });
    const [due] = running(run, putOff);
    if (due !== undefined && due.atMs <= Date.now()) putOff = await judge(run, due.which);
  }
}

function running(run: Run, putOff: PutOff | null): readonly Deadline[] {
  const all = runningDeadlines(run.state);
  if (putOff === null) return all;
  return all.map((deadline) => (deadline.which === putOff.which ? { ...deadline, atMs: Math.max(deadline.atMs, putOff.untilMs) } : deadline)).toSorted((a, b) => a.atMs - b.atMs);
}

async function judge(run: Run, which: DeadlineName): Promise<PutOff | null> {
  const fromMs = countedFromMs(run.state, which);
  if (fromMs === null) return null;
  const weighed = await deciding(`deadline ${which} · look`).weighDeadline({ release: run.id, which, fromMs, atMs: Date.now() });
  let judged: Judged = { events: [], lookMs: null };
  await run.decide((state) => {
    // Something else may have begun a new count while the look was on its way.
    judged = countedFromMs(state, which) === fromMs ? judgeDeadline(state, weighed) : { events: [], lookMs: null };
    return judged.events;
  });
  return judged.lookMs === null ? null : { which, untilMs: judged.lookMs };
}
