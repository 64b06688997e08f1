/** A plan as people read it before they start a release. */
import { showDuration } from '../duration.ts';
import { wayBackText } from '../release.ts';
import type { WayBack } from '../release.ts';
import { bold, marked, printable } from './glyphs.ts';
import { table } from './table.ts';

export interface PlanAnswer {
  readonly plan: {
    readonly batches: readonly PlannedBatch[];
    readonly capacity: { readonly hosts: number; readonly inService: number; readonly floor: number; readonly outageAllowed: boolean };
    readonly changes: readonly { readonly application: string; readonly version: string; readonly sha256: string }[];
    readonly rollback: { readonly batchPercent: number };
    readonly warnings: readonly string[];
  };
  /** what the plan takes for granted, one sentence */
  readonly assumes: string;
  /** what a rollback would lead to, as far as the server knows; an older server does not say */
  readonly wayBack?: readonly WayBack[];
  readonly plannedWaitSeconds: number;
}

interface PlannedBatch {
  readonly index: number;
  readonly kind: string;
  readonly hosts: readonly string[];
  readonly lanes: number;
  readonly bakeSeconds: number;
  readonly manual: boolean;
}

export function planLines({ plan, assumes, plannedWaitSeconds, wayBack = [] }: PlanAnswer, pool: string, color: boolean): string[] {
  const { capacity } = plan;
  const rows = plan.batches.map((batch) => [
    batch.kind === 'bastion' ? 'bastion' : `${batch.kind} ${batch.index}`,
    String(batch.hosts.length),
    String(batch.lanes),
    showDuration(batch.bakeSeconds * 1000),
    batch.manual ? 'waits for promote' : 'by itself',
    batch.hosts.join(', '),
  ]);
  return [
    bold(`${pool}: ${plan.changes.map(({ application, version }) => `${application} → ${version}`).join(', ')}`, color),
    ...table(['BATCH', 'HOSTS', 'AT ONCE', 'BAKE', 'GOES ON', 'NAMES'], rows),
    `capacity: ${capacity.hosts} hosts, ${capacity.inService} in service, never below ${capacity.floor}${capacity.outageAllowed ? ', outage allowed' : ''}`,
    `waits planned: ${showDuration(plannedWaitSeconds * 1000)}; a rollback goes ${plan.rollback.batchPercent}% of the pool at a time`,
    ...(wayBack.some(({ applications }) => applications.length > 0) ? [printable(`a rollback leads to: ${wayBackText({ targets: wayBack })}`)] : []),
    ...(assumes === '' ? [] : [printable(assumes)]),
    ...plan.warnings.map((warning) => marked('warn', printable(warning), color)),
  ];
}
