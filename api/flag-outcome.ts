/** What became of a wish about a host's flags: waited for until the balancers were read back, and told as it is when the time is up. */
import { setTimeout as delay } from 'node:timers/promises';
import { getDrain } from '../db/drain-requests.ts';
import { hostPlaces, type HostPlaces } from '../db/host-standing.ts';
import { isBroughtIn, isReadBackOut, standingOf, type HostStanding } from '../domain/host-standing.ts';
import { Problem } from './problem.ts';
import type { DrainRefusal } from '../domain/operator-drain.ts';
import type { ApiDeps } from './deps.ts';
import type { WaitLimit } from './receipt.ts';
import type { Answer } from './route.ts';

/** What was stored. `drain`: the request that the worker settles, null when nobody had to be asked. */
export interface Taken {
  readonly host: string;
  readonly pool: string | null;
  readonly up: boolean;
  readonly drain: string | null;
}

export interface OutcomeLimit extends WaitLimit {
  /** on the performance clock, before anything was stored */
  readonly started: number;
}

const LOOK_MS = 100;

/** Throws a 409 Problem when the worker refused the drain. */
export async function carriedOut(deps: ApiDeps, taken: Taken, { waitSeconds, signal, started }: OutcomeLimit): Promise<Answer> {
  const endMs = started + Math.min(waitSeconds * 1000, deps.waitMsMax ?? Number.POSITIVE_INFINITY);
  for (;;) {
    const isAsked = await isStillAsked(deps, taken);
    // Before the database tells the age of a look, so that a slow answer makes no look from before the request one from after it.
    const askedMsAgo = performance.now() - started;
    const places = await hostPlaces(deps.db, taken.host, taken.pool);
    const done = !isAsked && isDone(taken, places, askedMsAgo);
    if (done || performance.now() >= endMs || signal.aborted) return { status: done ? 200 : 202, body: answerOf(taken, places, { done, isAsked }) };
    await delay(LOOK_MS, undefined, { signal }).catch(() => undefined);
  }
}

async function isStillAsked({ db }: ApiDeps, { drain }: Taken): Promise<boolean> {
  if (drain === null) return false;
  const settled = await getDrain(db, drain);
  if (settled?.state === 'refused' && settled.refusal !== null) throw refusedDrain(settled.refusal);
  return settled?.state === 'asked';
}

function refusedDrain({ code, message, capacity }: DrainRefusal): Problem {
  const next = code === 'capacity-floor' ? ' Nothing was done. Bring other hosts back first, or send it again with `force: true` and a reason.' : '';
  return new Problem('conflict', { detail: `${message}${next}`, extra: { code, ...(capacity === undefined ? {} : { capacity }) } });
}

function isDone({ up }: Taken, { flags, places }: HostPlaces, askedMsAgo: number): boolean {
  return up ? isBroughtIn(flags, places) : isReadBackOut(places, askedMsAgo);
}

function answerOf({ host }: Taken, { flags, places }: HostPlaces, { done, isAsked }: { readonly done: boolean; readonly isAsked: boolean }): HostStanding & { readonly done: boolean; readonly sentence: string } {
  const standing = standingOf(host, flags, places);
  const told = standing.pools.length === 0 ? `${host} is in no pool: its flag is kept, and there is nothing to carry out.` : standing.pools.map(({ sentence }) => sentence).join(' ');
  const first = isAsked ? 'The drain is stored; a worker counts who serves before anything is done. ' : done ? '' : 'The flag is stored; what follows from it was not read back yet. ';
  return { done, sentence: `${first}${told}`, ...standing };
}
