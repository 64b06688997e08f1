/** Health over HTTP, probed from the host itself: the host program asks the application, the verdict is made here. */
import { setTimeout as sleep } from 'node:timers/promises';
import { judgeProbe, type ProbeVerdict } from '../../domain/health.ts';
import type { ObservedProcess } from '../../domain/release/target.ts';
import type { HostAnswer, HostInput } from '../executors/port.ts';
import type { Health, HealthCall, HealthVerdict } from './port.ts';

const PROBE_MAX_MS = 5_000;
const PROBE_MIN_MS = 100;
/** what reaching the host may take beyond the probe itself */
const REACH_MS = 10_000;
/** the host looks this long for a socket of the process before it asks in vain; a look costs it a tenth of a question */
const SOCKET_WAIT_MAX_MS = 1_000;
const FIRST_RETRY_MS = 50;
const RETRY_GROWTH = 1.5;
const LOG_LINES = '50';

/** One probe per call of the executor's `verify`. Holds nothing between calls. */
export function createHttpHealth(): Health {
  return { kind: 'http', verify };
}

/** What one probe said: about the process, and about the answer. */
interface Finding {
  readonly verdict: ProbeVerdict;
  /** nobody answered at all */
  readonly silent: boolean;
  /** the check passed but for the version it names */
  readonly wrongVersion: boolean;
  /** set when no later probe can change it */
  readonly final: { readonly code: 'process-exited' | 'wrong-process'; readonly message: string; readonly log: string } | null;
}

async function verify(call: HealthCall): Promise<HealthVerdict> {
  const timeoutMs = call.check.timeoutSeconds * 1_000;
  const endMs = performance.now() + timeoutMs;
  let retryMs = Math.min(FIRST_RETRY_MS, call.check.intervalMs);
  let inARow = 0;
  let silent = true;
  for (let probes = 1; ; probes += 1) {
    const found = await probe(call, endMs - performance.now(), silent);
    const { verdict } = found;
    silent = found.silent;
    if (found.final !== null) return { healthy: false, observedVersion: verdict.observedVersion, ...found.final, log: found.final.log || (await readLog(call)) };
    inARow = verdict.pass ? inARow + 1 : 0;
    if (inARow >= call.check.passes) return { healthy: true, observedVersion: verdict.observedVersion, probes };
    const leftMs = endMs - performance.now();
    if (leftMs <= 0) return { healthy: false, ...ending(call, found, probes), log: await readLog(call) };
    // An application that is still starting is asked often, so that no time is lost; one that answers is watched at its own pace.
    const pauseMs = verdict.pass ? call.check.intervalMs : retryMs;
    if (!verdict.pass) retryMs = Math.min(retryMs * RETRY_GROWTH, call.check.intervalMs);
    await pause(Math.min(pauseMs, leftMs), call.signal);
  }
}

/** @param silent nobody answered so far: the application may just be starting, so the host asks once it has a socket */
async function probe(call: HealthCall, leftMs: number, silent: boolean): Promise<Finding> {
  const waitMs = silent ? Math.round(Math.min(SOCKET_WAIT_MAX_MS, Math.max(0, leftMs / 2))) : 0;
  const timeoutMs = Math.round(Math.min(PROBE_MAX_MS, Math.max(PROBE_MIN_MS, leftMs - waitMs)));
  const waiting: HostInput = waitMs > 0 ? { waitMs: String(waitMs) } : {};
  const input = { ...call.input, application: call.application.name, url: urlOf(call), method: call.check.http.method, timeoutMs: String(timeoutMs), ...waiting };
  const answer = await call.executor.run(call.host, 'verify', input, { timeoutMs: waitMs + timeoutMs + REACH_MS, signal: call.signal });
  if (!answer.ok) return failing(`the host program refused to probe: ${answer.message} (${answer.error})`);
  const { status, body, process, log } = readResult(answer.result);
  const verdict = judgeProbe(call.check, { status, body }, call.expectedVersion);
  const final = judgeProcess(call, process, log);
  const named = verdict.observedVersion;
  const wrongVersion = !verdict.pass && call.check.http.status.includes(status) && named !== null && named !== call.expectedVersion;
  return { verdict, silent: status === 0, wrongVersion, final };
}

function judgeProcess(call: HealthCall, process: ObservedProcess | null, log: string): Finding['final'] {
  const { application, host } = call;
  if (process === null) return { code: 'process-exited', message: `The process of ${application.name} on ${host.name} is gone. Its last lines say why.`, log };
  const started = call.process;
  const same = started === null || (started.pid === process.pid && started.startTicks === process.startTicks && started.bootId === process.bootId);
  if (same) return null;
  return {
    code: 'wrong-process',
    message: `${application.name} on ${host.name} runs as process ${process.pid}, but this release started process ${started.pid}: somebody else restarted it. Look at the host before trying again.`,
    log,
  };
}

function ending(call: HealthCall, last: Finding, probes: number): { readonly code: 'health-timeout' | 'wrong-version'; readonly message: string; readonly observedVersion: string | null } {
  const { application, host, check } = call;
  const where = `${application.name} on ${host.name}`;
  const { verdict } = last;
  const asked = `${check.http.method} ${urlOf(call)}, ${probes} probes in ${check.timeoutSeconds} s`;
  const why = verdict.pass ? `fewer than ${check.passes} answers in a row passed` : verdict.reason;
  if (last.wrongVersion) return { code: 'wrong-version', message: `${where} answers, but ${why} (${asked}). Check that the package holds what its name says.`, observedVersion: verdict.observedVersion };
  return { code: 'health-timeout', message: `${where} did not become healthy: ${why} (${asked}).`, observedVersion: verdict.observedVersion };
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

interface ProbeResult {
  readonly status: number;
  readonly body: string;
  readonly process: ObservedProcess | null;
  readonly log: string;
}

function readResult(result: Extract<HostAnswer, { ok: true }>['result']): ProbeResult {
  const status = Number(result['status']);
  return { status: Number.isInteger(status) ? status : 0, body: asText(result['body']), process: asProcess(result['process']), log: asText(result['log']) };
}

function asProcess(value: unknown): ObservedProcess | null {
  if (typeof value !== 'object' || value === null || !('pid' in value) || !('startTicks' in value) || !('bootId' in value)) return null;
  return { pid: Number(value.pid), startTicks: Number(value.startTicks), bootId: String(value.bootId) };
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function urlOf({ host, check }: HealthCall): string {
  const address = host.address.includes(':') ? `[${host.address}]` : host.address;
  return `http://${address}:${check.http.port}${check.http.path}`;
}

function failing(reason: string): Finding {
  return { verdict: { pass: false, reason, observedVersion: null }, silent: false, wrongVersion: false, final: null };
}

async function pause(forMs: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(forMs, undefined, { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}
