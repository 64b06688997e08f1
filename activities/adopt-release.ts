/**
 * A release goes on from its log in a new workflow. First its hosts obey nobody older, in the store and on the hosts that were in work;
 * then what their targets recorded says where the batch at hand stands; only then anything goes on.
 */
import { readCore } from '../db/append-core.ts';
import { appliedCommands } from '../db/commands.ts';
import { appendReleaseEvents } from '../db/events.ts';
import { getRelease } from '../db/queries.ts';
import { openRelease } from '../db/requests.ts';
import { settleRepair } from '../db/repairs.ts';
import { findEvents } from '../db/stored-events.ts';
import { adoptedEvent, cutOff } from '../domain/release/adoption.ts';
import { isTerminal } from '../domain/vocabulary.ts';
import { hostOf } from './facts.ts';
import { asTemporal } from './failures.ts';
import { alive, inLanes } from './heartbeat.ts';
import { observe } from './host-call.ts';
import type { ActivityDeps } from './deps.ts';
import type { ReleaseState } from '../domain/release/state.ts';
import type { Actor } from '../domain/vocabulary.ts';

export interface Adoption {
  /** of the repair that somebody asked for */
  readonly id: string;
  readonly reason: string;
  readonly by: Actor;
  /** the lost workflow acted under this epoch, which the log may not know; the new one is above it */
  readonly epochAbove?: number;
}

export interface AdoptInput {
  readonly release: string;
  readonly adoption: Adoption;
}

/** What the new workflow begins with. */
export interface AdoptedState {
  readonly state: ReleaseState;
  /** stream version of the last decision in it */
  readonly version: number;
  /** commands that were applied already */
  readonly handled: readonly string[];
}

const LANES = 10;
const TIMEOUT_MS = 15_000;

/** May be repeated: every part of it is told once. Throws UnknownRelease for a release nobody asked for. */
export function adoptRelease(deps: ActivityDeps, input: AdoptInput): Promise<AdoptedState> {
  return alive(async (signal) => {
    try {
      const { release, adoption } = input;
      await openRelease(deps.db, { release });
      const adopted = await adopt(deps, input);
      if (!isTerminal(adopted.situation.status)) await settleBatch(deps, input, adopted, signal);
      await settleRepair(deps.db, adoption.id, { state: 'applied', outcome: `Release ${release} goes on from its log in a new workflow.` });
      const { state, version } = await readCore(deps.db, release);
      return { state: state ?? adopted, version, handled: await appliedCommands(deps.db, release) };
    } catch (error) {
      throw asTemporal(error);
    }
  });
}

/** From here on nobody older decides for the release, and where hosts may be in work nobody older records or moves anything. */
async function adopt({ db }: ActivityDeps, { release, adoption }: AdoptInput): Promise<ReleaseState> {
  const before = await stateOf(db, release);
  const opId = `adopt/${adoption.id}`;
  const [earlier] = await findEvents(db, [`${release}/${opId}/release-adopted`]);
  if (earlier !== undefined || isTerminal(before.situation.status)) return before;
  const { epochAbove = 0 } = adoption;
  await appendReleaseEvents(db, { release, opId, actor: adoption.by, epochAbove, events: [adoptedEvent(before, adoption.reason)] });
  return stateOf(db, release);
}

async function settleBatch(deps: ActivityDeps, { release, adoption }: AdoptInput, { adoptions = 0 }: ReleaseState, signal: AbortSignal): Promise<void> {
  const folded = await getRelease(deps.db, release);
  const cut = folded === null ? null : cutOff(folded.core, folded.targets);
  if (folded === null || cut === null) return;
  const epoch = folded.core.epoch ?? 0;
  await fence(deps, { release, epoch, hosts: cut.data.again }, signal);
  await appendReleaseEvents(deps.db, { release, opId: `adopt/${adoption.id}/cut`, actor: adoption.by, adoption: adoptions, events: [cut] });
}

/** Ends what still runs there. A host that does not answer is fenced by its next command, the first one it can get. */
async function fence(deps: ActivityDeps, { release, epoch, hosts }: { readonly release: string; readonly epoch: number; readonly hosts: readonly string[] }, signal: AbortSignal): Promise<void> {
  if (hosts.length === 0) return;
  const inventory = await deps.facts.inventory(release);
  await inLanes(hosts, LANES, async (name) => {
    const acting = { release, host: hostOf(inventory, name), epoch, direction: 'forward', round: 0, timeoutMs: TIMEOUT_MS, signal } as const;
    await observe(deps, inventory, acting, { verb: 'fence', withoutFlags: true }).catch(() => undefined);
  });
}

async function stateOf(db: ActivityDeps['db'], release: string): Promise<ReleaseState> {
  const { state } = await readCore(db, release);
  if (state === null) throw new Error(`Release ${release} is not open`);
  return state;
}
