/**
 * A balancer forgets runtime drains when it reloads. This loop watches each balancer of a running release and, once it has seen a
 * reload or restart, writes the wanted states again, under the same fence as every other write. Any other foreign change is a finding.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { withTargetFence } from '../db/fence.ts';
import { clearFinding, openFinding } from '../db/findings.ts';
import { getInventoryOf } from '../db/queries.ts';
import { listWantedTraffic } from '../db/wanted-traffic.ts';
import { createTraffic } from '../drivers/traffic/factory.ts';
import type { Logger } from 'pino';
import type { Database } from '../db/client.ts';
import type { TrafficSpec } from '../domain/inventory.ts';
import type { BalancerIdentity, Traffic } from '../drivers/traffic/port.ts';
import type { Loop } from './dispatcher.ts';

export interface ReassertDeps {
  readonly db: Database;
  readonly log: Logger;
}

type Wanted = Awaited<ReturnType<typeof listWantedTraffic>>[number];

const EVERY_MS = 1000;

export function startReassert({ db, log }: ReassertDeps): Loop {
  const stopping = new AbortController();
  const seen = new Map<string, BalancerIdentity>();
  const loop = (async () => {
    while (!stopping.signal.aborted) {
      await round(db, seen, log, stopping.signal).catch((err: unknown) => log.warn({ err: String(err) }, 'Wanted traffic states could not be compared; trying again'));
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

async function round(db: Database, seen: Map<string, BalancerIdentity>, log: Logger, signal: AbortSignal): Promise<void> {
  const byRelease = Map.groupBy(await listWantedTraffic(db), ({ release }) => release);
  for (const [release, wanted] of byRelease) {
    const spec = (await getInventoryOf(db, release)).pool.traffic;
    const traffic = createTraffic(spec);
    const identity = await traffic.identity(signal).catch(() => null);
    if (identity === null) continue;
    const key = JSON.stringify(spec);
    const before = seen.get(key);
    seen.set(key, identity);
    if (before === undefined) continue;
    if (isRestarted(before, identity)) await assertAll(db, traffic, wanted, log, signal);
    else await findForeignChanges(db, spec, traffic, wanted, signal);
  }
}

function isRestarted(before: BalancerIdentity, now: BalancerIdentity): boolean {
  return before.pid !== now.pid || now.uptimeSeconds < before.uptimeSeconds;
}

async function assertAll(db: Database, traffic: Traffic, wanted: readonly Wanted[], log: Logger, signal: AbortSignal): Promise<void> {
  for (const { release, host, server, epoch, wanted: state } of wanted) {
    const fence = <T>(write: () => Promise<T>): Promise<T> => withTargetFence(db, { release, host, epoch }, write);
    try {
      await traffic.assert(server, state, { signal, fence });
      log.info({ release, host, state: state.admin }, 'The balancer was reloaded; the wanted state was written again');
    } catch (err) {
      log.warn({ err: String(err), release, host }, 'The wanted state could not be written again');
    }
  }
}

/** Only drains are compared: a host that should be out and is not is the dangerous difference. */
async function findForeignChanges(db: Database, spec: TrafficSpec, traffic: Traffic, wanted: readonly Wanted[], signal: AbortSignal): Promise<void> {
  const drained = wanted.filter(({ wanted: state }) => state.admin === 'drain');
  const states = await traffic.observe(drained.map(({ server }) => server), signal).catch(() => []);
  for (const [index, { release, host, server }] of drained.entries()) {
    const state = states[index];
    if (state === undefined) continue;
    const id = `traffic/${release}/${host}`;
    if (state.admin !== 'ready') {
      await clearFinding(db, id);
      continue;
    }
    await openFinding(db, {
      id,
      kind: 'foreign-traffic-change',
      subject: host,
      sentence: `Release ${release} took ${host} out of traffic, but somebody set server ${server} to ready at the ${spec.driver} balancer.`,
      repair: `Set the server to drain again, or roll the release back: signalbox rollback ${release} --reason ...`,
    });
  }
}
