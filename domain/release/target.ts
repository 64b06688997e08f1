/**
 * One target inside one release: what was observed of it, how far each direction came. Forward and back are kept apart, so that a
 * late forward result that is folded after the rollback began gives the same state in either order.
 */
import { STEPS } from '../vocabulary.ts';
import type { FlagOwner } from '../flags.ts';
import type { Direction, Failure, Step } from '../vocabulary.ts';
import type { Stored, TargetEvent } from './events.ts';

/** What a host and its balancers show of one target at one moment. */
export interface Observation {
  readonly applications: readonly ObservedApplication[];
  /** at the entry of the released pool, or of the first joined one that has the host */
  readonly traffic: ObservedTraffic;
  /** at further entries behind which other pools have the host; absent: there is none */
  readonly elsewhere?: readonly ObservedElsewhere[];
  /** free bytes where releases are kept */
  readonly freeBytes: number;
  /** how the server stood before an earlier release of ours took it out and could not bring it back; only such a drain is ours to lift */
  readonly leftBy?: LeftBy;
  /** the host runs exactly what the release would bring (package and configuration), in service, and its health checks passed; absent: it does not, or nobody looked */
  readonly current?: true;
  /** absent: no flag of the host but the release's was down, and none had taken its server out */
  readonly flags?: ObservedFlags;
}

/** How one server of a host stands: `traffic`, `leftBy` and `flags` of an Observation, of one entry. */
export type ObservedServer = Pick<Observation, 'traffic' | 'leftBy' | 'flags'>;

/** `pool`: the first one that has the host behind this entry. */
export interface ObservedElsewhere extends ObservedServer {
  readonly pool: string;
}

export interface LeftBy {
  readonly release: string;
  readonly admin: ObservedTraffic['admin'];
  readonly weight: number | null;
}

/** `down`: whose flags keep the host out. `beneath`: flags took the server out, and without them it stands ready with this weight. */
export interface ObservedFlags {
  readonly down: readonly FlagOwner[];
  readonly beneath: { readonly weight: number | null } | null;
}

/** `digest` null: no release is linked (`absent` on a first install). `process` null: nothing runs, or it has no process of its own: then `serves` tells. */
export interface ObservedApplication {
  readonly application: string;
  readonly digest: string | null;
  /** digest of the linked run configuration (argv, environment, stop rule) */
  readonly config: string | null;
  readonly version: string | null;
  readonly process: ObservedProcess | null;
  /** of an application without a process of its own: what is linked is in force. Absent: it has one, or is not there */
  readonly serves?: boolean;
  /** what it has here instead of a process of its own; goes with `serves` */
  readonly runs?: 'schedule' | 'nothing';
  /** something runs here that Signalbox did not install */
  readonly unmanaged: boolean;
  /** digests of the complete releases on this host, linked or not; absent where the host program did not tell */
  readonly kept?: readonly string[];
  /** those of the run configurations asked about that are on this host; absent where none was asked about */
  readonly configs?: readonly string[];
}

/** Whether the application does on this host what it is there for. */
export function isInForce({ process, serves }: Pick<ObservedApplication, 'process' | 'serves'>): boolean {
  return serves ?? process !== null;
}

/** A process is the same one only if all three agree. */
export interface ObservedProcess {
  readonly pid: number;
  readonly startTicks: number;
  readonly bootId: string;
}

/** What the balancer says: `admin` is the wish set by people or us, `operational` its own health check. */
export interface ObservedTraffic {
  readonly admin: 'ready' | 'drain' | 'maint' | 'none';
  readonly operational: 'up' | 'down' | 'unknown';
  readonly weight: number | null;
  readonly connections: number;
  readonly inService: boolean;
}

/** What a step found or did, as far as anybody later needs it. */
export interface StepResult {
  /** version the application answered, only after verify */
  readonly observedVersion?: Readonly<Record<string, string>>;
  readonly traffic?: ObservedTraffic;
  /** the same at further entries; absent: there is none */
  readonly elsewhere?: readonly { readonly pool: string; readonly traffic: ObservedTraffic }[];
  /** drain ended by its timeout with connections left */
  readonly connectionsLeft?: number;
  /** the floor was met on the way back, so this host went alone */
  readonly floorMet?: boolean;
  /** not admitted, for these owners' flags of the host are down; it comes in once they are up */
  readonly keptOut?: readonly FlagOwner[];
  readonly note?: string;
  /** hooks that ran around the step, in order: `web after-start.0`, the number being its place in the list; absent: none */
  readonly hooks?: readonly string[];
  /** what was started, by application, only after start */
  readonly processes?: Readonly<Record<string, ObservedProcess>>;
}

export interface Journey {
  readonly round: number;
  readonly begun: Step | null;
  readonly done: readonly Step[];
  readonly failure: { readonly step: Step | 'observe' | 'stage' | 'fence'; readonly failure: Failure } | null;
  readonly waiting: { readonly dependency: string; readonly message: string; readonly since: string } | null;
  /** what start reported; absent before it, and in records of before it was kept */
  readonly processes?: Readonly<Record<string, ObservedProcess>>;
  /** why the checks after admit failed: whoever goes on with the step takes the host out again */
  readonly checkFailure?: Failure;
  /** whose flags kept it out of traffic when it was to be admitted; absent: nobody's */
  readonly keptOut?: readonly FlagOwner[];
}

export interface TargetState {
  readonly host: string;
  readonly zone: string;
  readonly preImage: Observation | null;
  readonly staged: boolean;
  /** run configuration per application that `switch` links */
  readonly configs: Readonly<Record<string, string>>;
  readonly forward: Journey;
  readonly back: Journey;
  readonly fenced: { readonly untouched: boolean } | null;
  /** last version each application answered for itself */
  readonly observedVersion: Readonly<Record<string, string>>;
  /** digests of the releases the host keeps, per application, as last told; absent where nobody told */
  readonly kept?: Readonly<Record<string, readonly string[]>>;
}

const NO_JOURNEY: Journey = { round: 0, begun: null, done: [], failure: null, waiting: null };

export function initialTarget(host: string, zone: string): TargetState {
  return { host, zone, preImage: null, staged: false, configs: {}, forward: NO_JOURNEY, back: NO_JOURNEY, fenced: null, observedVersion: {} };
}

/** Folds one target event. Commutes with events of every other target, and forward with back on the same one. */
export function evolveTarget(state: TargetState, event: Stored<TargetEvent>): TargetState {
  switch (event.type) {
    case 'target-observed':
      return { ...state, ...keptOf(event.data.observation), preImage: event.data.observation, observedVersion: versionsOf(event.data.observation), forward: { ...state.forward, waiting: null } };
    case 'target-staged':
      return { ...state, ...withStaged(state.kept, event.data.digests), staged: true, configs: event.data.configs, forward: { ...state.forward, waiting: null } };
    case 'target-cleaned':
      return { ...state, kept: { ...state.kept, ...event.data.kept } };
    case 'target-preparation-failed':
      return { ...state, forward: { ...state.forward, failure: { step: event.data.step, failure: event.data.failure }, waiting: null } };
    case 'target-fenced':
      return { ...state, fenced: { untouched: event.data.untouched } };
    case 'target-fence-failed':
      return { ...state, back: { ...state.back, failure: { step: 'fence', failure: event.data.failure } } };
    case 'target-step-begun':
      return onJourney(state, event.data.direction, event.data.round, (journey) => ({ ...journey, begun: event.data.step }));
    case 'target-step-waiting':
      return onJourney(state, event.data.direction, event.data.round, (journey) => ({
        ...journey,
        waiting: { dependency: event.data.dependency, message: event.data.message, since: event.at },
      }));
    case 'target-step-succeeded': {
      const { direction, round, step, result } = event.data;
      const moved = onJourney(state, direction, round, (journey) => ({ ...journey, done: [...journey.done, step], failure: null, waiting: null, ...(result.keptOut ? { keptOut: result.keptOut } : {}), ...(result.processes ? { processes: result.processes } : {}) }));
      return result.observedVersion ? { ...moved, observedVersion: { ...moved.observedVersion, ...result.observedVersion } } : moved;
    }
    case 'target-check-failed':
      return onJourney(state, event.data.direction, event.data.round, (journey) => ({ ...journey, checkFailure: event.data.failure }));
    case 'target-step-failed':
      return onJourney(state, event.data.direction, event.data.round, (journey) => ({
        ...journey,
        failure: { step: event.data.step, failure: event.data.failure },
        waiting: null,
      }));
    default:
      return unknownEvent(event);
  }
}

/** The step after the last one done: the furthest that may have begun, for a step is begun before its end is recorded. */
export function nextAfter({ done, begun }: Journey): Step | null {
  const last = done.at(-1);
  return last === undefined ? begun : (STEPS[STEPS.indexOf(last) + 1] ?? last);
}

/**
 * A higher round starts the journey anew (retry), what was started still runs, and as much stays begun: the round may be but its last
 * steps, where a failure was ignored. An event of an older round changes nothing.
 */
function onJourney(state: TargetState, direction: Direction, round: number, change: (journey: Journey) => Journey): TargetState {
  const journey = state[direction];
  if (round < journey.round) return state;
  return { ...state, [direction]: change(round > journey.round ? anew(journey, round) : journey) };
}

function anew(before: Journey, round: number): Journey {
  const { processes } = before;
  return { ...NO_JOURNEY, round, begun: nextAfter(before), ...(processes === undefined ? {} : { processes }) };
}

function keptOf({ applications }: Observation): Pick<TargetState, 'kept'> {
  const told = applications.flatMap(({ application, kept }) => (kept === undefined ? [] : [[application, kept] as const]));
  return told.length === 0 ? {} : { kept: Object.fromEntries(told) };
}

/** What was staged is kept from then on; where nobody told what is kept, that one more is says nothing. */
function withStaged(kept: TargetState['kept'], digests: Readonly<Record<string, string>>): Pick<TargetState, 'kept'> {
  if (kept === undefined) return {};
  const added = Object.entries(digests).flatMap(([application, digest]) => {
    const before = kept[application];
    return before === undefined || before.includes(digest) ? [] : [[application, [...before, digest]] as const];
  });
  return { kept: { ...kept, ...Object.fromEntries(added) } };
}

function versionsOf(observation: Observation): Readonly<Record<string, string>> {
  const versions: Record<string, string> = {};
  for (const seen of observation.applications) if (seen.version !== null) versions[seen.application] = seen.version;
  return versions;
}

function unknownEvent(event: never): never {
  throw new Error(`evolveTarget does not know the event ${JSON.stringify(event)}`);
}
