/** Preparation, first half: is every target reachable and fit, and what is there now (its pre-image). Nothing is changed. */
import { readCore } from '../db/append-core.ts';
import { appendTargetEvent, recallTargets } from '../db/events.ts';
import { SIGNALBOX } from '../domain/vocabulary.ts';
import { unfitFor } from '../domain/host-fitness.ts';
import { KIND_POLICIES } from '../domain/release-kind.ts';
import { compositionOf } from '../domain/recipe/compose.ts';
import { runsOf } from '../domain/recipe/composition.ts';
import { runsOtherwise } from '../domain/recipe/needs.ts';
import { observeCurrent } from './current-hosts.ts';
import { hostOf, packageOf } from './facts.ts';
import { asTemporal, StepFailed, verdictOn } from './failures.ts';
import { alive, inLanes } from './heartbeat.ts';
import { withDrainsLeft } from './drains-left.ts';
import { observe } from './host-call.ts';
import { vitalsOf } from './probe-host.ts';
import { observeTrafficOf } from './seen-traffic.ts';
import { HICCUP_MS, patient } from './patience.ts';
import { configsNeeded } from './rollback-plan.ts';
import { sayWaiting } from './waiting.ts';
import type { ActivityDeps } from './deps.ts';
import type { Acting, HostResult } from './host-call.ts';
import type { SeenTraffic } from './seen-traffic.ts';
import type { Inventory } from '../domain/inventory.ts';
import type { HostVitals } from '../domain/liveness.ts';
import type { Observation, ObservedApplication } from '../domain/release/target.ts';
import type { FailedTarget, ReleaseKind } from '../domain/vocabulary.ts';

export interface SurveyInput {
  readonly release: string;
  readonly epoch: number;
  readonly hosts: readonly string[];
  readonly adopt: boolean;
}

export interface ObserveInput extends SurveyInput {
  /** absent: asked by a release of an earlier build, which passes no host */
  readonly kind?: ReleaseKind;
  /** the release whose pre-images are restored */
  readonly restoreFrom?: string | null;
}

export interface Survey {
  readonly inService: readonly string[];
  readonly failed: readonly FailedTarget[];
}

const LANES = 10;
const TIMEOUT_MS = 15_000;

export function observeTargets(deps: ActivityDeps, input: ObserveInput): Promise<Survey> {
  return alive(async (signal) => {
    const inventory = await deps.facts.inventory(input.release);
    const observing = async (): Promise<readonly Seen[]> => {
      const [traffic, configs] = await Promise.all([observeTrafficOf(deps, inventory, input.hosts, signal), configsAsked(deps, input), recallTargets(deps.db, input.release, input.hosts)]);
      return inLanes(input.hosts, LANES, (host) => observeTarget(deps, inventory, input, { host: hostOf(inventory, host), traffic: traffic.get(host), configs: configs.get(host), signal }));
    };
    const seen = await observing().catch((error: unknown) => {
      throw asTemporal(error);
    });
    return {
      inService: seen.filter(({ inService }) => inService).map(({ host }) => host),
      failed: seen.flatMap(({ failed }) => (failed === null ? [] : [failed])),
    };
  });
}

interface Seen {
  readonly host: string;
  readonly inService: boolean;
  readonly failed: FailedTarget | null;
}

interface Looked extends Pick<Acting, 'host' | 'signal'> {
  readonly traffic: SeenTraffic | undefined;
  /** run configurations to look for, where the release goes back to an older version */
  readonly configs: readonly string[] | undefined;
}

/** By host; nobody where nothing need be looked for. */
async function configsAsked(deps: ActivityDeps, { release, hosts }: SurveyInput): Promise<ReadonlyMap<string, readonly string[]>> {
  const { state } = await readCore(deps.db, release);
  return state === null ? new Map() : configsNeeded(deps, state.request, hosts);
}

async function observeTarget(deps: ActivityDeps, inventory: Inventory, input: ObserveInput, { host, traffic, configs, signal }: Looked): Promise<Seen> {
  const { release, epoch, adopt } = input;
  const { name } = host;
  const acting: Acting = { release, host, epoch, direction: 'forward', round: 0, timeoutMs: TIMEOUT_MS, signal };
  try {
    const { observation: seen, result, vitals } = await patient({ signal, timeoutMs: HICCUP_MS }, () => look(deps, inventory, acting, { traffic, configs, withVitals: judgesMachines(input) }));
    const marker = result['marker'];
    const found = await withDrainsLeft(deps, inventory, { release, host: name }, seen);
    refuseUnfit(inventory, name, found, { result, vitals, adopt });
    // The first command that carries the marker is the adoption: from here on the host obeys again. Only a host that can be released is adopted.
    if (adopt && typeof marker === 'string' && marker !== '') await observe(deps, inventory, acting, { verb: 'fence', input: { marker }, traffic });
    const observation = passesCurrent(input) ? await observeCurrent(deps, inventory, { acting, observation: found, restoreFrom: input.restoreFrom ?? null }) : found;
    await appendTargetEvent(deps.db, { release, opId: `${name}/observe`, actor: SIGNALBOX, event: { type: 'target-observed', data: { host: name, epoch, observation } } });
    return { host: name, inService: observation.traffic.inService, failed: null };
  } catch (error) {
    await sayWaiting(deps, { release, host: name, epoch, step: 'observe' }, error);
    const failure = verdictOn(error, name);
    if (failure === null) throw error;
    await appendTargetEvent(deps.db, { release, opId: `${name}/observe-failed`, actor: SIGNALBOX, event: { type: 'target-preparation-failed', data: { host: name, epoch, step: 'observe', failure } } });
    return { host: name, inService: false, failed: { host: name, step: 'observe', failure } };
  }
}

/** A rollback goes on whatever the machine is like: it brings back what ran there before. */
function judgesMachines({ kind }: ObserveInput): boolean {
  return kind !== undefined && kind !== 'rollback';
}

interface Look extends Pick<Looked, 'traffic' | 'configs'> {
  readonly withVitals: boolean;
}

async function look(deps: ActivityDeps, inventory: Inventory, acting: Acting, { traffic, configs, withVitals }: Look) {
  const input = { ...(configs === undefined ? {} : { configs: configs.join(',') }), ...(withVitals ? { vitals: 'yes' } : {}) };
  const askedMs = Date.now();
  const seen = await observe(deps, inventory, acting, { verb: 'observe', traffic, input }).catch((error: unknown) => {
    throw withVitals && error instanceof StepFailed && error.failure.code === 'bad-input' ? tooOld(acting.host.name, error) : error;
  });
  return { ...seen, vitals: vitalsOf(seen.result, { askedMs, answeredMs: Date.now() }) };
}

/** Every host program refuses what it does not know. */
function tooOld(host: string, { failure }: StepFailed): StepFailed {
  return new StepFailed({ ...failure, class: 'host', code: 'host-program-old', message: `The host program on ${host} does not understand this worker: ${failure.message}`, next: `Install the host program of this version on ${host}, then start the release again.` });
}

function passesCurrent({ kind }: ObserveInput): boolean {
  return kind !== undefined && KIND_POLICIES[kind].passesCurrentHosts;
}

interface Told {
  readonly result: HostResult;
  readonly vitals: HostVitals;
  readonly adopt: boolean;
}

/** Every reason to stop before traffic moves: missing tools, break-glass, a foreign application, too little room, a wrong clock. */
function refuseUnfit(inventory: Inventory, host: string, observation: Observation, { result, vitals, adopt }: Told): void {
  const missing = Array.isArray(result['missing']) ? result['missing'].join(', ') : '';
  if (missing !== '') refuse('missing-tools', `${host} lacks ${missing}.`, 'Install them on the host.');
  const marker = result['marker'];
  if (typeof marker === 'string' && marker !== '' && !adopt) refuse('adopt-needed', `Somebody used break-glass on ${host}.`, 'Look at the host, then start the release with adopt: true.');
  const unmanaged = observation.applications.filter((seen) => seen.unmanaged).map(({ application }) => application);
  if (unmanaged.length > 0 && !adopt) refuse('unmanaged', `${unmanaged.join(', ')} runs on ${host}, but Signalbox did not install it.`, 'Start the release with adopt: true to take it over.');
  for (const seen of observation.applications) refuseOtherKind(inventory, host, seen);
  const unfit = unfitFor(host, vitals, inventory.applications.map(({ name }) => packageOf(inventory, name)?.sizeBytes ?? 0));
  if (unfit !== null) refuse(unfit.code, unfit.message, unfit.next);
}

/** What was released by acts that the recipe has no more could neither be stopped nor brought back. */
function refuseOtherKind(inventory: Inventory, host: string, seen: ObservedApplication): void {
  const application = inventory.applications.find(({ name }) => name === seen.application);
  if (application === undefined || !runsOtherwise(seen, compositionOf(inventory, application))) return;
  const now = runsOf(compositionOf(inventory, application));
  refuse('recipe-changed', `${seen.application} on ${host} was released by a recipe that ${HAS[seen.runs ?? 'process']}, and recipe ${application.recipe} ${HAS[now]}: what it has there would be left behind.`, 'Release it under a name of its own, or go back to a recipe of the same kind.');
}

const HAS = { process: 'starts a process', schedule: 'has cron entries', nothing: 'starts nothing' } as const;

function refuse(code: string, message: string, next: string): never {
  throw new StepFailed({ class: 'host', code, message, next });
}
