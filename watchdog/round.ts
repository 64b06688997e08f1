/** One round: asks the log, asks Temporal, asks the log again; tells what differs, takes back what does not any more, and does what may be done unasked. */
import { freedAtOnce, lookAtLocks } from '../domain/watchdog/locks.ts';
import { nextInTurn } from '../domain/watchdog/hosts.ts';
import { lookAtReleases, ownActs } from '../domain/watchdog/releases.ts';
import { lookAtServers } from '../domain/watchdog/servers.ts';
import { lookAtSites } from '../domain/watchdog/sites.ts';
import { lookAtWorkers } from '../domain/watchdog/workers.ts';
import { clearFinding, tellLooks } from '../db/findings.ts';
import { endedDrifts, namedSites, pulseAgeMs, runningReleases, seenServers, strayLocks, undispatchedCommands, workersNamespace } from '../db/watchdog-facts.ts';
import { dispatchAgain, freeLocks, startAgain, wakeAgain } from '../db/own-repairs.ts';
import type { Database } from '../db/client.ts';
import type { Look } from '../domain/watchdog/finding.ts';
import type { ReleaseLook, RunningRelease, WorkflowSight } from '../domain/watchdog/releases.ts';
import type { SiteLook } from '../domain/watchdog/sites.ts';
import type { TemporalEyes } from './temporal-eyes.ts';

export interface RoundDeps {
  readonly db: Database;
  readonly eyes: TemporalEyes;
}

/** Releases asked about in one round, and of these those whose workflow is asked itself. The others have their turn in the next rounds. */
const RELEASES_MAX = 200;
const HEADS_MAX = 40;
const AT_ONCE = 10;

/** What one process remembers between its rounds: whose turn it is. */
export interface Turns {
  release: string | null;
  head: string | null;
}

export async function round({ db, eyes }: RoundDeps, turns: Turns, signal: AbortSignal): Promise<void> {
  await freeStrayLocks(db);
  const running = await runningReleases(db);
  const place = await workersNamespace(db);
  // A watcher that looks elsewhere than workers work would find every release gone.
  const answers = (place === null || place === eyes.namespace) && (await eyes.answers(signal));
  const looks = answers ? await lookAt({ db, eyes }, running, turns, signal) : [];
  for (const act of looks.flatMap(ownActs)) await (act.do === 'start' ? startAgain(db, act) : wakeAgain(db, act));
  for (const command of await undispatchedCommands(db)) await dispatchAgain(db, command);
  const looked = new Set(looks.map(({ before }) => before.release));
  const unlooked = new Set(running.flatMap(({ release }) => (looked.has(release) ? [] : [release])));
  const waitingMs = running.reduce<number | null>((oldest, { ageMs }) => Math.max(oldest ?? 0, ageMs), null);
  const found: readonly Look[] = [
    lookAtReleases(looks, unlooked),
    lookAtLocks(await strayLocks(db)),
    lookAtServers(await seenServers(db)),
    lookAtWorkers({ pulseAgeMs: await pulseAgeMs(db), temporalAnswers: answers, waitingMs }),
    lookAtSites(await sitesSeen({ db, eyes }, answers, signal)),
  ];
  await tellLooks(db, found);
  for (const id of await endedDrifts(db)) await clearFinding(db, id);
}

async function lookAt({ db, eyes }: RoundDeps, running: readonly RunningRelease[], turns: Turns, signal: AbortSignal): Promise<readonly ReleaseLook[]> {
  const byId = new Map(running.map((one) => [one.release, one]));
  const asked = nextInTurn([...byId.keys()], turns.release, RELEASES_MAX);
  const withHead = new Set(nextInTurn(asked, turns.head, HEADS_MAX));
  turns.release = asked.at(-1) ?? null;
  turns.head = [...withHead].at(-1) ?? null;
  const sights = new Map<string, WorkflowSight>();
  const left = [...asked];
  const lane = async (): Promise<void> => {
    for (let release = left.shift(); release !== undefined && !signal.aborted; release = left.shift()) sights.set(release, await eyes.look(release, withHead.has(release), signal));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  const after = new Map((await runningReleases(db, [...sights.keys()])).map((one) => [one.release, one]));
  return [...sights].flatMap(([release, sight]) => {
    const before = byId.get(release);
    return before === undefined ? [] : [{ before, sight, after: after.get(release) ?? null }];
  });
}

/** Only from where workers work: elsewhere nobody asks on any queue. */
async function sitesSeen({ db, eyes }: RoundDeps, answers: boolean, signal: AbortSignal): Promise<readonly SiteLook[]> {
  const named = await namedSites(db);
  return Promise.all(named.map(async (one) => ({ ...one, askedAgoMs: answers ? await eyes.siteAskedAgoMs(one.site, signal) : ('unknown' as const) })));
}

async function freeStrayLocks(db: Database): Promise<void> {
  for (const freed of freedAtOnce(await strayLocks(db))) await freeLocks(db, freed);
}
