/** The figures as a person reads them, and whether the targets were met. Pure. */
import { median, verdict, withSpread, type Target } from '../statistics.ts';
import { processorMs, type MeasuredRelease, type SideResult } from './side.ts';
import { betweenStepsMs, stepTimes, stretches } from './time-of-release.ts';
import type { SignalboxRelease } from './signalbox-side.ts';

export const RATIO_TARGETS = { wall: 10, processor: 8 } as const;

export interface Report {
  readonly lines: readonly string[];
  readonly holds: boolean;
}

/** @param requestsMin fewer requests than these prove nothing about failed ones */
export function reportOf(signalbox: SideResult<SignalboxRelease>, ansible: SideResult, requestsMin: number): Report {
  const wall = (releases: readonly MeasuredRelease[]): readonly number[] => releases.map(({ wallMs }) => wallMs / 1000);
  const processor = (releases: readonly MeasuredRelease[]): readonly number[] => releases.map((release) => processorMs(release) / 1000);
  const [ownWall, ownProcessor] = [wall(signalbox.releases), processor(signalbox.releases)];
  const [theirWall, theirProcessor] = [wall(ansible.releases), processor(ansible.releases)];
  const targets: readonly Target[] = [
    { what: "Signalbox's wall time as a part of Ansible's", measured: median(ownWall) / median(theirWall), max: 1 / RATIO_TARGETS.wall, digits: 3 },
    { what: "Signalbox's processor time as a part of Ansible's", measured: median(ownProcessor) / median(theirProcessor), max: 1 / RATIO_TARGETS.processor, digits: 3 },
    { what: `failed of ${signalbox.traffic.total} requests during Signalbox's releases`, measured: signalbox.traffic.failed, max: 0, digits: 0 },
    { what: `requests short of ${requestsMin}`, measured: Math.max(0, requestsMin - signalbox.traffic.total), max: 0, digits: 0 },
  ];
  const verdicts = targets.map(verdict);
  const table = [
    ['', 'releases', 'wall s', 'processor s', 'requests', 'failed'],
    ['Signalbox', String(ownWall.length), withSpread(ownWall, 2), withSpread(ownProcessor, 2), String(signalbox.traffic.total), String(signalbox.traffic.failed)],
    ['Ansible', String(theirWall.length), withSpread(theirWall, 2), withSpread(theirProcessor, 2), String(ansible.traffic.total), String(ansible.traffic.failed)],
    ['ratio', '', `1 : ${(median(theirWall) / median(ownWall)).toFixed(1)}`, `1 : ${(median(theirProcessor) / median(ownProcessor)).toFixed(1)}`, '', ''],
  ];
  return {
    holds: verdicts.every(({ holds }) => holds),
    lines: [
      'Median (smallest–largest)', ...aligned(table), '',
      ...[...signalbox.traffic.failures, ...ansible.traffic.failures].map((failure) => `  failed request: ${failure}`),
      ...verdicts.map(({ line }) => line), '', ...whereTimeGoes(signalbox.releases),
    ],
  };
}

/** Signalbox without its peer: for looking for the next cut. */
export function aloneReport({ releases, traffic }: SideResult<SignalboxRelease>): readonly string[] {
  const processor = releases.map((release) => processorMs(release) / 1000);
  return [
    `${releases.length} releases: wall ${withSpread(releases.map(({ wallMs }) => wallMs / 1000), 2)} s, processor ${withSpread(processor, 2)} s, ${traffic.failed} of ${traffic.total} requests failed`,
    ...traffic.failures.map((failure) => `  failed request: ${failure}`), '', ...whereTimeGoes(releases),
  ];
}

/** Medians over the releases, so that one disturbed release does not speak for all. */
function whereTimeGoes(releases: readonly SignalboxRelease[]): readonly string[] {
  const walls = medians(releases.map(({ events }) => stretches(events).map(({ what, ms }) => [what, ms])));
  const steps = releases.map(({ events }) => stepTimes(events));
  const sums = medians(steps.map((times) => times.map(({ step, ms }) => [step, ms.reduce((sum, one) => sum + one, 0)])));
  const middles = medians(steps.map((times) => times.map(({ step, ms }) => [step, median(ms)])));
  const processor = medians(releases.map((release) => release.processor.map(({ label, ms }) => [label, ms])));
  return [
    "Signalbox's wall time, part by part (ms)", ...aligned([...walls].map(([what, ms]) => [`  ${what}`, ms.toFixed(0)])),
    `  of the batches, while no step was at work: ${median(releases.map(({ events }) => betweenStepsMs(events))).toFixed(0)}`, '',
    'Steps, measured where they are done (ms)', ...aligned([['  step', 'sum', 'median'], ...[...sums].map(([step, ms]) => [`  ${step}`, ms.toFixed(0), (middles.get(step) ?? 0).toFixed(0)])]), '',
    "Signalbox's processor time (ms)", ...aligned([...processor].toSorted(([, one], [, other]) => other - one).map(([label, ms]) => [`  ${label}`, ms.toFixed(0)])),
  ];
}

/** Equal names within one release are added up first; one that a release lacks counts there as 0. */
function medians(releases: readonly (readonly (readonly [string, number])[])[]): ReadonlyMap<string, number> {
  const sums = releases.map((pairs) => {
    const summed = new Map<string, number>();
    for (const [name, ms] of pairs) summed.set(name, (summed.get(name) ?? 0) + ms);
    return summed;
  });
  const names = new Set(sums.flatMap((summed) => [...summed.keys()]));
  return new Map([...names].map((name) => [name, median(sums.map((summed) => summed.get(name) ?? 0))]));
}

/** Columns as wide as their widest cell; all but the first to the right. */
function aligned(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) => row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join('  ').trimEnd());
}
