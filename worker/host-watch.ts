/**
 * The watchdog's look at machines, which only workers reach: a few hosts in each turn, never one that a release owns. It also carries out
 * the adoption of hosts that were put back by hand.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { clearFinding, openFinding } from '../db/findings.ts';
import { expectedInstalls, isOwned, raiseUnowned, unownedHosts, type WatchedHost } from '../db/host-watch.ts';
import { askedRepairs, settleRepair, type Repair } from '../db/repairs.ts';
import { takeWatchdogTurn } from '../db/watchdog-turn.ts';
import { findingIdsOf, findingOfHost, nextInTurn, type ExpectedInstall } from '../domain/watchdog/hosts.ts';
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
  /** default 5 s */
  readonly everyMs?: number;
}

const EVERY_MS = 5_000;
/** Asked more often than the turn comes: repairs wait for it too. */
const ASK_MS = 500;
/** At once, so that a turn ends in time whatever hosts do. */
const HOSTS_PER_TURN = 10;
const ANSWER_MS = 5_000;

export function startHostWatch(deps: HostWatchDeps): Loop {
  const { db, log, by, everyMs = EVERY_MS } = deps;
  const stopping = new AbortController();
  const { signal } = stopping;
  let last: string | null = null;
  const look = async (): Promise<void> => {
    const hosts = await unownedHosts(db);
    const names = nextInTurn(hosts.map(({ host }) => host.name), last, HOSTS_PER_TURN);
    last = names.at(-1) ?? null;
    await Promise.all(hosts.filter(({ host }) => names.includes(host.name)).map((one) => lookAtHost(deps, one, signal)));
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

/** A host that does not answer, or that a release took meanwhile, keeps the findings it has. */
async function lookAtHost(deps: HostWatchDeps, watched: WatchedHost, signal: AbortSignal): Promise<void> {
  const { db } = deps;
  const { host, pool } = watched;
  const expected = await expectedInstalls(db, watched);
  const answer = await observe(deps, watched, signal);
  if (answer === null || !answer.ok || (await isOwned(db, host.name))) return;
  const { marker } = answer.result;
  const found = findingOfHost({ host: host.name, pool: pool.name, expected, observed: installsIn(answer), marker: typeof marker === 'string' ? marker : null });
  for (const id of findingIdsOf(host.name)) if (id !== found?.id) await clearFinding(db, id);
  if (found !== null) await openFinding(db, found);
}

async function observe({ executorFor }: HostWatchDeps, { host, pool }: WatchedHost, signal: AbortSignal): Promise<HostAnswer | null> {
  const input = { root: host.executor.root, applications: pool.applications.join(',') };
  return executorFor(host).run(host, 'observe', input, { timeoutMs: ANSWER_MS, signal }).catch(() => null);
}

function installsIn({ result }: Extract<HostAnswer, { ok: true }>): readonly ExpectedInstall[] {
  const seen = Array.isArray(result['applications']) ? (result['applications'] as readonly Record<string, unknown>[]) : [];
  const text = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);
  return seen.map((one) => ({ application: String(one['application']), version: text(one['version']), digest: text(one['digest']) }));
}

async function adoptAsked(deps: HostWatchDeps, signal: AbortSignal): Promise<void> {
  const asked = await askedRepairs(deps.db, 'adopt-host');
  if (asked.length === 0) return;
  const hosts = new Map((await unownedHosts(deps.db)).map((one) => [one.host.name, one]));
  for (const repair of asked) {
    const watched = hosts.get(repair.about.host ?? '');
    const outcome = watched === undefined ? refusedFor(repair) : await adopt(deps, watched, { repair, signal });
    if (outcome !== null) await settleRepair(deps.db, repair.id, outcome);
    if (watched !== undefined && outcome?.state === 'applied') await lookAtHost(deps, watched, signal);
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
