/**
 * Starts dead services again on hosts that no release owns. Each start has an epoch of its own and happens while no release can take the
 * host; the host program refuses it where a newer command came before.
 */
import { clearFinding, openFinding, openIds } from '../db/findings.ts';
import { StaleEpoch } from '../db/errors.ts';
import { withUnownedFence } from '../db/fence.ts';
import { raiseUnowned } from '../db/host-watch.ts';
import { getInventories, listInventory } from '../db/inventory.ts';
import { noteOwnRepair } from '../db/repairs.ts';
import { countServiceStart, forgetStarts, operatorDrained, pastStarts, settleServiceStart, skipServiceStart } from '../db/service-starts.ts';
import { FLAPPING, FLAPS, flapping, flappingId, isKeptAlive, keepAlive } from '../domain/keep-alive.ts';
import type { LookedAt } from '../activities/look-at-hosts.ts';
import type { ActivityDeps } from '../activities/deps.ts';
import type { AnsweredProbe } from '../domain/liveness.ts';
import type { KeepAlive } from '../domain/keep-alive.ts';
import type { HostSpec, PoolSpec } from '../domain/inventory.ts';
import type { PastStarts } from '../db/service-starts.ts';

export type KeepAliveDeps = Pick<ActivityDeps, 'db' | 'executorFor'>;

const START_MS = 3_000;
/** Longer than a program needs that ends at once for want of a file or a port. */
const SETTLE_MS = 300;

/** One application that something is done about. */
interface Service {
  readonly host: HostSpec;
  readonly pool: PoolSpec;
  readonly application: string;
  readonly probe: AnsweredProbe;
  readonly past: PastStarts;
  readonly act: Exclude<KeepAlive, 'nothing'>;
}

/** Looks that were just made. Those of a host are done one after the other, hosts at the same time. */
export async function keepServicesAlive(deps: KeepAliveDeps, looked: readonly LookedAt[], signal: AbortSignal): Promise<void> {
  const services = await servicesToMind(deps, looked);
  await Promise.all([...Map.groupBy(services, ({ host }) => host.name).values()].map(async (ofHost) => {
    for (const service of ofHost) if (!signal.aborted) await mind(deps, service, signal);
  }));
}

const RECIPES_MAX = 1_000;

async function servicesToMind({ db }: KeepAliveDeps, looked: readonly LookedAt[]): Promise<readonly Service[]> {
  const hosts = looked.flatMap(({ host, pool, probe, expected }) => (pool === null || expected === null || !probe.answered || probe.marker !== null ? [] : [{ host, pool, probe, expected }]));
  const names = hosts.map(({ host }) => host.name);
  if (names.length === 0) return [];
  const [left, past, drained, applications, recipes] = await Promise.all([
    openIds(db, [FLAPPING]).then((open) => new Set(open.map(({ id }) => id))),
    pastStarts(db, names, FLAPS.withinMs),
    operatorDrained(db, names),
    getInventories(db, 'application', [...new Set(hosts.flatMap(({ pool }) => pool.applications))]),
    listInventory(db, 'recipe', { limit: RECIPES_MAX }),
  ]);
  const byName = new Map(recipes.map(({ spec }) => [spec.name, spec]));
  return hosts.flatMap(({ host, pool, probe, expected }) => expected.flatMap((one) => {
    const { application } = one;
    const spec = applications.get(application)?.spec;
    if (spec === undefined || !isKeptAlive(spec, (name) => byName.get(name))) return [];
    const starts = past.get(`${host.name}/${application}`) ?? { startsMs: [], outcome: null };
    const seen = probe.applications.find((installed) => installed.application === application) ?? null;
    const act = keepAlive({ expected: one, seen, isDrained: drained.has(host.name), isLeftAlone: left.has(flappingId(host.name, application)), startsMs: starts.startsMs, nowMs: Date.now() });
    return act === 'nothing' ? [] : [{ host, pool, application, probe, past: starts, act }];
  }));
}

async function mind(deps: KeepAliveDeps, service: Service, signal: AbortSignal): Promise<void> {
  const { host: { name: host }, pool, application, past: { outcome } } = service;
  switch (service.act) {
    case 'start':
      return startAgain(deps, service, signal);
    case 'leave-alone':
      await openFinding(deps.db, flapping({ host, pool: pool.name, application, outcome }));
      return;
    case 'forget':
      await forgetStarts(deps.db, { host, application });
      await clearFinding(deps.db, flappingId(host, application));
      return;
    default:
      return unknownAct(service.act);
  }
}

/** Counted before it is tried: a start that ends the worker counts, too. A release that comes first keeps it from happening. */
async function startAgain({ db, executorFor }: KeepAliveDeps, { host, application, probe }: Service, signal: AbortSignal): Promise<void> {
  const epoch = await raiseUnowned(db, host.name, probe.maxEpoch);
  if (epoch === null) return;
  const id = `keep-alive/${host.name}/${application}/${epoch}`;
  await countServiceStart(db, { id, host: host.name, application, epoch });
  const input = { root: host.executor.root, opId: id, epoch: String(epoch), application, settleMs: String(SETTLE_MS) };
  const start = () => executorFor(host).run(host, 'start', input, { timeoutMs: START_MS, signal });
  const answer = await withUnownedFence(db, { host: host.name, epoch }, start).catch((error: unknown) => {
    if (error instanceof StaleEpoch) return null;
    return { ok: false, message: error instanceof Error ? error.message : String(error) } as const;
  });
  // A release took the host meanwhile: it was not tried.
  if (answer === null) return skipServiceStart(db, id);
  await settleServiceStart(db, id, answer.ok ? null : answer.message);
  if (answer.ok) await noteOwnRepair(db, { what: 'started-again', subject: `${host.name}/${application}`, sentence: `${application} on ${host.name} was dead and was started again.` });
}

function unknownAct(act: never): never {
  throw new Error(`Nobody knows what to do about ${String(act)}`);
}
