/** A release as everybody reads it: its decisions and every target, folded from one stream. */
import { evolve, initialRelease } from './evolve.ts';
import { isTargetEvent } from './events.ts';
import { evolveTarget, initialTarget } from './target.ts';
import type { RollbackPlan } from '../rollback-plan.ts';
import type { StoredReleaseEvent } from './events.ts';
import type { ReleaseState } from './state.ts';
import type { TargetState } from './target.ts';

export interface Folded {
  readonly core: ReleaseState;
  readonly targets: Readonly<Record<string, TargetState>>;
  /** stream version of the last event folded */
  readonly version: number;
  /** the frozen way back of every target; absent before it was planned, and for releases that planned none */
  readonly rollbackPlan?: RollbackPlan;
}

/** Folds one event of a release stream, in the order of versions. The first must be `release-requested`. */
export function foldEvent(folded: Folded | null, event: StoredReleaseEvent): Folded {
  if (folded === null) {
    if (event.type !== 'release-requested') throw new Error(`A release stream begins with release-requested, not ${event.type}`);
    return { core: initialRelease(event), targets: initialTargets(event.data.hosts), version: event.version };
  }
  if (!isTargetEvent(event)) {
    const planned = event.type === 'rollback-planned' ? { rollbackPlan: event.data.plan } : {};
    return { ...folded, ...planned, core: evolve(folded.core, event), version: event.version };
  }
  const { host } = event.data;
  const before = folded.targets[host] ?? initialTarget(host, '');
  return { ...folded, targets: { ...folded.targets, [host]: evolveTarget(before, event) }, version: event.version };
}

/** One untouched target per host of the pool. */
export function initialTargets(hosts: readonly { readonly name: string; readonly zone: string }[]): Readonly<Record<string, TargetState>> {
  return Object.fromEntries(hosts.map(({ name, zone }) => [name, initialTarget(name, zone)]));
}
