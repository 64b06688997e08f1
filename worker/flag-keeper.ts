/**
 * Carries out the flags of hosts at the balancers: a server is drained while a flag of its host is down, and put back as it stood once all
 * are up. It also answers operators who ask whether a host may go, and writes down what balancers show. What cannot be carried out is a
 * finding. Every worker runs this loop; the host's row lock and the pool's turn keep them, and releases, apart.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { askedDrains } from '../db/drain-requests.ts';
import { listFlagWork, poolsWithTraffic, type FlagWork, type PoolWork } from '../db/flag-work.ts';
import { storeSightings } from '../db/host-sightings.ts';
import { releaseFlag } from '../db/release-flag.ts';
import { keepingOf, type Keeping } from '../domain/flag-keeping.ts';
import { serverName } from '../domain/server-name.ts';
import { createTraffic } from '../drivers/traffic/factory.ts';
import { carryOut, type Place } from './flag-acts.ts';
import { FlagFindings, type Trouble } from './flag-findings.ts';
import { lookWithMemory, type MemoryLook } from './balancer-memory.ts';
import { settleDrain } from './operator-drains.ts';
import type { Logger } from 'pino';
import type { Database } from '../db/client.ts';
import type { PoolSpec } from '../domain/inventory.ts';
import type { ObservedTraffic } from '../domain/release/target.ts';
import type { Loop } from './dispatcher.ts';

export interface FlagKeeperDeps {
  readonly db: Database;
  readonly log: Logger;
}

const EVERY_MS = 500;
/** pools in which no flag is down are looked at this often, for people who ask how a host stands */
const LOOK_MS = 5_000;

export function startFlagKeeper(deps: FlagKeeperDeps): Loop {
  const stopping = new AbortController();
  const keeper = new FlagKeeper(deps, stopping.signal);
  const loop = (async () => {
    while (!stopping.signal.aborted) {
      await keeper.round().catch((err: unknown) => deps.log.warn({ err: String(err) }, 'Flags of hosts could not be read; trying again'));
      await delay(EVERY_MS, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
    await keeper.settled();
  })();
  return {
    stop: async () => {
      stopping.abort();
      await loop;
    },
  };
}

class FlagKeeper {
  readonly #deps: FlagKeeperDeps;
  readonly #signal: AbortSignal;
  readonly #findings: FlagFindings;
  /** what is being done, by pool or request: a balancer that does not answer holds up nobody else */
  readonly #underWay = new Map<string, Promise<void>>();
  readonly #lookedAtMs = new Map<string, number>();

  constructor(deps: FlagKeeperDeps, signal: AbortSignal) {
    this.#deps = deps;
    this.#signal = signal;
    this.#findings = new FlagFindings(deps.db);
  }

  async round(): Promise<void> {
    const { db } = this.#deps;
    const work = await listFlagWork(db);
    await this.#findings.keepOnly(new Set(work.flatMap(({ pool, hosts }) => hosts.map(({ host }) => `${pool.name}/${host}`))));
    for (const one of work) this.#start(`pool ${one.pool.name}`, () => this.#keep(one));
    for (const asked of await askedDrains(db)) this.#start(`drain ${asked.id}`, () => settleDrain(this.#deps, asked, this.#signal));
    for (const pool of await poolsWithTraffic(db)) if (this.#isDue(pool.name)) this.#start(`look ${pool.name}`, () => this.#lookAt(pool));
  }

  async settled(): Promise<void> {
    await Promise.all(this.#underWay.values());
  }

  #start(name: string, act: () => Promise<void>): void {
    if (this.#underWay.has(name)) return;
    const doing = act()
      .catch((err: unknown) => this.#deps.log.debug({ err: String(err), name }, 'Not done now; trying again'))
      .finally(() => this.#underWay.delete(name));
    this.#underWay.set(name, doing);
  }

  #isDue(pool: string): boolean {
    const now = performance.now();
    if (now - (this.#lookedAtMs.get(pool) ?? Number.NEGATIVE_INFINITY) < LOOK_MS) return false;
    this.#lookedAtMs.set(pool, now);
    return true;
  }

  async #lookAt(pool: PoolSpec): Promise<void> {
    const servers = pool.hosts.map((host) => ({ host, server: serverName(pool.traffic, host) }));
    const states = await createTraffic(pool.traffic).observe(servers.map(({ server }) => server), this.#signal);
    await storeSightings(this.#deps.db, pool.name, servers.flatMap((one, index) => (states[index] === undefined ? [] : [{ ...one, traffic: states[index] }])));
  }

  async #keep({ pool, hosts }: PoolWork): Promise<void> {
    const places = hosts.map((work) => ({ work, server: serverName(pool.traffic, work.host) }));
    const traffic = createTraffic(pool.traffic);
    const look = await lookWithMemory(traffic, places.map(({ server }) => server), this.#signal).catch(async (error: unknown) => {
      for (const { work } of places) await this.#findings.tell(pool.name, work.host, { what: 'unreachable', message: error instanceof Error ? error.message : String(error) });
      throw error;
    });
    if (look === null) return;
    const acts = places.map(async ({ work, server }, index) => {
      const seen = look.states[index];
      if (seen !== undefined) await this.#keepOne({ pool, host: work.host, server, traffic, signal: this.#signal }, work, { seen, look });
    });
    await Promise.all(acts);
  }

  async #keepOne(place: Place, work: FlagWork, { seen, look }: { readonly seen: ObservedTraffic; readonly look: MemoryLook }): Promise<void> {
    const { db, log } = this.#deps;
    const { pool, host, server } = place;
    const keeping = await this.#decide(place, work, { seen, look });
    let trouble: Trouble | null = null;
    let shown = seen;
    try {
      ({ trouble, shown } = await carryOut(db, place, { keeping, work, seen, hasSettled: look.hasSettled }));
      if (keeping !== 'nothing' && keeping !== 'confirm' && trouble === null) log.info({ pool: pool.name, host, keeping }, 'A flag was carried out');
    } catch (error) {
      trouble = { what: 'refused', message: error instanceof Error ? error.message : String(error) };
    }
    await storeSightings(db, pool.name, [{ host, server, traffic: shown }]);
    await this.#findings.tell(pool.name, host, trouble);
  }

  async #decide({ pool, host, server }: Place, { down, drain }: FlagWork, { seen, look }: { readonly seen: ObservedTraffic; readonly look: MemoryLook }): Promise<Keeping> {
    // The pool's entry names the server otherwise now: what was done to the old one is nobody's concern any more.
    if (drain !== null && drain.server !== server) return 'forget';
    const held = drain !== null && down.length === 0 && (await releaseFlag(this.#deps.db, { host, pool: pool.name })) !== null;
    return keepingOf({ lowered: down.length > 0, held, drain, seen, forgotten: drain !== null && look.isUntold(drain.ageMs) });
  }
}
