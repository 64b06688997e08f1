/** Rollback of a pool to an older version that its hosts still keep: a new release, decided here from what the log knows of the hosts. */
import { capturedRecipes, recipesIn } from '../db/captured-recipes.ts';
import { hostPasts } from '../db/host-history.ts';
import { quarantinedVersions } from '../db/blocks.ts';
import { getInventory } from '../db/inventory.ts';
import { besideOf } from '../db/joined-pools.ts';
import { laterReleaseTouching } from '../db/queries.ts';
import { createReleaseRequest } from '../db/requests.ts';
import { allowedCommands } from '../domain/release/decide.ts';
import { versionNamed } from '../domain/strategy-way-back.ts';
import { chooseWayBack } from '../domain/way-back.ts';
import { invalid } from './problem.ts';
import { refused } from './receipt.ts';
import { newReleaseId } from './release-id.ts';
import type { Tx } from '../db/client.ts';
import type { ApplicationSpec, HostSpec, Inventory, PoolSpec, StrategySpec } from '../domain/inventory.ts';
import type { Command, Refusal } from '../domain/release/commands.ts';
import type { CoreEventData } from '../domain/release/events.ts';
import type { Goal, WayBackRefusal } from '../domain/way-back.ts';
import type { OnEnded } from './rollback-release.ts';

type Request = CoreEventData['release-requested'];
type RollbackCommand = Extract<Command, { type: 'rollback' }>;

/** A release that never reached its hosts says nothing about them; any other one names its pool. */
const ANCHORS: ReadonlySet<string> = new Set(['succeeded', 'aborted', 'rolled-back', 'rollback-incomplete']);

/**
 * Makes the release that goes back and answers its id. Throws a 409 Problem when it cannot be gone, with the versions that can be had,
 * and a 422 when it does not say of which application.
 */
export async function rollbackTo(tx: Tx, { folded, command, now }: OnEnded & { readonly command: RollbackCommand }): Promise<string> {
  const { core } = folded;
  const original = core.request;
  const refuse = (refusal: Omit<Refusal, 'allowed'>) => refused({ ...refusal, allowed: allowedCommands(core) });
  if (!ANCHORS.has(core.situation.status)) {
    throw refuse({ code: 'not-allowed', message: `Release ${original.id} ended as ${core.situation.status} before it reached a host. Name a release of pool ${original.pool} that did.` });
  }
  const to = wanted(original, command.to ?? 'previous');
  const inventory = await captureWayBack(tx, original, Object.keys(to));
  if ('missing' in inventory) throw refuse({ code: 'not-allowed', message: `${inventory.missing}, so pool ${original.pool} cannot be rolled back any more.` });
  const hosts = inventory.hosts.map(({ name }) => name);
  const later = Object.values(to).includes('previous') ? await laterReleaseTouching(tx, { release: original.id, hosts }) : null;
  if (later !== null) throw refuse({ code: 'not-allowed', message: `Release ${later} touched these hosts later; going back from ${original.id} would undo it unseen. Roll back ${later}, or name the version to go back to.` });
  const chosen = await choose(tx, { to, hosts });
  if ('refusal' in chosen) throw refuse(chosen.refusal);
  const id = newReleaseId(now);
  await createReleaseRequest(tx, { id, request: requestTo(id, { original, command, to, inventory, goals: chosen.goals }), inventory, actor: command.by });
  return id;
}

/** `previous` means every application of the release, a version the only one, `application@version` any of the pool. */
function wanted({ changes, id }: Request, to: string): Readonly<Record<string, string>> {
  if (to === 'previous') return Object.fromEntries(changes.map(({ application }) => [application, to]));
  const { application, version } = versionNamed(to);
  if (application !== null) return { [application]: version };
  const [only, ...others] = changes;
  if (only === undefined || others.length > 0) throw invalid([{ in: 'body', pointer: '/to', message: `release ${id} changed ${changes.map(({ application }) => application).join(', ')}; say which one goes back, as application@version` }]);
  return { [only.application]: to };
}

/** Pool, hosts and applications as they are declared now: the pool is brought back as it stands, not as it stood. */
async function captureWayBack(tx: Tx, { pool: poolName, strategy: used }: Request, applicationNames: readonly string[]): Promise<Inventory | { readonly missing: string }> {
  const pool = (await getInventory(tx, 'pool', poolName))?.spec as PoolSpec | undefined;
  if (pool === undefined) return { missing: `Pool ${poolName} does not exist any more` };
  const strategy = ((await getInventory(tx, 'strategy', pool.strategy))?.spec as StrategySpec | undefined) ?? used;
  const hosts: HostSpec[] = [];
  for (const name of pool.hosts) {
    const host = (await getInventory(tx, 'host', name))?.spec as HostSpec | undefined;
    if (host === undefined) return { missing: `Host ${name} does not exist any more` };
    hosts.push(host);
  }
  const applications: ApplicationSpec[] = [];
  for (const name of applicationNames) {
    const application = (await getInventory(tx, 'application', name))?.spec as ApplicationSpec | undefined;
    if (application === undefined || !pool.applications.includes(name)) return { missing: `Pool ${poolName} does not serve ${name}` };
    applications.push(application);
  }
  return { pool, strategy, applications, hosts, packages: [], ...(await capturedRecipes(recipesIn(tx), applications)), ...(await besideOf(tx, pool)) };
}

async function choose(tx: Tx, { to, hosts }: { readonly to: Readonly<Record<string, string>>; readonly hosts: readonly string[] }): Promise<{ readonly goals: readonly Goal[] } | { readonly refusal: WayBackRefusal }> {
  const goals: Goal[] = [];
  for (const [application, version] of Object.entries(to)) {
    const chosen = chooseWayBack({ application, to: version, pasts: await hostPasts(tx, { hosts, application }), quarantined: await quarantinedVersions(tx, application) });
    if ('refusal' in chosen) return { refusal: { ...chosen.refusal, message: withChoice(chosen.refusal), available: chosen.refusal.available.map((one) => `${application}@${one}`) } };
    goals.push(...chosen.goals);
  }
  return { goals };
}

function withChoice({ message, available }: WayBackRefusal): string {
  return `${message} ${available.length === 0 ? 'No older version can be had on every host.' : `Versions that can be had on every host: ${available.join(', ')}.`}`;
}

interface Asking {
  readonly original: Request;
  readonly command: RollbackCommand;
  readonly to: Readonly<Record<string, string>>;
  readonly inventory: Inventory;
  readonly goals: readonly Goal[];
}

/** Queued behind whatever runs, and restored from what it plans itself. */
function requestTo(id: string, { original, command, to, inventory: { pool, strategy, hosts }, goals }: Asking): Request {
  const versionsOf = (application: string): string => [...new Set(goals.flatMap(({ install }) => (install.application === application ? (install.version ?? []) : [])))].sort().join(', ');
  return {
    id,
    kind: 'rollback',
    pool: pool.name,
    environment: pool.environment,
    applications: Object.keys(to),
    changes: Object.keys(to).map((application) => ({ application, version: versionsOf(application) })),
    strategy,
    hosts: hosts.map(({ name, zone }) => ({ name, zone })),
    requestedBy: command.by.name,
    reason: command.reason,
    busy: 'queue',
    allowOutage: original.allowOutage,
    adopt: false,
    rollbackOf: original.id,
    restoreFrom: id,
    mode: command.mode ?? strategy.rollback.mode,
    to,
  };
}
