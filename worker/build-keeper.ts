/**
 * Keeps releases with the build that began them: tells the others that this worker lives, makes the newest living build the one that
 * begins releases, and takes over releases of builds for which nobody works any more.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { giveSign, listBuilds, signOut, SIGN_MS } from '../db/workers.ts';
import { buildThatBegins, isDeserted } from '../domain/builds.ts';
import { beginWith, heardOfByQueues, knownToTemporal, moveDeserted } from './pinned-releases.ts';
import type { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import type { Database } from '../db/client.ts';
import type { Build } from '../domain/builds.ts';
import type { Loop } from './dispatcher.ts';

export interface BuildKeeperDeps {
  readonly db: Database;
  readonly client: Client;
  /** Temporal's name for all builds of this installation together */
  readonly deployment: string;
  readonly build: string;
  /** of this process: a UUID */
  readonly worker: string;
  readonly log: Logger;
  /** default: as often as the database expects a sign */
  readonly everyMs?: number;
}

export interface BuildKeeper extends Loop {
  /** null: Temporal hands out all of this build's work. Else why not, as a sentence's part; it stays null once it was. */
  readonly unready: () => string | null;
}

/** Temporal hands out nothing to a build before it is told so, and knows a build only once a worker of it has asked for work. */
const UNTIL_BEGUN_MS = 200;
/** What takes longer than this is told, and again after as long. */
const TELL_AFTER_MS = 10_000;

export function startBuildKeeper(deps: BuildKeeperDeps): BuildKeeper {
  const { db, build, worker, log, everyMs = SIGN_MS } = deps;
  const stopping = new AbortController();
  /** deserted builds that hold no release any more: they get no new ones */
  const emptied = new Set<string>();
  let begins = false;
  let unready: string | null = 'builds were not looked at yet';
  let toldAt = performance.now();
  const turn = async (): Promise<void> => {
    await giveSign(db, { id: worker, build });
    await knownToTemporal(deps);
    const builds = await listBuilds(db);
    if (buildThatBegins(builds) !== build) {
      begins = false;
      unready = null;
      return;
    }
    const was = await beginWith(deps);
    if (was !== null) log.info({ build, was: was === '' ? null : was }, 'New releases begin with this build of the worker');
    if (unready !== null) await heardOfByQueues(deps);
    begins = true;
    unready = null;
    await takeOver(deps, builds, emptied);
  };
  const missed = (err: unknown): void => {
    log.debug({ err: String(err) }, 'Builds were not looked at: Temporal or the database does not answer, or does not know this build yet');
    if (unready === null) return;
    unready = String(err);
    if (performance.now() - toldAt < TELL_AFTER_MS) return;
    toldAt = performance.now();
    log.warn({ build, err: unready }, 'This worker waits for Temporal to hand out work to its build. Where that does not end, restart the worker; look at the deployment with `temporal worker deployment describe`');
  };
  const loop = (async () => {
    while (!stopping.signal.aborted) {
      await turn().catch(missed);
      await delay(begins ? everyMs : Math.min(UNTIL_BEGUN_MS, everyMs), undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  })();
  return {
    unready: () => unready,
    stop: async () => {
      stopping.abort();
      await loop;
      await signOut(db, { id: worker, build }).catch(() => undefined);
    },
  };
}

/** Only when somebody deserted a build, each one until none of its releases is left. */
async function takeOver(deps: BuildKeeperDeps, builds: readonly Build[], emptied: Set<string>): Promise<void> {
  for (const { id, isLiving } of builds) if (isLiving) emptied.delete(id);
  const deserted = builds.filter(({ id }) => isDeserted(id, builds) && !emptied.has(id)).map(({ id }) => id);
  if (deserted.length === 0) return;
  const moved = await moveDeserted(deps, new Set(deserted));
  for (const { release, from } of moved) deps.log.info({ release, from, to: deps.build }, 'No worker of the build that began this release is left; this build goes on with it');
  if (moved.length > 0) return;
  for (const id of deserted) emptied.add(id);
}
