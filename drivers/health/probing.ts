/** What checks of every kind have in common: asking the host again and again, and only believing the process this release started. */
import { setTimeout as sleep } from 'node:timers/promises';
import { sayCheck } from '../../domain/health/check.ts';
import { beginWatch, deadlineMs, spanEndMs, watchOn, wayMs } from '../../domain/health/pace.ts';
import { judgeProcess } from '../../domain/health/process.ts';
import { failing } from '../../domain/health/verdict.ts';
import type { Watch } from '../../domain/health/pace.ts';
import type { ProbeVerdict } from '../../domain/health/verdict.ts';
import type { ObservedProcess } from '../../domain/release/target.ts';
import type { HostAnswer, HostInput } from '../executors/port.ts';
import type { HealthCall, HealthVerdict, UnhealthyCode } from './port.ts';

/** What one probe is made of. `timeoutMs` bounds the work on the host; reaching it comes on top. */
export interface Question {
  readonly verb: 'verify' | 'check';
  readonly input: HostInput;
  readonly timeoutMs: number;
}

/** `silent`: nobody answered so far. `ownerKnown`: who holds the port was told since the last failure. */
export interface Moment {
  readonly leftMs: number;
  readonly silent: boolean;
  readonly ownerKnown: boolean;
}

export type Result = Extract<HostAnswer, { ok: true }>['result'];

/** `output`: what a command wrote, for the report. */
export interface Judged {
  readonly verdict: ProbeVerdict;
  readonly silent?: boolean;
  readonly output?: string;
}

/** One kind of check: how it is asked on the host, and what its answer says. */
export interface Asker {
  readonly ask: (moment: Moment) => Question;
  readonly judge: (result: Result) => Judged;
  /** an application that is still starting is asked much oftener than the check's interval */
  readonly eager: boolean;
}

export const PROBE_MAX_MS = 5_000;
/** what reaching the host may take beyond the probe itself */
const REACH_MS = 10_000;
const FIRST_RETRY_MS = 50;
const RETRY_GROWTH = 1.5;
const LOG_LINES = '50';

/** What one probe said: about the process, and about the answer. */
interface Finding extends Judged {
  /** set when no later probe can change it */
  readonly final: { readonly code: UnhealthyCode; readonly message: string; readonly log: string } | null;
}

/** A finding, and what it took to get it beside the work on the host. */
interface Probed extends Finding {
  readonly wayMs: number;
}

export async function verifyBy(asker: Asker, call: HealthCall): Promise<HealthVerdict> {
  const { check, signal } = call;
  let watch = beginWatch(performance.now());
  let retryMs = asker.eager ? Math.min(FIRST_RETRY_MS, check.intervalMs) : check.intervalMs;
  let silent = true;
  for (let probes = 1; ; probes += 1) {
    const found = await probe(asker, call, { leftMs: leftMs(call, watch), silent, ownerKnown: watch.inARow > 0 });
    const { verdict } = found;
    silent = found.silent ?? false;
    if (found.final !== null) return { healthy: false, observedVersion: verdict.observedVersion, ...found.final, log: found.final.log || found.output || (await readLog(call)) };
    const told = watchOn(check, watch, { pass: verdict.pass, atMs: performance.now(), wayMs: found.wayMs });
    watch = told.watch;
    if (told.verdict === 'healthy') return { healthy: true, observedVersion: verdict.observedVersion, probes };
    if (told.verdict === 'too-late') return { healthy: false, ...ending(call, verdict, { probes, heldUpMs: watch.heldUpMs }), log: found.output || (await readLog(call)) };
    // An application that is still starting is asked often, so that no time is lost; one that answers is watched at its own pace.
    const pauseMs = verdict.pass ? check.intervalMs : retryMs;
    if (!verdict.pass) retryMs = Math.min(retryMs * RETRY_GROWTH, check.intervalMs);
    await pause(Math.max(0, Math.min(pauseMs, nextMomentMs(call, watch) - performance.now())), signal);
  }
}

/** While a healthy host is watched to the end of its span, its probes have the time they need, also past the deadline. */
function leftMs({ check }: HealthCall, watch: Watch): number {
  return spanEndMs(check, watch) === null ? deadlineMs(check, watch) - performance.now() : Number.POSITIVE_INFINITY;
}

function nextMomentMs({ check }: HealthCall, watch: Watch): number {
  return spanEndMs(check, watch) ?? deadlineMs(check, watch);
}

async function probe(asker: Asker, call: HealthCall, moment: Moment): Promise<Probed> {
  const { verb, input, timeoutMs } = asker.ask(moment);
  const sentMs = performance.now();
  const answer = await call.executor.run(call.host, verb, { ...call.input, application: call.application.name, ...input }, { timeoutMs: timeoutMs + REACH_MS, signal: call.signal });
  const tookMs = performance.now() - sentMs;
  if (!answer.ok) return { ...refused(call, answer), wayMs: wayMs({ tookMs, onHostMs: null, boundMs: timeoutMs }) };
  const judged = asker.judge(answer.result);
  const way = wayMs({ tookMs, onHostMs: asDuration(answer.result['tookMs']), boundMs: timeoutMs });
  return { ...judged, final: ofProcess(call, answer.result) ?? ofCheck(call, judged.verdict), wayMs: way };
}

/** What the host program will answer the same way every time is final: a tool it lacks, or an input that it does not take. */
function refused(call: HealthCall, { error, message }: Extract<HostAnswer, { ok: false }>): Finding {
  const verdict = failing(`the host program refused to probe: ${message} (${error})`);
  const code = error === 'missing-tools' ? error : error === 'bad-input' ? 'check-unsupported' : null;
  return { verdict, final: code === null ? null : { code, message: `${told(call)} cannot be asked on ${call.host.name}: ${message} (${error}).`, log: '' } };
}

function ofProcess(call: HealthCall, result: Result): Finding['final'] {
  const { application, host } = call;
  const seen = asProcess(result['process']);
  const log = asText(result['log']);
  if (call.process === 'none') return null;
  const verdict = judgeProcess(call.process, seen);
  if (verdict === 'same') return null;
  if (verdict === 'exited') return { code: 'process-exited', message: `The process of ${application.name} on ${host.name} is gone, seen by ${told(call)}. Its last lines say why.`, log };
  return {
    code: 'wrong-process',
    message: `${application.name} on ${host.name} runs as process ${seen?.pid}, but this release started process ${call.process?.pid}: somebody else restarted it. Look at the host before trying again.`,
    log,
  };
}

function ofCheck(call: HealthCall, verdict: ProbeVerdict): Finding['final'] {
  if (verdict.pass || verdict.cause !== 'unsupported') return null;
  return { code: 'check-unsupported', message: `${told(call)} can never pass for ${call.application.name} on ${call.host.name}: ${verdict.reason}.`, log: '' };
}

function ending(call: HealthCall, verdict: ProbeVerdict, { probes, heldUpMs }: { readonly probes: number; readonly heldUpMs: number }): { readonly code: UnhealthyCode; readonly message: string; readonly observedVersion: string | null } {
  const { application, host, check } = call;
  const where = `${application.name} on ${host.name}`;
  const asked = `${told(call)}, ${probes} probes in ${check.timeoutSeconds} s${heldUpMs === 0 ? '' : `, not counting ${(heldUpMs / 1000).toFixed(1)} s in which ${host.name} could not be reached`}`;
  const why = verdict.pass ? `fewer than ${check.passes} answers in a row passed` : verdict.reason;
  const cause = verdict.pass ? undefined : verdict.cause;
  const { observedVersion } = verdict;
  if (cause === 'wrong-version') return { code: 'wrong-version', message: `${where} answers, but ${why} (${asked}). Check that the package holds what its name says.`, observedVersion };
  if (cause === 'port-taken') return { code: 'port-taken', message: `${where} does not answer itself: ${why} (${asked}). Find out what runs there beside it.`, observedVersion };
  return { code: 'health-timeout', message: `${where} did not become healthy: ${why} (${asked}).`, observedVersion };
}

/** `health/1: GET http://10.0.0.7:8080/health` */
function told({ place, check, host }: HealthCall): string {
  return `${place}: ${sayCheck(check, host.address)}`;
}

/** Only for the report: whatever goes wrong here must not hide the verdict. */
async function readLog(call: HealthCall): Promise<string> {
  const input = { ...call.input, applications: call.application.name, logApplication: call.application.name, logLines: LOG_LINES };
  try {
    const answer = await call.executor.run(call.host, 'observe', input, { timeoutMs: REACH_MS, signal: call.signal });
    return answer.ok ? asText(answer.result['log']) : '';
  } catch {
    call.signal.throwIfAborted();
    return '';
  }
}

function asProcess(value: unknown): ObservedProcess | null {
  if (typeof value !== 'object' || value === null || !('pid' in value) || !('startTicks' in value) || !('bootId' in value)) return null;
  return { pid: Number(value.pid), startTicks: Number(value.startTicks), bootId: String(value.bootId) };
}

/** Programs of before it was told do not say. */
function asDuration(value: unknown): number | null {
  return typeof value === 'number' && value >= 0 ? value : null;
}

export function asText(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

async function pause(forMs: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(forMs, undefined, { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}
