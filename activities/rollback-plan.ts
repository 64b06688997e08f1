/** The frozen way back of every target of a release: from what was observed on it, or to the older version that was asked for. */
import { hostPasts } from '../db/host-history.ts';
import { quarantinedVersions } from '../db/blocks.ts';
import { getRollbackPlan, preImages } from '../db/queries.ts';
import { rollbackWidth } from '../domain/plan/rollback-width.ts';
import { goalImage, isSameInstall, wayBackOf, wayTo } from '../domain/rollback-plan.ts';
import { ownWayBack } from '../domain/strategy-way-back.ts';
import { chooseAhead, chooseWayBack } from '../domain/way-back.ts';
import type { ActivityDeps } from './deps.ts';
import type { Inventory } from '../domain/inventory.ts';
import type { CoreEventData } from '../domain/release/events.ts';
import type { Observation } from '../domain/release/target.ts';
import type { Install, RollbackPlan, TargetWayBack } from '../domain/rollback-plan.ts';
import type { WayBack, WayBackAsked, WayBackRefusal } from '../domain/way-back.ts';

type Request = CoreEventData['release-requested'];
type Images = Readonly<Record<string, Observation>>;

/** The way back of a release that restores what was observed: of its own targets, or by the pre-images of an earlier release. */
export async function planPrevious(deps: ActivityDeps, { strategy, applications, hosts }: Inventory, request: Request, images: Images): Promise<RollbackPlan> {
  const quarantined = new Set<string>();
  for (const { name } of applications) for (const version of await quarantinedVersions(deps.db, name)) quarantined.add(`${name}@${version}`);
  const targets = hosts.flatMap(({ name }): readonly TargetWayBack[] => (images[name] === undefined ? [] : [wayBackOf(name, images[name], quarantined)]));
  return { mode: request.mode ?? strategy.rollback.mode, batchPercent: rollbackWidth(strategy), to: 'previous', targets };
}

/** What the rollback of `release` makes of each of its targets, and where that is. */
export async function goalsOf(deps: ActivityDeps, release: string): Promise<{ readonly images: Images; readonly to: RollbackPlan['to'] }> {
  const [images, plan] = await Promise.all([preImages(deps.db, release), getRollbackPlan(deps.db, release)]);
  if (plan === null || plan.to === 'previous') return { images, to: 'previous' };
  const ways = new Map(plan.targets.map((way) => [way.host, way]));
  return { images: Object.fromEntries(Object.entries(images).map(([host, image]) => [host, goalImage(image, ways.get(host)?.applications ?? [])])), to: plan.to };
}

/** The way back of a release that brings something new: to what was observed, or where its strategy sends rollbacks; or why it cannot go there. */
export async function planOwn(deps: ActivityDeps, inventory: Inventory, request: Request, seen: Seen): Promise<RollbackPlan | WayBackRefusal> {
  const to = ownWayBack(request);
  if (to === 'previous') return planPrevious(deps, inventory, request, seen.images);
  return planWays(deps, { inventory, request, to, seen, choose: (asked) => chooseAhead(asked, bringing(request, asked.application)) });
}

/** The way of every host to what was asked for, looked up again now that the hosts were looked at; or why it cannot be gone. */
export function planTo(deps: ActivityDeps, inventory: Inventory, request: Request, seen: Seen): Promise<RollbackPlan | WayBackRefusal> {
  return planWays(deps, { inventory, request, to: request.to ?? {}, seen, choose: chooseWayBack });
}

function bringing({ changes }: Request, application: string): string | null {
  return changes.find((change) => change.application === application)?.version ?? null;
}

/** What was seen of the hosts just now, by the release of this epoch. */
interface Seen {
  readonly images: Images;
  readonly epoch: number;
}

interface Ways {
  readonly inventory: Inventory;
  readonly request: Request;
  readonly to: Exclude<RollbackPlan['to'], 'previous'>;
  readonly seen: Seen;
  readonly choose: (asked: WayBackAsked) => WayBack;
}

async function planWays(deps: ActivityDeps, { inventory: { strategy, hosts }, request, to, seen: { images, epoch }, choose }: Ways): Promise<RollbackPlan | WayBackRefusal> {
  const names = hosts.map(({ name }) => name);
  const goals = new Map<string, Install[]>(names.map((name) => [name, []]));
  for (const [application, version] of Object.entries(to)) {
    const pasts = await hostPasts(deps.db, { hosts: names, application, before: { epoch, seen: images } });
    const chosen = choose({ application, to: version, pasts, quarantined: await quarantinedVersions(deps.db, application) });
    if ('refusal' in chosen) return chosen.refusal;
    for (const { host, install } of chosen.goals) goals.get(host)?.push(install);
  }
  const targets = hosts.flatMap(({ name }): readonly TargetWayBack[] => {
    const image = images[name];
    return image === undefined ? [] : [wayTo(name, image, goals.get(name) ?? [])];
  });
  return { mode: request.mode ?? strategy.rollback.mode, batchPercent: rollbackWidth(strategy), to, targets };
}

/** Hosts that do not have yet what the plan gives them. */
export function hostsToRestore(plan: RollbackPlan, images: Images): readonly string[] {
  return plan.targets.filter(({ host, applications }) => applications.some((goal) => !isThere(images[host], goal))).map(({ host }) => host);
}

function isThere(image: Observation | undefined, goal: Install): boolean {
  const seen = image?.applications.find(({ application }) => application === goal.application);
  return seen !== undefined && isSameInstall(seen, goal);
}

/** Run configurations each host must still have to go back to a version, as the log knows them; asked for when the hosts are looked at. Nobody is in it when none goes to one. */
export async function configsNeeded(deps: ActivityDeps, request: Request, hosts: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>> {
  const to = request.to ?? ownWayBack(request);
  if (to === 'previous') return new Map();
  const needed = new Map<string, string[]>(hosts.map((host) => [host, []]));
  for (const application of Object.keys(to)) {
    for (const { host, installs } of await hostPasts(deps.db, { hosts, application })) needed.get(host)?.push(...installs.flatMap(({ config }) => config ?? []));
  }
  return new Map([...needed].map(([host, configs]) => [host, [...new Set(configs)]]));
}
