/** PUT /v1/applications/{name}, kind: Application. */
import { z } from 'zod';
import type { ApplicationSpec, ReloadSpec, ScheduleSpec } from '../../domain/inventory.ts';
import { BUILT_IN, SERVICE, builtIn } from '../../domain/recipe/built-in.ts';
import { findComposition } from '../../domain/recipe/compose.ts';
import { runsOf } from '../../domain/recipe/composition.ts';
import { STEPS } from '../../domain/vocabulary.ts';
import { HealthList } from './health-check.ts';
import { HookList } from './hook.ts';
import { Account, Argv, ArgvOrNone, Environment, Name, Variables, distinct, line, whole } from './text.ts';

const STOP_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGKILL'] as const;

const Run = z.strictObject({
  command: ArgvOrNone.meta({ description: 'argv without a shell; needed where the recipe starts a process, and left out where it starts none' }),
  stopSignal: z.enum(STOP_SIGNALS).default('SIGTERM'),
  stopTimeoutSeconds: whole(0, 3600).default(10),
  account: Account.nullable().default(null),
  env: Environment,
});

/** What a variable gives is looked at for every host of a pool. */
const HostPath = line(1024).regex(/^(?:\/|\$\{).+/, 'must be an absolute path');

const Reload = z.strictObject({
  pidFile: HostPath,
  signal: z.enum(['SIGHUP', 'SIGUSR1', 'SIGUSR2']),
}) satisfies z.ZodType<ReloadSpec>;

const FIELDS = /^(?:(?:[0-9A-Za-z*,/-]+ ){4}[0-9A-Za-z*,/-]+|@(?:yearly|annually|monthly|weekly|daily|midnight|hourly))$/;

const Schedule = z.strictObject({
  file: HostPath,
  user: Account.nullable().default(null).meta({ description: 'the user field of a system crontab; null: the file is one user\'s own' }),
  entries: z.array(z.strictObject({ at: line(100).regex(FIELDS, 'must be five time fields of crontab, one space between them, or a word such as @daily'), command: Argv })).min(1).max(20),
  waitSeconds: whole(0, 3600).default(60).meta({ description: 'how long a job that runs is waited for' }),
  then: z.enum(['fail', 'end']).default('fail').meta({ description: 'what becomes of a target whose job runs still: it fails, its entries in place again, or the job is ended by the stop rule' }),
}) satisfies z.ZodType<ScheduleSpec>;

/** Defaults are those of the declarative file's reference; the output is exactly the domain's ApplicationSpec. */
export const Application = z
  .strictObject({
    name: Name,
    recipe: Name.default(SERVICE).meta({ description: `one that comes along (${BUILT_IN.map(({ name }) => name).join(', ')}), or one of your own` }),
    productLine: Name.nullable().default(null),
    owners: distinct(Name, { least: 0, most: 50 }).default([]),
    run: Run.prefault({}),
    variables: Variables,
    health: HealthList,
    hooks: HookList,
    reload: Reload.exactOptional().meta({ description: 'the server of the host that serves the files, where the recipe has a reload' }),
    schedule: Schedule.exactOptional().meta({ description: 'the cron entries, where the recipe has such' }),
    irreversible: distinct(z.enum(STEPS), { least: 0, most: STEPS.length }).exactOptional().meta({ description: 'steps on a target that leave behind what no rollback undoes' }),
  })
  .meta({ id: 'Application' }) satisfies z.ZodType<ApplicationSpec>;

/** For `superRefine`: a recipe that comes along and starts a process must be told which. Of others that is said where they are known (recipes.ts). `value` may hold anything. */
export function saysWhatRuns(value: unknown, context: z.RefinementCtx): void {
  if (typeof value !== 'object' || value === null) return;
  const { recipe = SERVICE, run = {} } = value as Readonly<Record<string, unknown>>;
  const composition = typeof recipe === 'string' && builtIn(recipe) !== undefined ? findComposition(recipe, () => undefined) : null;
  if (composition === null || runsOf(composition) !== 'process' || typeof run !== 'object' || run === null) return;
  const { command = [] } = run as { readonly command?: unknown };
  if (Array.isArray(command) && command.length === 0) context.addIssue({ code: 'custom', path: ['run', 'command'], message: `must name the program: recipe ${composition.name} starts a process` });
}
