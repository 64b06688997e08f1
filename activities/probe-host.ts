/** One look at one host, without changing anything there: does it answer, and what does it tell of itself. */
import { skewOf } from '../domain/liveness.ts';
import { ExecutorDown, HostUnreachable } from '../drivers/executors/port.ts';
import { DependencyDown, hostFailure } from './failures.ts';
import type { ActivityDeps } from './deps.ts';
import type { HostSpec } from '../domain/inventory.ts';
import type { AnsweredProbe, HostProbe, HostVitals, SeenInstall } from '../domain/liveness.ts';
import type { HostAnswer, HostInput } from '../drivers/executors/port.ts';

export interface ProbeRules {
  readonly applications: readonly string[];
  /** also disk, clock and host program, which cost the host a little */
  readonly withVitals: boolean;
  /** asked so often before it counts as silent: it may only have hiccuped */
  readonly tries: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Null: something of our own side is away, so that nothing can be said of the host. */
export async function probeHost({ executorFor }: Pick<ActivityDeps, 'executorFor'>, host: HostSpec, rules: ProbeRules): Promise<HostProbe | null> {
  const { withVitals, timeoutMs, signal } = rules;
  const input = { root: host.executor.root, applications: rules.applications.join(',') };
  const ask = (more: HostInput): Promise<HostAnswer> => executorFor(host).run(host, 'observe', { ...input, ...more }, { timeoutMs, signal });
  for (let left = rules.tries; ; left--) {
    try {
      return await asked(host, ask, withVitals);
    } catch (error) {
      if (error instanceof ExecutorDown || error instanceof DependencyDown || signal.aborted) return null;
      if (!(error instanceof HostUnreachable)) throw error;
      if (left <= 1) return { host: host.name, answered: false, at: now(), message: error.message };
    }
  }
}

/** A program from before vitals refuses to be asked for them, and tells by that how old it is. */
async function asked(host: HostSpec, ask: (more: HostInput) => Promise<HostAnswer>, withVitals: boolean): Promise<HostProbe> {
  const askedMs = Date.now();
  const answer = await ask(withVitals ? { vitals: 'yes' } : {});
  const answeredMs = Date.now();
  if (answer.ok) return told(host, answer.result, { askedMs, answeredMs });
  if (withVitals && answer.error === 'bad-input') {
    const plain = await ask({});
    if (plain.ok) return told(host, plain.result, { askedMs, answeredMs, isOld: true });
  }
  const failure = hostFailure(host.name, 'observe', answer);
  if (failure instanceof Error) throw failure;
  return { host: host.name, answered: false, at: now(), message: failure.message };
}

type Result = Extract<HostAnswer, { ok: true }>['result'];

interface Asking {
  readonly askedMs: number;
  readonly answeredMs: number;
  readonly isOld?: boolean;
}

function told(host: HostSpec, result: Result, asking: Asking): AnsweredProbe {
  return {
    host: host.name,
    answered: true,
    at: now(),
    vitals: vitalsOf(result, asking),
    applications: installsOf(result),
    marker: textOrNull(result['marker']),
    maxEpoch: Number(result['maxEpoch'] ?? 0),
  };
}

/** Of an answer to `observe`, with or without vitals. */
export function vitalsOf(result: Result, { askedMs, answeredMs, isOld = false }: Asking): HostVitals {
  const vitals = typeof result['vitals'] === 'object' && result['vitals'] !== null ? (result['vitals'] as Result) : {};
  const clockSeconds = numberOrNull(vitals['clockSeconds']);
  return {
    freeBytes: numberOrNull(result['freeBytes']),
    diskBytes: numberOrNull(vitals['diskBytes']),
    skewMs: clockSeconds === null ? null : skewOf({ clockSeconds, askedMs, answeredMs }),
    program: isOld ? `version ${textOrNull(result['hostProgram']) ?? 'unknown'}` : textOrNull(vitals['programDigest']),
  };
}

function installsOf(result: Result): readonly SeenInstall[] {
  const seen = Array.isArray(result['applications']) ? (result['applications'] as readonly Result[]) : [];
  return seen.map((one) => ({
    application: String(one['application']),
    version: textOrNull(one['version']),
    digest: textOrNull(one['digest']),
    config: textOrNull(one['config']),
    running: typeof one['process'] === 'object' && one['process'] !== null,
    unmanaged: one['unmanaged'] === true,
  }));
}

function now(): string {
  return new Date().toISOString();
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

function numberOrNull(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}
