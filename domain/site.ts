/** Sites: data centres whose hosts are reached by workers inside them. How their queue and their calls are named, and how long a call may wait. */

/** Verbs that change nothing on a host: what one of them was answered may be another's question, so none shares its answer. */
const LOOKS: ReadonlySet<string> = new Set(['observe', 'verify', 'check']);

/** Longer than a site worker takes to come back to Temporal after a short break in the line. */
const TAKE_UP_MS_MAX = 5_000;
/** The executor at the site keeps the time of a call itself and says better what was wrong, so it goes first. */
const AFTER_EXECUTOR_MS = 3_000;
/** A site worker gives a sign of life each second. */
const SIGN_OF_LIFE_MS = 3_000;

/** Where workers of a site take calls; `taskQueue` is that of the installation. */
export function siteQueue(taskQueue: string, site: string): string {
  return `${taskQueue}/site/${site}`;
}

/** What a release waits for while a site is away, and what a finding is about. */
export function sitePlane(site: string): string {
  return `site ${site}`;
}

export interface NamedCall {
  readonly host: string;
  readonly verb: string;
  readonly input: Readonly<Record<string, string>>;
}

/**
 * The id under which Temporal keeps a call. The same operation of the same epoch has the same id, so that whoever asks for it again finds
 * the one that runs; calls that only look, or name no operation, have `unique` in theirs.
 */
export function siteCallId({ host, verb, input }: NamedCall, unique: string): string {
  const { opId, epoch } = input;
  const operation = opId === undefined || LOOKS.has(verb) ? unique : `${opId}/e${epoch ?? '-'}`;
  return `${host}/${verb}/${operation}`;
}

/** How long a call may be where, in ms. */
export interface SiteCallTimes {
  /** until a site worker takes it up; after that nobody works there */
  readonly takeUpMs: number;
  /** from then on */
  readonly runMs: number;
  /** without a sign of life of the site worker that has it */
  readonly signOfLifeMs: number;
  /** of the whole, as whoever waits for it knows it */
  readonly wholeMs: number;
}

/** Of a call whose host may take `timeoutMs`. A site that is away is found out before the time of a step could be held against its host. */
export function siteCallTimes(timeoutMs: number): SiteCallTimes {
  const takeUpMs = Math.min(TAKE_UP_MS_MAX, Math.max(1_000, Math.floor(timeoutMs / 2)));
  const runMs = timeoutMs + AFTER_EXECUTOR_MS;
  return { takeUpMs, runMs, signOfLifeMs: SIGN_OF_LIFE_MS, wholeMs: takeUpMs + runMs + SIGN_OF_LIFE_MS };
}
