/** Preparation, second half: the package and its run configuration wait on every target before any traffic moves. */
import { appendTargetEvent } from '../db/events.ts';
import { SIGNALBOX } from '../domain/vocabulary.ts';
import { isRun } from '../domain/recipe/composition.ts';
import { actsOf, compositionOf } from '../domain/recipe/compose.ts';
import { applicationsOf, hostOf, packageOf } from './facts.ts';
import { asTemporal, verdictOn } from './failures.ts';
import { alive, inLanes } from './heartbeat.ts';
import { onHost } from './host-call.ts';
import { isLate, refused } from './late-command.ts';
import { HICCUP_MS, patient } from './patience.ts';
import { sayWaiting } from './waiting.ts';
import { programInput, runConfiguration } from './run-configuration.ts';
import type { ActivityDeps } from './deps.ts';
import type { Acting } from './host-call.ts';
import type { SurveyInput } from './observe-targets.ts';
import type { ApplicationSpec, Inventory, PackageSpec } from '../domain/inventory.ts';
import type { FailedTarget } from '../domain/vocabulary.ts';

const LANES = 10;
const TIMEOUT_MS = 600_000;

/** Looks at each package once, then stages on every host; a wrong package fails here, where nobody is harmed. */
export function stageTargets(deps: ActivityDeps, input: SurveyInput): Promise<{ readonly failed: readonly FailedTarget[] }> {
  return alive(async (signal) => {
    try {
      const inventory = await deps.facts.inventory(input.release);
      for (const spec of inventory.packages) {
        const failure = await inspect(deps, spec, signal);
        if (failure !== null) return { failed: [{ host: spec.id, step: 'stage', failure }] };
      }
      const results = await inLanes(input.hosts, LANES, (host) => stageTarget(deps, inventory, input, host, signal));
      return { failed: results.flatMap((failed) => (failed === null ? [] : [failed])) };
    } catch (error) {
      const [first] = input.hosts;
      if (first !== undefined) await sayWaiting(deps, { ...input, host: first, step: 'stage' }, error).catch(() => undefined);
      throw asTemporal(error);
    }
  });
}

async function inspect(deps: ActivityDeps, spec: PackageSpec, signal: AbortSignal) {
  try {
    await deps.storeFor(spec).inspect(spec, signal);
    return null;
  } catch (error) {
    const failure = verdictOn(error, spec.id);
    if (failure === null) throw error;
    return failure;
  }
}

async function stageTarget(deps: ActivityDeps, inventory: Inventory, { release, epoch }: SurveyInput, name: string, signal: AbortSignal): Promise<FailedTarget | null> {
  const startedMs = performance.now();
  const acting: Acting = { release, host: hostOf(inventory, name), epoch, direction: 'forward', round: 0, timeoutMs: TIMEOUT_MS, signal };
  const digests: Record<string, string> = {};
  const configs: Record<string, string> = {};
  try {
    for (const application of applicationsOf(inventory)) {
      const spec = packageOf(inventory, application.name);
      if (spec === undefined) continue;
      digests[application.name] = spec.sha256;
      configs[application.name] = await stageApplication(deps, inventory, acting, application, spec);
    }
    const durationMs = Math.round(performance.now() - startedMs);
    await appendTargetEvent(deps.db, { release, opId: `${name}/stage`, actor: SIGNALBOX, event: { type: 'target-staged', data: { host: name, epoch, digests, configs, durationMs } } });
    return null;
  } catch (error) {
    if (isLate(error)) return refused(deps, { release, host: name, epoch, direction: 'forward', round: 0, step: 'stage' }, error);
    await sayWaiting(deps, { release, host: name, epoch, step: 'stage' }, error);
    const failure = verdictOn(error, name);
    if (failure === null) throw error;
    await appendTargetEvent(deps.db, { release, opId: `${name}/stage-failed`, actor: SIGNALBOX, event: { type: 'target-preparation-failed', data: { host: name, epoch, step: 'stage', failure } } });
    return { host: name, step: 'stage', failure };
  }
}

/** Answers the digest of the run configuration. */
async function stageApplication(deps: ActivityDeps, inventory: Inventory, acting: Acting, application: ApplicationSpec, spec: PackageSpec): Promise<string> {
  const call = (step: 'fetch' | 'unpack' | 'configure', input: Readonly<Record<string, string>>) =>
    patient({ signal: acting.signal, timeoutMs: HICCUP_MS }, () => onHost(deps, acting, step, { application: application.name, step }, { version: spec.version, ...input }));
  const size = spec.sizeBytes === null ? {} : { sizeBytes: String(spec.sizeBytes) };
  let config = '';
  for (const { act, index } of actsOf(compositionOf(inventory, application), 'stage', 'forward')) {
    if (isRun(act)) await prove(deps, acting, application, programInput(inventory, application, acting.host, { act, at: `stage.${index}`, version: spec.version, ahead: true }));
    else if (act === 'fetch') await deps.fetching(acting.signal, () => call('fetch', { uri: spec.uri, sha256: spec.sha256, ...size }));
    else if (act === 'unpack') await call('unpack', { sha256: spec.sha256, format: spec.uri.endsWith('.zip') ? 'zip' : 'tar.gz' });
    else if (act === 'configure') config = String((await call('configure', runConfiguration(inventory, application, acting.host, spec.version)))['config']);
  }
  return config;
}

/** A program of the recipe, such as a look for the runtime: a host that is not fit is told before any traffic moves. */
async function prove(deps: ActivityDeps, acting: Acting, { name }: ApplicationSpec, input: Readonly<Record<string, string>>): Promise<void> {
  await patient({ signal: acting.signal, timeoutMs: HICCUP_MS }, () => onHost(deps, acting, 'hook', { application: name, step: String(input['at']) }, { ...input, unlinked: 'run' }));
}
