/** The Markdown an operator reads in Temporal's UI: where the release stands, which host failed, what it waits for. */
import { CONSEQUENCES, overallDeadline } from '../domain/release/deadlines.ts';
import { waitingOf } from '../domain/release/waiting.ts';
import { inOrder } from '../domain/release/batch-order.ts';
import { progressOf } from '../domain/release/evolve.ts';
import type { ReleaseState, Situation } from '../domain/release/state.ts';

const HOSTS_MAX = 12;
const FAILURES_MAX = 10;

export function detailsOf(state: ReleaseState, inWork: readonly string[]): string {
  const { request, situation, paused } = state;
  const changes = request.changes.map(({ application, version }) => `${application} → **${version}**`).join(', ');
  const lines = [
    `### ${changes || 'rollback'} on pool ${request.pool} (${request.environment})`,
    `**${situation.status}**${paused ? ' · ⏸ paused' : ''} · asked for by ${request.requestedBy}${request.reason ? `: ${request.reason}` : ''}`,
    ...batchLines(situation, paused !== null),
    ...(inWork.length > 0 ? [`In work: ${listed(inWork)}`] : []),
    ...failureLines(situation),
  ];
  const waiting = waitingOf(state, {}, 1);
  if (waiting !== null) lines.push(`⏳ ${waiting.sentence} (since ${waiting.since}; who can end it: ${waiting.who})`);
  const deadline = overallDeadline(state);
  if (deadline !== null) lines.push(`Deadline ${deadline.which}: ${CONSEQUENCES[deadline.which]} at ${new Date(deadline.atMs).toISOString()}, later if something of Signalbox's own is away`);
  return lines.join('\n\n');
}

/** What a timer is for, in one line; Temporal takes at most 400 bytes, so nothing of free length goes in. */
export function timerSummary({ paused, situation }: ReleaseState): string {
  if (paused !== null) return `paused · until ${paused.deadline ?? 'resumed'} · then ${paused.then}`;
  if (situation.status === 'rolling-back') return `rollback ${situation.rollback.index + 1} · bake`;
  const progress = progressOf(situation);
  if (situation.status === 'post-release') return 'post-release · watch';
  if (progress?.stage === 'resting') return `batch ${progress.batch} · rest`;
  return progress?.part === 'install' ? 'bastion · bake' : `batch ${progress?.batch ?? 0} · bake`;
}

function batchLines(situation: Situation, paused: boolean): readonly string[] {
  if ('rollback' in situation && situation.rollback !== null) {
    const { mode, reason, index, batches, restored, untouched } = situation.rollback;
    return [`Rollback (${mode}): ${reason}`, `Batch ${Math.min(index + 1, batches.length)} of ${batches.length} · ${restored} restored, ${untouched} untouched`];
  }
  if (!('progress' in situation) || situation.progress === null || situation.plan === null) return [];
  const { progress, plan } = situation;
  const ordered = inOrder(plan, progress);
  const atHand = ordered.findIndex(({ index }) => index === progress.batch);
  return ordered.map(({ index, kind, hosts, mode, lanes, zone }, place) => {
    const mark = place < atHand ? '✔' : place > atHand ? '◌' : `⟳ ${paused ? 'held' : progress.stage}`;
    const more = [...(zone === undefined ? [] : [zone]), ...(mode === 'window' ? [`window of ${lanes}`] : [])];
    return `${mark} ${kind === 'bastion' ? 'bastion' : `batch ${index}`}${more.length > 0 ? ` (${more.join(', ')})` : ''}: ${listed(hosts)}`;
  });
}

function failureLines(situation: Situation): readonly string[] {
  const failed = 'progress' in situation && situation.progress !== null ? situation.progress.failed : [];
  const unrestored = 'unrestored' in situation ? situation.unrestored : [];
  const all = [...failed, ...unrestored];
  const lines = all.slice(0, FAILURES_MAX).map(({ host, step, failure }) => `✖ **${host}** at ${step}: ${failure.message} _${failure.next}_`);
  return all.length > FAILURES_MAX ? [...lines, `✖ and ${all.length - FAILURES_MAX} more`] : lines;
}

/** It is made anew at every turn of a lane: it must stay short for a pool of thousands. */
function listed(hosts: readonly string[]): string {
  return hosts.length > HOSTS_MAX ? `${hosts.slice(0, HOSTS_MAX).join(', ')} and ${hosts.length - HOSTS_MAX} more` : hosts.join(', ');
}
