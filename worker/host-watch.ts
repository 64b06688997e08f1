/**
 * The watchdog's look at machines, which only workers reach: a few hosts in each turn, never one that a release owns. It also starts
 * dead services again, and carries out the adoption of hosts that were put back by hand.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { lookAtHosts } from '../activities/look-at-hosts.ts';
import { raiseUnowned, unownedHosts, type WatchedHost } from '../db/host-watch.ts';
import { askedRepairs, settleRepair, type Repair } from '../db/repairs.ts';
import { takeWatchdogTurn } from '../db/watchdog-turn.ts';
import { nextInTurn } from '../domain/watchdog/hosts.ts';
import { keepServicesAlive } from './keep-alive.ts';
import type { Logger } from 'pino';
import type { ActivityDeps } from '../activities/deps.ts';
import type { Database } from '../db/client.ts';
import type { HostAnswer } from '../drivers/executors/port.ts';
import type { Loop } from './dispatcher.ts';

export interface HostWatchDeps {
  readonly db: Database;
  readonly executorFor: ActivityDeps['executorFor'];
  readonly log: Logger;
  /** which worker looks, for people */
  readonly by: string;
  /** dead services are started again; default: they are */
  readonly keepsAlive?: boolean;
  /** default 5 s */
  readonly everyMs?: number;
}

const EVERY_MS = 5_000;
/** Asked more often than the turn comes: repairs wait for it too. */
const ASK_MS = 500;
/** Every host has its turn within four while there are no more than 240, so that a dead service is seen soon; more at once would not be done in time. */
const TURNS = 4;
const HOSTS_PER_TURN = { least: 10, most: 60 } as const;
const ANSWER_MS = 4_000;
const TRIES = 2;

export function startHostWatch(deps: HostWatchDeps): Loop {
  const { db, log, by, everyMs = EVERY_MS } = deps;
  const stopping = new AbortController();
  const { signal } = stopping;
  let last: string | null = null;
  const look = async (): Promise<void> => {
    const hosts = await unownedHosts(db);
    const names = nextInTurn(hosts.map(({ host }) => host.name), last, Math.min(HOSTS_PER_TURN.most, Math.max(HOSTS_PER_TURN.least, Math.ceil(hosts.length / TURNS))));
    last = names.at(-1) ?? null;
    await lookAt(deps, hosts.filter(({ host }) => names.includes(host.name)), signal);
  };
  const loop = (async () => {
    while (!signal.aborted) {
      await takeWatchdogTurn(db, { part: 'hosts', everyMs, by }, look).catch((err: unknown) => log.warn({ err: String(err) }, 'Hosts could not be looked at; trying again'));
      await adoptAsked(deps, signal).catch((err: unknown) => log.warn({ err: String(err) }, 'Hosts could not be adopted; trying again'));
      await delay(Math.min(ASK_MS, everyMs), undefined, { signal }).catch(() => undefined);
    }
  })();
  return {
    stop: async () => {
      stopping.abort();
      await loop;
    },
  };
}

/** The fleet check asks for disk and clock, too; here it is what was changed by hand that must be seen soon. */
async function lookAt(deps: HostWatchDeps, hosts: readonly WatchedHost[], signal: AbortSignal): Promise<void> {
  const looked = await lookAtHosts({ ...deps, hostProgram: null }, hosts, { lanes: HOSTS_PER_TURN.most, timeoutMs: ANSWER_MS, tries: TRIES, withVitals: false, signal });
  if (deps.keepsAlive !== false) await keepServicesAlive(deps, looked, signal);
}

async function observe({ executorFor }: HostWatchDeps, { host, pool }: WatchedHost, signal: AbortSignal): Promise<HostAnswer | null> {
  const input = { root: host.executor.root, applications: pool.applications.join(',') };
  return executorFor(host).run(host, 'observe', input, { timeoutMs: ANSWER_MS, signal }).catch(() => null);
}

async function adoptAsked(deps: HostWatchDeps, signal: AbortSignal): Promise<void> {
  const asked = await askedRepairs(deps.db, 'adopt-host');
  if (asked.length === 0) return;
  const hosts = new Map((await unownedHosts(deps.db)).map((one) => [one.host.name, one]));
  for (const repair of asked) {
    const watched = hosts.get(repair.about.host ?? '');
    const outcome = watched === undefined ? refusedFor(repair) : await adopt(deps, watched, { repair, signal });
    if (outcome !== null) await settleRepair(deps.db, repair.id, outcome);
    if (watched !== undefined && outcome?.state === 'applied') await lookAt(deps, [watched], signal);
  }
}

interface Outcome {
  readonly state: 'applied' | 'refused';
  readonly outcome: string;
}

/** Null: the host does not answer now, and is asked again. */
async function adopt(deps: HostWatchDeps, watched: WatchedHost, { repair, signal }: { readonly repair: Repair; readonly signal: AbortSignal }): Promise<Outcome | null> {
  const { host } = watched;
  const seen = await observe(deps, watched, signal);
  if (seen === null || !seen.ok) return null;
  const { marker, maxEpoch } = seen.result;
  if (typeof marker !== 'string' || marker === '') return { state: 'applied', outcome: `${host.name} obeys already: somebody adopted it.` };
  if (marker !== repair.about.marker) return { state: 'refused', outcome: `${host.name} was put back by hand once more since (${marker}). Look at it, then adopt what is there now.` };
  const epoch = await raiseUnowned(deps.db, host.name, Number(maxEpoch ?? 0));
  if (epoch === null) return refusedFor(repair);
  const input = { root: host.executor.root, applications: watched.pool.applications.join(','), epoch: String(epoch), opId: `${repair.id}/${host.name}/fence/${epoch}`, marker };
  const answer = await deps.executorFor(host).run(host, 'fence', input, { timeoutMs: ANSWER_MS, signal }).catch(() => null);
  if (answer === null) return null;
  if (!answer.ok) return { state: 'refused', outcome: `${host.name} refused: ${answer.message}` };
  return { state: 'applied', outcome: `${host.name} obeys again. What it runs is compared with the log from now on.` };
}

function refusedFor({ about }: Repair): Outcome {
  return { state: 'refused', outcome: `${about.host ?? 'The host'} is owned by a release now, or in no pool any more. A release asked for with --adopt takes it over by itself.` };
}
