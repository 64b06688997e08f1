/** One verb of the host program on one target, with the names and limits every call shares. */
import { hostFailure, StepFailed } from './failures.ts';
import { applicationsOf } from './facts.ts';
import { glanceAtTraffic, observeTraffic } from './seen-traffic.ts';
import type { ActivityDeps } from './deps.ts';
import type { Direction } from '../domain/vocabulary.ts';
import type { HostSpec, Inventory } from '../domain/inventory.ts';
import type { Observation, ObservedApplication, ObservedProcess } from '../domain/release/target.ts';
import type { HostInput, HostVerb } from '../drivers/executors/port.ts';
import type { SeenTraffic } from './seen-traffic.ts';

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
  const seen = known ?? (await (withoutFlags ? glanceAtTraffic : observeTraffic)(deps, inventory, host.name, acting.signal));
  return { observation: parseObservation(answer.result, seen, 'configs' in more), result: answer.result };
}

/** `isAsked`: run configurations were asked about, so that none of them is an answer. */
function parseObservation(result: HostResult, seen: SeenTraffic, isAsked: boolean): Observation {
  const applications = Array.isArray(result['applications']) ? (result['applications'] as readonly Record<string, unknown>[]) : [];
  const { traffic, flags, elsewhere } = seen;
  return { applications: applications.map((one) => parseApplication(one, isAsked)), traffic, freeBytes: Number(result['freeBytes'] ?? 0), ...(flags === undefined ? {} : { flags }), ...(elsewhere === undefined ? {} : { elsewhere }) };
}

function parseApplication(seen: Readonly<Record<string, unknown>>, isAsked: boolean): ObservedApplication {
  return {
    application: String(seen['application']),
    digest: textOrNull(seen['digest']),
    config: textOrNull(seen['config']),
    version: textOrNull(seen['version']),
    process: parseProcess(seen['process']),
    ...(typeof seen['serves'] === 'boolean' ? { serves: seen['serves'], runs: seen['runs'] === 'schedule' ? 'schedule' : 'nothing' } : {}),
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
