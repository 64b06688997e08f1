/**
 * Where a strategy sends its rollbacks: `rollback.to`, made into a version per application for one release. Whatever takes such a release
 * back (the brake, a deadline, an abort, a person who names no version) brings the hosts it touched there, and touches no other.
 */
import type { StrategySpec } from './inventory.ts';
import type { Change, CoreEventData } from './release/events.ts';
import type { RollbackPlan } from './rollback-plan.ts';

export type WaysTo = RollbackPlan['to'];

/** `application@version`, or a version alone, which names no application. */
export function versionNamed(to: string): { readonly application: string | null; readonly version: string } {
  const at = to.indexOf('@');
  return at > 0 ? { application: to.slice(0, at), version: to.slice(at + 1) } : { application: null, version: to };
}

/**
 * What `to` means for a release of these changes. A version alone is one of the only application that is changed. An application that
 * the release does not change goes nowhere by its rollback, so `to` says nothing about such a release.
 */
export function waysTo(to: string, changes: readonly Pick<Change, 'application'>[]): WaysTo {
  if (to === 'previous') return 'previous';
  const { application, version } = versionNamed(to);
  const [only, ...others] = changes;
  if (application !== null) return changes.some((change) => change.application === application) ? { [application]: version } : 'previous';
  return only === undefined || others.length > 0 ? 'previous' : { [only.application]: version };
}

/** Where a release is taken back to while it runs. A rollback is planned by itself and goes by no strategy. */
export function ownWayBack({ kind, strategy, changes }: Pick<CoreEventData['release-requested'], 'kind' | 'strategy' | 'changes'>): WaysTo {
  return kind === 'rollback' ? 'previous' : waysTo(strategy.rollback.to ?? 'previous', changes);
}

/** True when somebody who asks for `to` asks for nothing else than the release's own way back. */
export function isOwnWay(to: string, changes: readonly Pick<Change, 'application'>[], own: WaysTo): boolean {
  if (to === 'previous' || own === 'previous') return to === own;
  const ways = Object.entries(waysTo(to, changes));
  return ways.length === Object.keys(own).length && ways.every(([application, version]) => own[application] === version);
}

/** `web 1.4.0, api 2.0.0`; what was observed has no versions to list. */
export function wayText(to: WaysTo): string {
  return to === 'previous' ? 'what it ran before' : Object.entries(to).map(([application, version]) => `${application} ${version}`).join(', ');
}

type Rules = Pick<StrategySpec, 'name' | 'rollback'>;

/** Why a pool cannot go by this strategy, as a sentence without its stop; null when it can. */
export function unclearFor({ name, rollback: { to = 'previous' } }: Rules, pool: { readonly name: string; readonly applications: readonly string[] }): string | null {
  if (to === 'previous') return null;
  const { application, version } = versionNamed(to);
  const served = `pool ${pool.name} serves ${pool.applications.join(', ')}`;
  if (application !== null) return pool.applications.includes(application) ? null : `strategy ${name} sends rollbacks to ${to}, but ${served}`;
  return pool.applications.length === 1 ? null : `strategy ${name} sends rollbacks to ${version} and names no application, but ${served}: write application@version`;
}

/** Why a release cannot be taken back to what it brings, as a sentence without its stop; null when it brings something else. */
export function leadsNowhere({ name, rollback: { to = 'previous' } }: Rules, changes: readonly Change[]): string | null {
  const ways = waysTo(to, changes);
  const same = ways === 'previous' ? undefined : changes.find(({ application, version }) => ways[application] === version);
  return same === undefined ? null : `strategy ${name} sends rollbacks to ${same.application} ${same.version}, which is the version this release brings`;
}
