/** What is said when a release has ended, or the watch has: the verdict first, then why, then what to type next. */
import { showDuration } from '../duration.ts';
import { failedTargets, hasEnded, waitsForPerson } from '../release.ts';
import type { FailedTarget, Release } from '../release.ts';
import { bold, marked, paint, printable, toneOf } from './glyphs.ts';

const HOSTS_SHOWN = 3;
const LOG_LINES_SHOWN = 10;

/** Lines about a release that has ended; about one that runs, why it waits and how to go on watching. */
export function outcomeLines(release: Release, color: boolean): string[] {
  if (!hasEnded(release)) return runningLines(release, color);
  const tone = release.status === 'succeeded' && release.debt.length > 0 ? 'warn' : toneOf(release.status);
  const lines = [bold(marked(tone, `${release.id} ${verdict(release)}`, color), color)];
  if (release.failure !== null) lines.push(`  why:  ${printable(release.failure.message)}`, `  next: ${printable(release.failure.next)}`, ...logLines(release.failure.log));
  if (release.rollback !== null) lines.push(`  rolled back because: ${printable(release.rollback.reason)}`);
  for (const { host, cause, reason } of release.debt) lines.push(`  debt: ${host} ${cause}: ${printable(reason)}`);
  if (release.compared?.note != null) lines.push(`  next: ${printable(release.compared.note)}`);
  if (release.compared?.scaleOut != null) lines.push(`  joined meanwhile: ${release.compared.joined.join(', ')}, brought up by release ${release.compared.scaleOut}`);
  if (release.status !== 'succeeded') lines.push(...failureLines(release, color));
  if (release.status === 'aborted') lines.push(...versionLines(release));
  return lines;
}

function verdict(release: Release): string {
  const took = release.finishedAt === null ? '' : ` after ${showDuration(Date.parse(release.finishedAt) - Date.parse(release.createdAt))}`;
  if (release.status === 'succeeded' && release.debt.length > 0) return `succeeded${took}, with debt on ${release.debt.length} of its hosts`;
  if (release.status === 'succeeded' && isUntouched(release)) return `succeeded${took}: nothing was to be done, all ${release.skipped.length} hosts were passed untouched`;
  if (release.status === 'rollback-incomplete') return `rollback-incomplete${took}: ${release.unrestored.length} hosts are not restored and stay out of traffic`;
  return `${release.status}${took}`;
}

function isUntouched({ skipped, batches }: Release): boolean {
  return skipped.length > 0 && batches.length === 0;
}

function runningLines(release: Release, color: boolean): string[] {
  const lines = [marked(toneOf(release.status), `${release.id} is ${release.status}${release.paused === null ? '' : ', paused'}`, color)];
  if (release.waiting !== null) lines.push(`  ${printable(release.waiting.sentence)}`);
  if (waitsForPerson(release)) lines.push(...failureLines(release, color), `  allowed now: ${release.allowedCommands.join(', ')}`);
  return lines;
}

/** Each failing host with its error, what to do, and the last lines of its log. */
function failureLines(release: Release, color: boolean): string[] {
  const failed = failedTargets(release);
  const lines = failed.slice(0, HOSTS_SHOWN).flatMap((target) => targetLines(release.id, target, color));
  if (failed.length > HOSTS_SHOWN) lines.push(`  … and ${failed.length - HOSTS_SHOWN} more: signalbox get releases ${release.id} -o json`);
  return lines;
}

function targetLines(id: string, { host, step, failure }: FailedTarget, color: boolean): string[] {
  return [
    `  ${paint(`${marked('bad', host, false)} ${step} ${failure.code}`, 'bad', color)}: ${printable(failure.message)}`,
    `    next: ${printable(failure.next)}`,
    ...logLines(failure.log),
    `    more: signalbox logs ${id} --host ${host}`,
  ];
}

/** Every line is indented behind a bar: a log line can neither pass for ours nor be read as a command by a CI system. */
function logLines(log: string | undefined): string[] {
  if (log === undefined || log.trim() === '') return [];
  return log.trimEnd().split(/\r?\n/).slice(-LOG_LINES_SHOWN).map((line) => `    | ${printable(line)}`);
}

/** After an abort the fleet runs several versions; the list says which host runs which. */
function versionLines(release: Release): string[] {
  return release.batches.flatMap((batch) =>
    batch.targets.map(({ host, observedVersion }) => `  ${host}: ${Object.entries(observedVersion).map(([application, version]) => printable(`${application} ${version}`)).join(', ') || 'nothing'}`),
  );
}
