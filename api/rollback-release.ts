/** Rollback of an ended release, and retry of one whose rollback is incomplete: a new release, made from the recorded pre-images. */
import { acceptCommand, settleCommand } from '../db/commands.ts';
import { getInventoryOf, getRelease, laterReleaseTouching } from '../db/queries.ts';
import { createReleaseRequest } from '../db/requests.ts';
import { allowedCommands, decide } from '../domain/release/decide.ts';
import { refused } from './receipt.ts';
import { newReleaseId } from './release-id.ts';
import { releaseView } from '../domain/release/view.ts';
import type { Tx } from '../db/client.ts';
import type { Receipt } from '../db/commands.ts';
import type { Command } from '../domain/release/commands.ts';
import type { CoreEventData } from '../domain/release/events.ts';
import type { Folded } from '../domain/release/fold.ts';

export interface OnEnded {
  readonly folded: Folded;
  readonly command: Command;
  readonly now: Date;
}

/**
 * The receipt is applied at once and names the new release; the old one keeps its status. Throws a 409 Problem when the old release
 * does not allow it, or when a later release touched one of the hosts: taking this one back would undo that one unseen.
 */
export async function rollbackOfEnded(tx: Tx, { folded, command, now }: OnEnded): Promise<Receipt> {
  const { core } = folded;
  const allowed = allowedCommands(core);
  if (!allowed.includes(command.type)) {
    const decision = decide(core, command, { now: now.toISOString(), inWork: [], begunNow: [] });
    throw refused('refusal' in decision ? decision.refusal : { code: 'finished', message: 'The release has ended.', allowed });
  }
  const original = core.request;
  const restoreFrom = original.restoreFrom ?? original.id;
  const later = await laterReleaseTouching(tx, { release: original.id, hosts: await touchedHosts(tx, folded, restoreFrom) });
  if (later !== null) {
    throw refused({ code: 'not-allowed', message: `Release ${later} touched these hosts later; taking ${original.id} back would undo it unseen. Roll back ${later} first.`, allowed: [] });
  }
  const id = newReleaseId(now);
  const request = rollbackRequested(id, original, command, restoreFrom, await restoredVersions(tx, folded, restoreFrom));
  await createReleaseRequest(tx, { id, request, inventory: await getInventoryOf(tx, restoreFrom), actor: command.by });
  await acceptCommand(tx, { command, release: original.id });
  const receipt = await settleCommand(tx, { id: command.id, state: 'applied', release: id });
  if (receipt === null) throw new Error(`The receipt of ${command.id} is gone although it was just stored`);
  return receipt;
}

/** Hosts that this release, or the one whose pre-images are restored, did anything to. */
async function touchedHosts(tx: Tx, folded: Folded, restoreFrom: string): Promise<string[]> {
  const first = folded.core.request.id === restoreFrom ? folded : await getRelease(tx, restoreFrom);
  return [...new Set([folded, ...(first === null ? [] : [first])].flatMap(touchedIn))];
}

/** What each application goes back to; several versions, joined by a comma, where the hosts differed. Nothing where nothing ran. */
async function restoredVersions(tx: Tx, folded: Folded, restoreFrom: string): Promise<Readonly<Record<string, string>>> {
  const first = folded.core.request.id === restoreFrom ? folded : await getRelease(tx, restoreFrom);
  if (first === null) return {};
  return Object.fromEntries(releaseView(first).changes.flatMap(({ application, from }) => (from === null ? [] : [[application, from]])));
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
  const { joined: _joined, ...asked } = original;
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
