/** A plan as people read it before they start a release. */
import { showDuration } from '../duration.ts';
import { bold, marked, printable } from './glyphs.ts';
import { table } from './table.ts';

export interface PlanAnswer {
  readonly plan: {
    readonly batches: readonly PlannedBatch[];
    readonly capacity: { readonly hosts: number; readonly inService: number; readonly floor: number; readonly outageAllowed: boolean };
    readonly changes: readonly { readonly application: string; readonly version: string; readonly sha256: string }[];
    readonly rollback: { readonly batchPercent: number };
    readonly batchCap?: { readonly percent: number; readonly hosts: number };
    readonly warnings: readonly string[];
  };
  /** what the plan takes for granted, one sentence */
  readonly assumes: string;
  readonly plannedWaitSeconds: number;
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
}

interface Column {
  readonly heading: string;
  readonly cell: (batch: PlannedBatch) => string;
  /** the column is shown only when a batch says something else; absent: always */
  readonly ordinary?: string;
}

const COLUMNS: readonly Column[] = [
  { heading: 'BATCH', cell: (batch) => (batch.kind === 'bastion' ? 'bastion' : `${batch.kind} ${batch.index}`) },
  { heading: 'ZONE', cell: (batch) => batch.zone ?? '', ordinary: '' },
  { heading: 'HOSTS', cell: (batch) => String(batch.hosts.length) },
  { heading: 'AT ONCE', cell: (batch) => String(batch.lanes) },
  { heading: 'MODE', cell: (batch) => batch.mode ?? 'barrier', ordinary: 'barrier' },
  { heading: 'HEALTH', cell: (batch) => batch.verification ?? 'required', ordinary: 'required' },
  { heading: 'MAY FAIL', cell: (batch) => String(batch.tolerance ?? 0), ordinary: '0' },
  { heading: 'BAKE', cell: (batch) => showDuration(batch.bakeSeconds * 1000) },
  { heading: 'REST', cell: (batch) => showDuration((batch.pauseSeconds ?? 0) * 1000), ordinary: '0s' },
  { heading: 'GOES ON', cell: (batch) => (batch.manual ? 'waits for promote' : 'by itself') },
  { heading: 'NAMES', cell: (batch) => batch.hosts.join(', ') },
];

export function planLines({ plan, assumes, plannedWaitSeconds }: PlanAnswer, pool: string, color: boolean): string[] {
  const { capacity } = plan;
  const columns = COLUMNS.filter(({ cell, ordinary }) => ordinary === undefined || plan.batches.some((batch) => cell(batch) !== ordinary));
  const cap = plan.batchCap === undefined ? '' : `; no batch takes more than ${plan.batchCap.hosts} (${plan.batchCap.percent}%)`;
  return [
    bold(`${pool}: ${plan.changes.map(({ application, version }) => `${application} → ${version}`).join(', ')}`, color),
    ...table(columns.map(({ heading }) => heading), plan.batches.map((batch) => columns.map(({ cell }) => cell(batch)))),
    `capacity: ${capacity.hosts} hosts, ${capacity.inService} in service, never below ${capacity.floor}${capacity.outageAllowed ? ', outage allowed' : ''}${cap}`,
    `waits planned: ${showDuration(plannedWaitSeconds * 1000)}; a rollback goes ${plan.rollback.batchPercent}% of the pool at a time`,
    ...(assumes === '' ? [] : [printable(assumes)]),
    ...plan.warnings.map((warning) => marked('warn', printable(warning), color)),
  ];
}
