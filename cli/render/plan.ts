/** A plan as people read it before they start a release. */
import { showDuration } from '../duration.ts';
import { changeText } from './diff.ts';
import { wayBackText } from '../release.ts';
import type { WayBack } from '../release.ts';
import { bold, marked, printable } from './glyphs.ts';
import { table } from './table.ts';
import type { FieldChange } from './diff.ts';
import type { Skipped } from '../release.ts';

export interface PlanAnswer {
  /** names the plan: `release --plan` starts exactly this one */
  readonly id: string;
  readonly plan: {
    readonly batches: readonly PlannedBatch[];
    readonly capacity: { readonly hosts: number; readonly inService: number; readonly floor: number; readonly outageAllowed: boolean };
    readonly changes: readonly { readonly application: string; readonly version: string; readonly sha256: string }[];
    readonly rollback: { readonly batchPercent: number };
    readonly batchCap?: { readonly percent: number; readonly hosts: number };
    readonly warnings: readonly string[];
    readonly skipped?: readonly Skipped[];
    readonly members?: readonly PlanMember[];
  };
  /** what the plan takes for granted, one sentence */
  readonly assumes: string;
  /** what a rollback would lead to, as far as the server knows; an older server does not say */
  readonly wayBack?: readonly WayBack[];
  readonly plannedWaitSeconds: number;
  readonly simulation: PlanSimulation;
  readonly different: Different | null;
}

interface PlannedBatch {
  readonly index: number;
  readonly kind: string;
  readonly hosts: readonly string[];
  readonly lanes: number;
  readonly bakeSeconds: number;
  readonly manual: boolean;
  readonly mode?: string;
  readonly pauseSeconds?: number;
  readonly verification?: string;
  readonly tolerance?: number;
  readonly zone?: string | null;
  /** what other pools that count lose to it */
  readonly members?: readonly { readonly pool: string; readonly hosts: number }[];
}

/** Another pool whose floor counts; `cap` only of one that is joined. */
interface PlanMember {
  readonly pool: string;
  readonly hostsTotal: number;
  readonly inService: number;
  readonly floor: number;
  readonly cap?: number;
}

interface PlanSimulation {
  readonly p50Seconds: number;
  readonly p90Seconds: number;
  readonly basis: 'default' | { readonly releases: number; readonly targets: number };
  readonly inService: { readonly lowest: number; readonly floor: number; readonly moment: number };
  readonly timeline: readonly PlanMoment[];
}

interface PlanMoment {
  readonly what: string;
  readonly startSeconds: number;
  readonly endSeconds: number;
  readonly inService: { readonly lowest: number };
  readonly batch: { readonly index: number; readonly part: string; readonly waitingAtFloor: readonly string[] } | null;
  readonly wait: { readonly for: string; readonly seconds: number | null; readonly who: string | null } | null;
}

interface Different {
  readonly release: string;
  readonly versions: readonly { readonly application: string; readonly from: string | null; readonly to: string }[];
  readonly config: readonly FieldChange[];
  readonly strategy: readonly FieldChange[];
  readonly hosts: { readonly joined: readonly string[]; readonly left: readonly string[] };
  readonly outOfService: readonly string[];
  readonly batches: { readonly from: number; readonly to: number };
  readonly seconds: { readonly from: number; readonly to: number };
}

interface Column {
  readonly heading: string;
  readonly cell: (batch: PlannedBatch, simulation: PlanSimulation) => string;
  /** the column is shown only when a batch says something else; absent: always */
  readonly ordinary?: string;
}

const COLUMNS: readonly Column[] = [
  { heading: 'BATCH', cell: (batch) => (batch.kind === 'bastion' ? 'bastion' : `${batch.kind} ${batch.index}`) },
  { heading: 'ZONE', cell: (batch) => batch.zone ?? '', ordinary: '' },
  { heading: 'HOSTS', cell: (batch) => String(batch.hosts.length) },
  { heading: 'AT ONCE', cell: (batch) => String(batch.lanes) },
  { heading: 'STARTS', cell: (batch, simulation) => `+${seconds(momentsOf(batch, simulation)[0]?.startSeconds ?? 0)}` },
  { heading: 'ENDS', cell: (batch, simulation) => `+${seconds(momentsOf(batch, simulation).at(-1)?.endSeconds ?? 0)}` },
  { heading: 'SERVING', cell: (batch, simulation) => `≥${Math.min(...momentsOf(batch, simulation).map(({ inService }) => inService.lowest))}` },
  { heading: 'MODE', cell: (batch) => batch.mode ?? 'barrier', ordinary: 'barrier' },
  { heading: 'HEALTH', cell: (batch) => batch.verification ?? 'required', ordinary: 'required' },
  { heading: 'MAY FAIL', cell: (batch) => String(batch.tolerance ?? 0), ordinary: '0' },
  { heading: 'BAKE', cell: (batch) => seconds(batch.bakeSeconds) },
  { heading: 'REST', cell: (batch) => seconds(batch.pauseSeconds ?? 0), ordinary: '0s' },
  { heading: 'TAKES', cell: ({ members = [] }) => members.map(({ pool, hosts }) => `${pool}: ${hosts}`).join(' '), ordinary: '' },
  { heading: 'GOES ON', cell: (batch) => (batch.manual ? 'waits for promote' : 'by itself') },
  { heading: 'NAMES', cell: (batch) => batch.hosts.join(', ') },
];

/** A bastion has two moments, before its bake and when it joins: it starts with the first and ends with the last. */
function momentsOf({ index }: PlannedBatch, { timeline }: PlanSimulation): readonly PlanMoment[] {
  return timeline.filter((moment) => moment.batch?.index === index);
}

export function planLines(answer: PlanAnswer, pool: string, color: boolean): string[] {
  const { id, plan, assumes, plannedWaitSeconds, simulation, different, wayBack = [] } = answer;
  const { capacity } = plan;
  const columns = COLUMNS.filter(({ cell, ordinary }) => ordinary === undefined || plan.batches.some((batch) => cell(batch, simulation) !== ordinary));
  const cap = plan.batchCap === undefined ? '' : `; no batch takes more than ${plan.batchCap.hosts} (${plan.batchCap.percent}%)`;
  return [
    bold(`${pool}: ${plan.changes.map(({ application, version }) => `${application} → ${version}`).join(', ')}`, color),
    ...table(columns.map(({ heading }) => heading), plan.batches.map((batch) => columns.map(({ cell }) => cell(batch, simulation)))),
    `capacity: ${capacity.hosts} hosts, ${capacity.inService} in service, never below ${capacity.floor}${capacity.outageAllowed ? ', outage allowed' : ''}${cap}; as played through, never fewer than ${simulation.inService.lowest}`,
    ...(plan.members ?? []).map(memberLine),
    `takes: ${durationText(simulation)}`,
    `waits planned: ${seconds(plannedWaitSeconds)}; a rollback goes ${plan.rollback.batchPercent}% of the pool at a time`,
    ...openWaits(simulation),
    ...(different === null ? [] : differentLines(different)),
    ...(wayBack.some(({ applications }) => applications.length > 0) ? [printable(`a rollback leads to: ${wayBackText({ targets: wayBack })}`)] : []),
    ...(assumes === '' ? [] : [printable(assumes)]),
    ...skippedLines(plan.skipped ?? []),
    ...plan.warnings.map((warning) => marked('warn', printable(warning), color)),
    `to start exactly this plan: --plan ${id}`,
  ];
}

function memberLine({ pool, hostsTotal, inService, floor, cap }: PlanMember): string {
  const share = cap === undefined ? 'shares hosts' : `no batch takes more than ${cap}`;
  return printable(`pool ${pool}: ${hostsTotal} hosts, ${inService} in service, never below ${floor}; ${share}`);
}

function durationText({ p50Seconds, p90Seconds, basis }: PlanSimulation): string {
  const from = basis === 'default' ? 'nothing comparable was released yet, so by default paces' : `going by ${basis.releases} past ${basis.releases === 1 ? 'release' : 'releases'} with ${basis.targets} targets`;
  return `about ${seconds(p50Seconds)}, nine of ten times at most ${seconds(p90Seconds)} (${from}; people's time not counted)`;
}

/** Waits that nobody knows the length of, each with who can end it. */
function openWaits({ timeline }: PlanSimulation): string[] {
  const waits = timeline.flatMap(({ wait, startSeconds }) => (wait !== null && wait.seconds === null ? [`waits for ${wait.for} after +${seconds(startSeconds)}, however long it takes${wait.who === null ? '' : `: ${wait.who}`}`] : []));
  const stuck = timeline.flatMap(({ batch }) => batch?.waitingAtFloor ?? []);
  return [...waits, ...(stuck.length === 0 ? [] : [`waits at the floor until another host serves: ${stuck.join(', ')}`])].map(printable);
}

function differentLines({ release, versions, config, strategy, hosts, outOfService, batches, seconds: took }: Different): string[] {
  const said = [
    ...versions.map(({ application, from, to }) => `${application} ${from ?? 'not released then'} → ${to}`),
    ...config.map((change) => `configuration of ${changeText(change)}`),
    ...strategy.map((change) => `strategy ${changeText(change)}`),
    ...(hosts.joined.length > 0 ? [`joined: ${hosts.joined.join(', ')}`] : []),
    ...(hosts.left.length > 0 ? [`left: ${hosts.left.join(', ')}`] : []),
    ...(outOfService.length > 0 ? [`left out of service by an earlier release: ${outOfService.join(', ')}`] : []),
    ...(batches.from === batches.to ? [] : [`${batches.from} batches then, ${batches.to} now`]),
    `${seconds(took.from)} then, about ${seconds(took.to)} now`,
  ];
  return [`different from the last good release ${release}:`, ...said.map((line) => `  ${line}`)].map(printable);
}

function seconds(count: number): string {
  return showDuration(count * 1000);
}

/** One line per reason: a pool passes most of its hosts for the same one. */
export function skippedLines(skipped: readonly Skipped[]): string[] {
  const reasons = Map.groupBy(skipped, ({ why }) => why);
  return [...reasons].map(([why, hosts]) => printable(`passed untouched: ${hosts.map(({ host }) => host).join(', ')} (${why})`));
}
