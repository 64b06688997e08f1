/** The report of a run: scenarios, rounds, findings, and how long it took until things went on, N with each figure. */
import { quantilesOf, RECOVERY_KINDS } from './recovery.ts';
import type { ScenarioOutcome } from './run.ts';

export function reportOf(outcomes: readonly ScenarioOutcome[]): string {
  return ['| scenario | rounds | points struck | breaches | commands acknowledged | stale balancer writes, reversed | requests failed / all | round, longest |', '|---|---|---|---|---|---|---|---|', ...outcomes.map(rowOf), '', ...recoveryTable(outcomes)].join('\n');
}

function rowOf({ scenario, rounds }: ScenarioOutcome): string {
  const sum = (of: (round: (typeof rounds)[number]) => number): number => rounds.reduce((total, round) => total + of(round), 0);
  const struck = new Set(rounds.flatMap((round) => round.struck));
  const longestMs = Math.max(0, ...rounds.map(({ tookMs }) => tookMs));
  return `| ${scenario} | ${rounds.length} | ${struck.size} | ${sum(({ breaches }) => breaches.length)} | ${sum(({ acknowledged }) => acknowledged)} | ${sum(({ staleWrites }) => staleWrites)} | ${sum(({ requests }) => requests.failed)} / ${sum(({ requests }) => requests.total)} | ${seconds(longestMs)} |`;
}

function recoveryTable(outcomes: readonly ScenarioOutcome[]): readonly string[] {
  const all = outcomes.flatMap(({ rounds }) => rounds.flatMap(({ recoveries }) => recoveries));
  const rows = RECOVERY_KINDS.flatMap((kind) => {
    const { n, p50, p99, max } = quantilesOf(all.filter((one) => one.kind === kind).map(({ ms }) => ms));
    return n === 0 ? [] : [`| ${kind} | ${n} | ${seconds(p50)} | ${seconds(p99)} | ${seconds(max)} |`];
  });
  return rows.length === 0 ? [] : ['| until things go on | N | p50 | p99 | max |', '|---|---|---|---|---|', ...rows];
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

/** Every sentence is a reason for the run to have failed. `isWhole`: it was to meet every point of the list. */
export function failuresOf(outcomes: readonly ScenarioOutcome[], isWhole: boolean): readonly string[] {
  return outcomes.flatMap(({ scenario, rounds, unreached, mayFailRequests }) => [
    ...rounds.flatMap(({ breaches }, index) => breaches.map(({ rule, what }) => `${scenario} round ${index + 1}, ${rule}: ${what}`)),
    ...(mayFailRequests ? [] : rounds.flatMap(({ requests: { failed, total, failures } }, index) => (failed === 0 ? [] : [`${scenario} round ${index + 1}: ${failed} of ${total} requests failed: ${failures[0] ?? ''}`]))),
    // What `points` misses in one round it meets in another; elsewhere what is armed is what the round is for.
    ...(scenario === 'points' ? [] : rounds.flatMap(({ missed }, index) => (missed.length === 0 ? [] : [`${scenario} round ${index + 1}: nobody came by ${missed.join(', ')}`]))),
    ...(unreached.length === 0 || !isWhole ? [] : [`${scenario}: of the list of points nobody came by ${unreached.join(', ')}`]),
  ]);
}
