/** One verb of the host program on one target, with the names and limits every call shares. */
import { observedFlags } from '../db/host-flags.ts';
import { serverName } from '../domain/server-name.ts';
import { hostFailure, DependencyDown, StepFailed } from './failures.ts';
import { applicationsOf, hostOf } from './facts.ts';
import type { ActivityDeps } from './deps.ts';
import type { Direction } from '../domain/vocabulary.ts';
import type { HostSpec, Inventory } from '../domain/inventory.ts';
import type { Observation, ObservedApplication, ObservedFlags, ObservedProcess, ObservedTraffic } from '../domain/release/target.ts';
import type { HostInput, HostVerb } from '../drivers/executors/port.ts';

/** Who acts: every mutating verb carries it, so that the host can refuse whoever is outdated. */
export interface Acting {
  readonly release: string;
  readonly host: HostSpec;
  readonly epoch: number;
  readonly direction: Direction;
  readonly round: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

export type HostResult = Readonly<Record<string, unknown>>;

/** Plan revision of all operations; a release has one plan. */
const PLAN_REVISION = 1;

/** Throws StepFailed with the verdict when the host refuses, and what the executor throws when it cannot be reached. */
export async function onHost(deps: ActivityDeps, acting: Acting, verb: HostVerb, what: { readonly application: string; readonly step: string }, input: HostInput): Promise<HostResult> {
  const { release, host, epoch, direction, round, timeoutMs, signal } = acting;
  const opId = `${release}/${PLAN_REVISION}/${host.name}/${what.application}/${what.step}/${direction}/${round}`;
  const common = { root: host.executor.root, opId, epoch: String(epoch), application: what.application };
  const answer = await deps.executorFor(host).run(host, verb, { ...common, ...input }, { timeoutMs, signal });
  if (answer.ok) return answer.result;
  const failure = hostFailure(host.name, `${what.step} of ${what.application}`, answer);
  throw failure instanceof Error ? failure : new StepFailed(failure);
}

export interface Looking {
  /** `fence` observes after voiding every older command */
  readonly verb: 'observe' | 'fence';
  readonly input?: HostInput;
  /** its place in traffic, where that was just looked up for many hosts at once */
  readonly traffic?: SeenTraffic | undefined;
  /** nobody asks what flags have to do with its place in traffic; absent: it is asked */
  readonly withoutFlags?: true;
}

/** What the balancer shows, and what flags have to do with it. */
export interface SeenTraffic {
  readonly traffic: ObservedTraffic;
  readonly flags: ObservedFlags | undefined;
}

/** Observes the host and its place in traffic. */
export async function observe(deps: ActivityDeps, inventory: Inventory, acting: Acting, { verb, input: more = {}, traffic: known, withoutFlags }: Looking): Promise<{ readonly observation: Observation; readonly result: HostResult }> {
  const applications = applicationsOf(inventory).map(({ name }) => name).join(',');
  const { host } = acting;
  const input = { root: host.executor.root, applications, ...(verb === 'fence' ? { epoch: String(acting.epoch), opId: `${acting.release}/${host.name}/fence/${acting.epoch}` } : {}), ...more };
  const answer = await deps.executorFor(host).run(host, verb, input, { timeoutMs: acting.timeoutMs, signal: acting.signal });
  if (!answer.ok) {
    const failure = hostFailure(host.name, verb, answer);
    throw failure instanceof Error ? failure : new StepFailed(failure);
  }
  const { traffic, flags } = known ?? (await (withoutFlags ? glanceAtTraffic : observeTraffic)(deps, inventory, host, acting.signal));
  const observation = parseObservation(answer.result, traffic, 'configs' in more);
  return { observation: flags === undefined ? observation : { ...observation, flags }, result: answer.result };
}

/** One look at the balancer for many hosts. Nobody is in it when that fails: then each host is looked up alone and tells what is wrong with it. */
export async function observeTrafficOf(deps: ActivityDeps, inventory: Inventory, hosts: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, SeenTraffic>> {
  const { states, flags } = await lookUp(deps, inventory, hosts, signal).catch(() => ({ states: [], flags: new Map<string, ObservedFlags>() }));
  return new Map(hosts.flatMap((name, index) => (states[index] === undefined ? [] : [[name, { traffic: states[index], flags: flags.get(name) }]])));
}

async function observeTraffic(deps: ActivityDeps, inventory: Inventory, host: HostSpec, signal: AbortSignal): Promise<SeenTraffic> {
  const { states: [traffic], flags } = await lookUp(deps, inventory, [host.name], signal);
  if (traffic === undefined) throw saysNothing(host);
  return { traffic, flags: flags.get(host.name) };
}

async function glanceAtTraffic(deps: ActivityDeps, inventory: Inventory, host: HostSpec, signal: AbortSignal): Promise<SeenTraffic> {
  const [traffic] = await deps.trafficFor(inventory.pool.traffic).observe([serverOf(inventory, host)], signal);
  if (traffic === undefined) throw saysNothing(host);
  return { traffic, flags: undefined };
}

function saysNothing({ name }: HostSpec): DependencyDown {
  return new DependencyDown('the balancer', `it says nothing about ${name}`);
}

/**
 * Flags are read before and after the look: one that takes a server out, or brings it in, in that moment must be known, or its drain
 * would be taken for a hand's.
 */
async function lookUp(deps: ActivityDeps, inventory: Inventory, hosts: readonly string[], signal: AbortSignal): Promise<{ readonly states: readonly ObservedTraffic[]; readonly flags: ReadonlyMap<string, ObservedFlags> }> {
  const { traffic, name } = inventory.pool;
  const before = await observedFlags(deps.db, name, hosts);
  const states = await deps.trafficFor(traffic).observe(hosts.map((host) => serverOf(inventory, hostOf(inventory, host))), signal);
  const after = await observedFlags(deps.db, name, hosts);
  const both = [...before].map(([host, flags]) => [host, { ...flags, down: after.get(host)?.down ?? [] }] as const);
  return { states, flags: new Map([...both, ...after]) };
}

/** The host's name at the balancer. */
export function serverOf(inventory: Inventory, host: HostSpec): string {
  return serverName(inventory.pool.traffic, host.name);
}

/** `isAsked`: run configurations were asked about, so that none of them is an answer. */
function parseObservation(result: HostResult, traffic: ObservedTraffic, isAsked: boolean): Observation {
  const applications = Array.isArray(result['applications']) ? (result['applications'] as readonly Record<string, unknown>[]) : [];
  return { applications: applications.map((seen) => parseApplication(seen, isAsked)), traffic, freeBytes: Number(result['freeBytes'] ?? 0) };
}

function parseApplication(seen: Readonly<Record<string, unknown>>, isAsked: boolean): ObservedApplication {
  return {
    application: String(seen['application']),
    digest: textOrNull(seen['digest']),
    config: textOrNull(seen['config']),
    version: textOrNull(seen['version']),
    process: parseProcess(seen['process']),
    unmanaged: seen['unmanaged'] === true,
    ...(Array.isArray(seen['kept']) ? { kept: seen['kept'].map(String) } : {}),
    ...(isAsked && Array.isArray(seen['configs']) ? { configs: seen['configs'].map(String) } : {}),
  };
}

export function parseProcess(value: unknown): ObservedProcess | null {
  if (typeof value !== 'object' || value === null) return null;
  const { pid, startTicks, bootId } = value as Readonly<Record<string, unknown>>;
  return { pid: Number(pid), startTicks: Number(startTicks), bootId: String(bootId) };
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}
