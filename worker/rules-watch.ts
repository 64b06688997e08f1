/** The watchdog's look at balancers, which only workers reach: whether they have the servers that the rules of their pools say. */
import { setTimeout as delay } from 'node:timers/promises';
import { tellLooks } from '../db/findings.ts';
import { poolsWithTraffic } from '../db/flag-work.ts';
import { rulesInput } from '../db/pool-rules.ts';
import { takeWatchdogTurn } from '../db/watchdog-turn.ts';
import { entryName } from '../domain/traffic-entry.ts';
import { trafficRules } from '../domain/traffic-rules/rules.ts';
import { lookAtRules, type SeenBalancer } from '../domain/watchdog/rules.ts';
import { createTraffic } from '../drivers/traffic/factory.ts';
import type { Logger } from 'pino';
import type { Database } from '../db/client.ts';
import type { PoolSpec } from '../domain/inventory.ts';
import type { Loop } from './dispatcher.ts';

export interface RulesWatchDeps {
  readonly db: Database;
  readonly log: Logger;
  /** which worker looks, for people */
  readonly by: string;
  /** default 30 s: configuration files are changed by people */
  readonly everyMs?: number;
}

const EVERY_MS = 30_000;
/** Asked more often than it comes, so that whoever is left takes over. */
const ASK_PER_TURN = 6;
const AT_ONCE = 4;

export function startRulesWatch({ db, log, by, everyMs = EVERY_MS }: RulesWatchDeps): Loop {
  const stopping = new AbortController();
  const look = async (signal: AbortSignal): Promise<void> => {
    const left = [...(await poolsWithTraffic(db))];
    const seen: SeenBalancer[] = [];
    const lane = async (): Promise<void> => {
      for (let pool = left.shift(); pool !== undefined; pool = left.shift()) seen.push(...(await lookAt(db, pool, signal)));
    };
    await Promise.all(Array.from({ length: AT_ONCE }, lane));
    await tellLooks(db, [lookAtRules(seen)]);
  };
  const loop = (async () => {
    while (!stopping.signal.aborted) {
      const turn = { part: 'rules', everyMs, by } as const;
      await takeWatchdogTurn(db, turn, (signal) => look(AbortSignal.any([signal, stopping.signal]))).catch((err: unknown) => log.warn({ err: String(err) }, 'The rules of balancers could not be looked at; trying again'));
      await delay(everyMs / ASK_PER_TURN, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  })();
  return {
    stop: async () => {
      stopping.abort();
      await loop;
    },
  };
}

/** Empty where nothing can be derived: whoever asks for the rules is told why. */
async function lookAt(db: Database, { name, traffic }: PoolSpec, signal: AbortSignal): Promise<SeenBalancer[]> {
  const input = await rulesInput(db, name);
  const rules = input === null ? { refused: 'gone' } : trafficRules(input);
  if ('refused' in rules) return [];
  const known = await createTraffic(traffic).listed?.(signal).catch(() => null);
  return [{ rules, entry: entryName(traffic), known: known ?? null }];
}
