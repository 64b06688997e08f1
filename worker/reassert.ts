/**
 * A balancer forgets runtime drains when it reloads. This loop watches each balancer of a running release and writes again what the
 * process that answers now may never have been told, under the same fence as every other write. What a process was told and somebody
 * changed since is a finding.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { withWishFence } from '../db/fence.ts';
import { WishReplaced } from '../db/errors.ts';
import { clearFinding, listFindings, openFinding } from '../db/findings.ts';
import { getInventoryOf } from '../db/queries.ts';
import { noteOwnRepair } from '../db/repairs.ts';
import { confirmWantedTraffic, listWantedTraffic } from '../db/wanted-traffic.ts';
import { countedPools } from '../domain/joined-pool.ts';
import { createTraffic } from '../drivers/traffic/factory.ts';
import { lookWithMemory } from './balancer-memory.ts';
import { repairCommand } from '../domain/watchdog/finding.ts';
import type { Logger } from 'pino';
import type { Database } from '../db/client.ts';
import type { ListedWish } from '../db/wanted-traffic.ts';
import type { Inventory } from '../domain/inventory.ts';
import type { ObservedTraffic } from '../domain/release/target.ts';
import type { Traffic } from '../drivers/traffic/port.ts';
import type { Loop } from './dispatcher.ts';

export interface ReassertDeps {
  readonly db: Database;
  readonly log: Logger;
}

const EVERY_MS = 500;
/** a younger wish may not have been written to the balancer yet */
const SETTLED_MS = 3000;
const FINDING_KIND = 'foreign-traffic-change';

/** A wish beside what the balancer shows of it. */
interface Compared {
  readonly wish: ListedWish;
  readonly seen: ObservedTraffic;
}

export function startReassert(deps: ReassertDeps): Loop {
  const stopping = new AbortController();
  const watch = new Watch(deps, stopping.signal);
  const loop = (async () => {
    while (!stopping.signal.aborted) {
      await watch.round().catch((err: unknown) => deps.log.warn({ err: String(err) }, 'Wanted traffic states could not be compared; trying again'));
      await delay(EVERY_MS, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  })();
  return {
    stop: async () => {
      stopping.abort();
      await loop;
    },
  };
}

class Watch {
  readonly #deps: ReassertDeps;
  readonly #signal: AbortSignal;
  /** of releases that run now; a release's inventory never changes */
  #inventories = new Map<string, Inventory>();

  constructor(deps: ReassertDeps, signal: AbortSignal) {
    this.#deps = deps;
    this.#signal = signal;
  }

  async round(): Promise<void> {
    const all = await listWantedTraffic(this.#deps.db);
    const releases = new Set(all.map(({ release }) => release));
    this.#inventories = new Map([...this.#inventories].filter(([release]) => releases.has(release)));
    const foreign: Compared[] = [];
    const unjudged = new Set<string>();
    // By entry: one balancer that does not answer hides nothing of another one.
    for (const wishes of Map.groupBy(all, ({ release, pool }) => `${release} ${pool}`).values()) {
      const [{ release, pool } = { release: '', pool: '' }] = wishes;
      const compared = await this.#compare({ release, pool }, wishes).catch((err: unknown) => {
        this.#deps.log.debug({ err: String(err), release, pool }, 'The balancer does not answer; its state is compared when it does');
        return null;
      });
      for (const wish of wishes) if (compared === null || wish.ageMs < SETTLED_MS) unjudged.add(findingOf(wish));
      foreign.push(...(compared ?? []));
    }
    await this.#tell(foreign, unjudged);
  }

  /** Writes again what may have been forgotten. Answers the differences that somebody else made. */
  async #compare({ release, pool }: Pick<ListedWish, 'release' | 'pool'>, wishes: readonly ListedWish[]): Promise<readonly Compared[]> {
    const inventory = this.#inventories.get(release) ?? (await getInventoryOf(this.#deps.db, release));
    this.#inventories.set(release, inventory);
    const traffic = createTraffic(countedPools(inventory).find(({ name }) => name === pool)?.traffic ?? inventory.pool.traffic);
    const look = await lookWithMemory(traffic, wishes.map(({ server }) => server), this.#signal);
    if (look === null) return [];
    const all = wishes.flatMap((wish, index): readonly Compared[] => {
      const seen = look.states[index];
      return seen === undefined ? [] : [{ wish, seen }];
    });
    const untold = all.filter(({ wish }) => look.isUntold(wish.ageMs));
    for (const one of untold) await this.#assert(traffic, one, look.hasSettled);
    return all.filter((one) => !untold.includes(one) && one.wish.ageMs >= SETTLED_MS && one.wish.wanted.admin === 'drain' && one.seen.admin === 'ready');
  }

  /** Every round again until the process is old enough to be alone; then the wish counts as told to it. */
  async #assert(traffic: Traffic, { wish, seen }: Compared, hasSettled: boolean): Promise<void> {
    const { release, host, server, wanted } = wish;
    const { db, log } = this.#deps;
    try {
      if (isAsWanted(wish, seen)) {
        if (hasSettled) await confirmWantedTraffic(db, wish);
        return;
      }
      await traffic.assert(server, wanted, { signal: this.#signal, fence: (write) => withWishFence(db, wish, write) });
      log.info({ release, host, state: wanted.admin }, 'The balancer was reloaded; the wanted state was written again');
      await noteOwnRepair(db, { what: 'asserted-again', subject: release, sentence: `${host} was written as ${wanted.admin} again: its balancer did not know it any more.` });
    } catch (err) {
      if (err instanceof WishReplaced) return;
      log.warn({ err: String(err), release, host }, 'The wanted state could not be written again');
    }
  }

  /** A release may have changed its mind while the balancer was asked: only wishes that are still the same are held against it. */
  async #tell(suspected: readonly Compared[], unjudged: ReadonlySet<string>): Promise<void> {
    const { db } = this.#deps;
    const current = suspected.length === 0 ? [] : await listWantedTraffic(db);
    const foreign = suspected.filter(({ wish }) => current.some(({ release, host, pool, server, at }) => release === wish.release && host === wish.host && pool === wish.pool && server === wish.server && at === wish.at));
    for (const { wish } of foreign) await openFinding(db, describe(wish));
    const stays = new Set([...foreign.map(({ wish }) => findingOf(wish)), ...unjudged]);
    for (const { id, kind } of await listFindings(db)) if (kind === FINDING_KIND && !stays.has(id)) await clearFinding(db, id);
  }
}

/** Maintenance keeps requests away more strictly than a drain. */
function isAsWanted({ wanted }: ListedWish, seen: ObservedTraffic): boolean {
  if (wanted.admin === 'drain' && seen.admin === 'maint') return true;
  return seen.admin === wanted.admin && (wanted.weight === null || seen.weight === wanted.weight);
}

function findingOf({ release, host, pool }: ListedWish): string {
  return `traffic/${release}/${host}/${pool}`;
}

/** Only drains are compared: a host that should be out and is not is the dangerous difference. */
function describe(wish: ListedWish) {
  const { release, host, pool, server } = wish;
  return {
    id: findingOf(wish),
    kind: FINDING_KIND,
    subject: host,
    sentence: `Release ${release} took ${host} out of traffic, but somebody set server ${server} of pool ${pool} to ready at the balancer.`,
    repair: repairCommand(findingOf(wish)),
    verb: 'assert-again' as const,
    about: { release, host, pool, server },
  };
}
