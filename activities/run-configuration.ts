/** The run configuration of one application on one host: what `configure` writes and `start` obeys, with every variable filled in. */
import { mapTexts } from '../domain/health/check.ts';
import { runsOf } from '../domain/recipe/composition.ts';
import { compositionOf } from '../domain/recipe/compose.ts';
import { substitute, variablesOf } from '../domain/substitution.ts';
import { StepFailed } from './failures.ts';
import type { RunAct } from '../domain/recipe/composition.ts';
import type { ApplicationSpec, HealthCheck, HookSpec, HostSpec, Inventory, Variables } from '../domain/inventory.ts';

/** Input of the host program's `configure`. */
export function runConfiguration(inventory: Inventory, application: ApplicationSpec, host: HostSpec, version: string): Readonly<Record<string, string>> {
  const variables = variablesFor(inventory, application, host, version);
  const { run } = application;
  const input: Record<string, string> = { stopSignal: run.stopSignal, stopTimeoutSeconds: String(run.stopTimeoutSeconds), ...runsInput(inventory, application, variables) };
  run.command.forEach((word, index) => {
    input[`command.${index}`] = fill(word, variables, `run.command/${index} of ${application.name}`);
  });
  for (const [name, value] of Object.entries(run.env)) input[`env.${name}`] = fill(value, variables, `run.env/${name} of ${application.name}`);
  if (run.account !== null) input['account'] = run.account;
  return input;
}

/** What is said of an application that has no process of its own, and of the server that serves its files. */
function runsInput(inventory: Inventory, application: ApplicationSpec, variables: Variables): Readonly<Record<string, string>> {
  const composition = compositionOf(inventory, application);
  const { reload, name } = application;
  return {
    ...(runsOf(composition) === 'process' ? {} : { runs: runsOf(composition) }),
    ...scheduleInput(application, variables),
    ...(reload === undefined ? {} : { reloadSignal: reload.signal, reloadPidFile: fill(reload.pidFile, variables, `reload.pidFile of ${name}`) }),
  };
}

/** One line for each entry's time and for each word of its command. */
function scheduleInput({ name, schedule }: ApplicationSpec, variables: Variables): Readonly<Record<string, string>> {
  if (schedule === undefined) return {};
  const { file, user, entries, waitSeconds, then } = schedule;
  const lines = entries.flatMap(({ at, command }, entry) => [`at ${at}`, ...command.map((word, index) => `word ${fill(word, variables, `schedule/entries/${entry}/command/${index} of ${name}`)}`)]);
  return { cronFile: fill(file, variables, `schedule.file of ${name}`), cronEntries: lines.join('\n'), cronWaitSeconds: String(waitSeconds), cronThen: then, ...(user === null ? {} : { cronUser: user }) };
}

interface OfProgram {
  readonly act: RunAct;
  /** its step and its place there: `start.1` */
  readonly at: string;
  readonly version: string;
  /** nothing of it is linked yet, so that it is given the environment that the release will have */
  readonly ahead?: true;
}

/** Input of the host program's `hook`, for a program of a recipe; it runs as the application's account, and may run again. */
export function programInput(inventory: Inventory, application: ApplicationSpec, host: HostSpec, { act, at, version, ahead }: OfProgram): Readonly<Record<string, string>> {
  const variables = variablesFor(inventory, application, host, version);
  const { run: { command: [program = ''], env, account } } = application;
  const known = { ...variables, 'run.program': fill(program, variables, `run.command/0 of ${application.name}`) };
  const environment = ahead ? ['env', ...Object.entries(env).map(([name, value]) => `${name}=${fill(value, variables, `run.env/${name} of ${application.name}`)}`)] : [];
  const words = [...environment, ...act.run.map((word) => fill(word, known, `${at} of recipe ${application.recipe}`))];
  return {
    at: `recipe-${at}`,
    timeoutSeconds: String(act.timeoutSeconds),
    idempotent: 'true',
    ...Object.fromEntries(words.map((word, index) => [`command.${index}`, word])),
    ...(account === null ? {} : { account }),
  };
}

interface OfHook {
  readonly index: number;
  readonly version: string;
}

/** Input of the host program's `hook`, for the hook of that index; it runs as the application where it names no account of its own. */
export function hookInput(inventory: Inventory, application: ApplicationSpec, host: HostSpec, of: OfHook): Readonly<Record<string, string>> {
  const hook = hookOf(application, of);
  const input: Record<string, string> = { at: hook.at, timeoutSeconds: String(hook.timeoutSeconds), idempotent: String(hook.idempotent), unlinked: 'skip', ...hookWords(inventory, application, host, of) };
  const account = hook.account ?? application.run.account;
  return account === null ? input : { ...input, account };
}

/** The command of a hook, word by word. */
export function hookWords(inventory: Inventory, application: ApplicationSpec, host: HostSpec, of: OfHook): Readonly<Record<string, string>> {
  const variables = variablesFor(inventory, application, host, of.version);
  return Object.fromEntries(hookOf(application, of).command.map((word, position) => [`command.${position}`, fill(word, variables, `hooks/${of.index}/command/${position} of ${application.name}`)]));
}

/** What a hook asks instead of running a command; null: it runs one. */
export function hookUrl(inventory: Inventory, application: ApplicationSpec, host: HostSpec, of: OfHook): string | null {
  const { url } = hookOf(application, of);
  return url === undefined ? null : fill(url, variablesFor(inventory, application, host, of.version), `hooks/${of.index}/url of ${application.name}`);
}

function hookOf({ name, hooks = [] }: ApplicationSpec, { index }: OfHook): HookSpec {
  const hook = hooks[index];
  if (hook === undefined) throw new Error(`${name} has no hook ${index}`);
  return hook;
}

/** The health checks of an application with this host's values. */
export function healthChecks(inventory: Inventory, application: ApplicationSpec, host: HostSpec, version: string): readonly HealthCheck[] {
  return filled(application.health, variablesFor(inventory, application, host, version), `of ${application.name}, health`);
}

/** The bastion's own checks with this host's values. */
export function bastionChecks(inventory: Inventory, application: ApplicationSpec, host: HostSpec, version: string): readonly HealthCheck[] {
  return filled(inventory.strategy.bastion.health ?? [], variablesFor(inventory, application, host, version), `of strategy ${inventory.strategy.name}, bastion/health`);
}

function filled(list: readonly HealthCheck[], variables: Variables, where: string): readonly HealthCheck[] {
  return list.map((check, index) => mapTexts(check, (text, pointer) => fill(text, variables, `${where}/${index}${pointer}`)));
}

function variablesFor(inventory: Inventory, application: ApplicationSpec, host: HostSpec, version: string): Variables {
  return variablesOf({ application, pool: { name: inventory.pool.name }, host, environment: inventory.pool.environment, version });
}

/** The API refuses undefined names when something is applied; this is the last line of defence. */
function fill(text: string, variables: Variables, where: string): string {
  const filled = substitute(text, variables);
  if ('text' in filled) return filled.text;
  throw new StepFailed({ class: 'refused', code: 'undefined-variable', message: `${where} uses ${filled.undefined.join(', ')}, which is not defined for this host.`, next: 'Define the variable on the application or the host and start the release again.' });
}
