/** Rollback of an ended release, and retry of one whose rollback is incomplete: a new release, made from the recorded pre-images. */
import { putBlock, quarantinedVersions } from '../db/blocks.ts';
import { acceptCommand, settleCommand } from '../db/commands.ts';
import { getInventoryOf, getRelease, laterReleaseTouching } from '../db/queries.ts';
import { createReleaseRequest, loadReleaseRequest } from '../db/requests.ts';
import { crossingsOf } from '../domain/release/crossings.ts';
import { acrossRefusal, allowedCommands, decide } from '../domain/release/decide.ts';
import { planOf, progressOf } from '../domain/release/evolve.ts';
import { refused } from './receipt.ts';
import { newReleaseId } from './release-id.ts';
import { rollbackTo } from './rollback-to.ts';
import { releaseView } from '../domain/release/view.ts';
import { wayText } from '../domain/strategy-way-back.ts';
import type { Tx } from '../db/client.ts';
import type { Receipt } from '../db/commands.ts';
import type { Command } from '../domain/release/commands.ts';
import type { CoreEventData } from '../domain/release/events.ts';
import type { Folded } from '../domain/release/fold.ts';
import type { WaysTo } from '../domain/strategy-way-back.ts';

export interface OnEnded {
  readonly folded: Folded;
  readonly command: Command;
  readonly now: Date;
}

/**
 * The receipt is applied at once and names the new release; the old one keeps its status. Throws a 409 Problem when the old release
 * does not allow it, or when a later release touched one of the hosts: taking this one back would undo that one unseen.
 */
export async function rollbackOfEnded(tx: Tx, ended: OnEnded): Promise<Receipt> {
  const { folded, command } = ended;
  refuseAcross(folded, command);
  const id = isToOlder(folded, command) ? await rollbackTo(tx, { ...ended, command }) : await restoring(tx, ended);
  if (command.type === 'rollback') await hold(tx, folded.core.request, { command, release: id });
  await acceptCommand(tx, { command, release: folded.core.request.id });
  const receipt = await settleCommand(tx, { id: command.id, state: 'applied', release: id });
  if (receipt === null) throw new Error(`The receipt of ${command.id} is gone although it was just stored`);
  return receipt;
}

/** A retry goes on with what somebody has asked for already. */
function refuseAcross({ core }: Folded, command: Command): void {
  if (command.type !== 'rollback' || command.acrossIrreversible === true) return;
  const crossings = crossingsOf(core, progressOf(core.situation)?.begun ?? []);
  if (crossings.length > 0) throw refused({ ...acrossRefusal(crossings), allowed: allowedCommands(core) });
}

/** A version was named, or what is taken back was itself a rollback: then the pool goes to what it ran before. */
function isToOlder({ core: { request, situation } }: Folded, command: Command): command is Extract<Command, { type: 'rollback' }> {
  if (command.type !== 'rollback') return false;
  return (command.to ?? 'previous') !== 'previous' || (request.kind === 'rollback' && situation.status === 'rolled-back');
}

/** What a person took back is not released again until somebody lifts the hold. */
async function hold(tx: Tx, { pool, id }: CoreEventData['release-requested'], { command: { reason, by }, release }: { readonly command: Command; readonly release: string }): Promise<void> {
  const back = await loadReleaseRequest(tx, release);
  for (const name of back?.request.applications ?? []) await putBlock(tx, { kind: 'hold', name, pool, reason, release: id, by });
}

/** Makes the release that restores recorded pre-images and answers its id. */
async function restoring(tx: Tx, { folded, command, now }: OnEnded): Promise<string> {
  const { core } = folded;
  const allowed = allowedCommands(core);
  if (!allowed.includes(command.type)) {
    const decision = decide(core, command, { now: now.toISOString(), inWork: [], begunNow: [] });
    throw refused('refusal' in decision ? decision.refusal : { code: 'finished', message: 'The release has ended.', allowed });
  }
  const original = core.request;
  const restoreFrom = original.restoreFrom ?? original.id;
  const first = original.id === restoreFrom ? folded : await getRelease(tx, restoreFrom);
  if (command.type === 'rollback' && command.to === 'previous') refusePrevious(folded, first);
  const later = await laterReleaseTouching(tx, { release: original.id, hosts: touchedHosts(folded, first) });
  if (later !== null) {
    throw refused({ code: 'not-allowed', message: `Release ${later} touched these hosts later; taking ${original.id} back would undo it unseen. Roll back ${later} first.`, allowed: [] });
  }
  const restored = restoredVersions(first);
  if (command.type === 'rollback') await refuseUseless(tx, folded, restored);
  const id = newReleaseId(now);
  await createReleaseRequest(tx, { id, request: rollbackRequested(id, original, command, restoreFrom, restored), inventory: await getInventoryOf(tx, restoreFrom), actor: command.by });
  return id;
}

/** One release has one way back, frozen before it began. */
function refusePrevious({ core }: Folded, first: Folded | null): void {
  const to = ownTo(first);
  if (to === 'previous') return;
  const before = first === null ? [] : releaseView(first).changes.flatMap(({ application, from }) => (from === null ? [] : [`${application} ${from}`]));
  const named = before.length === 0 ? '' : `; what the hosts ran before (${before.join(', ')}) can be named as \`to\``;
  throw refused({ code: 'not-allowed', message: `The way back of release ${core.request.id} leads to ${wayText(to)}, as its strategy says${named}.`, allowed: allowedCommands(core) });
}

function ownTo(first: Folded | null): WaysTo {
  return first?.rollbackPlan?.to ?? 'previous';
}

/** Decided at the start: a rollback leads neither onto what runs already nor onto a quarantined version. */
async function refuseUseless(tx: Tx, folded: Folded, restored: Readonly<Record<string, string>>): Promise<void> {
  const allowed = allowedCommands(folded.core);
  if (ownTo(folded) === 'previous' && broughtNothing(folded)) {
    const what = Object.entries(restored).map(([application, versions]) => `${application} ${versions}`).join(', ');
    throw refused({ code: 'identical', message: `The hosts ran ${what} before this release, too, with the same configuration: there is nothing to take back.`, allowed });
  }
  for (const [application, versions] of Object.entries(restored)) {
    const quarantined = await quarantinedVersions(tx, application);
    const blocked = versions.split(', ').filter((version) => quarantined.has(version));
    if (blocked.length === 0) continue;
    throw refused({ code: 'quarantined', message: `The hosts ran ${application} ${blocked.join(', ')} before, which is quarantined; a rollback never leads onto it. Name another version with \`to\`, or lift the quarantine.`, allowed });
  }
}

/** True when the release switched hosts, and every one of them to exactly what it found there. */
function broughtNothing({ core, targets }: Folded): boolean {
  const changes = planOf(core.situation)?.changes ?? [];
  const begun = Object.values(targets).filter(({ forward }) => forward.begun !== null);
  return begun.length > 0 && begun.every(({ forward, preImage, configs }) => forward.done.includes('switch') && changes.every(({ application, sha256 }) => {
    const before = preImage?.applications.find((seen) => seen.application === application);
    return before !== undefined && before.digest === sha256 && before.config === (configs[application] ?? null);
  }));
}

/** Hosts that this release, or the one whose pre-images are restored, did anything to. */
function touchedHosts(folded: Folded, first: Folded | null): string[] {
  return [...new Set([folded, ...(first === null ? [] : [first])].flatMap(touchedIn))];
}

/** What each application goes back to; several versions, joined by a comma, where the hosts differed. Nothing where nothing ran. */
function restoredVersions(first: Folded | null): Readonly<Record<string, string>> {
  if (first === null) return {};
  if (first.core.request.to !== undefined) return Object.fromEntries(first.core.request.changes.map(({ application, version }) => [application, version]));
  const to = ownTo(first);
  const before = Object.fromEntries(releaseView(first).changes.flatMap(({ application, from }) => (from === null ? [] : [[application, from]])));
  return { ...before, ...(to === 'previous' ? {} : to) };
}

function touchedIn({ targets }: Folded): string[] {
  return Object.values(targets)
    .filter(({ forward, back }) => forward.begun !== null || back.begun !== null)
    .map(({ host }) => host);
}

/** Shown as the version an application goes back to where nothing of it ran before. */
const ABSENT = 'absent';

/** Queued behind whatever runs: a rollback that was asked for is never turned away because the pool is busy. */
function rollbackRequested(id: string, original: CoreEventData['release-requested'], command: Command, restoreFrom: string, restored: Readonly<Record<string, string>>): CoreEventData['release-requested'] {
  const { joined: _joined, to: _to, ...asked } = original;
  return {
    ...asked,
    changes: original.changes.map((change) => ({ ...change, version: restored[change.application] ?? ABSENT })),
    id,
    kind: 'rollback',
    requestedBy: command.by.name,
    reason: command.reason,
    busy: 'queue',
    plan: null,
    rollbackOf: original.id,
    restoreFrom,
    mode: command.type === 'rollback' ? (command.mode ?? original.strategy.rollback.mode) : original.strategy.rollback.mode,
  };
}
