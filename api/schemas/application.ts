/** PUT /v1/applications/{name}, kind: Application. */
import { z } from 'zod';
import type { ApplicationSpec } from '../../domain/inventory.ts';
import { STEPS } from '../../domain/vocabulary.ts';
import { HealthList } from './health-check.ts';
import { HookList } from './hook.ts';
import { Account, Argv, Environment, Name, Variables, distinct, whole } from './text.ts';

const STOP_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGKILL'] as const;

const Run = z.strictObject({
  command: Argv,
  stopSignal: z.enum(STOP_SIGNALS).default('SIGTERM'),
  stopTimeoutSeconds: whole(0, 3600).default(10),
  account: Account.nullable().default(null),
  env: Environment,
});

/** Defaults are those of the declarative file's reference; the output is exactly the domain's ApplicationSpec. */
export const Application = z
  .strictObject({
    name: Name,
    recipe: z.literal('service').default('service'),
    productLine: Name.nullable().default(null),
    owners: distinct(Name, { least: 0, most: 50 }).default([]),
    run: Run,
    variables: Variables,
    health: HealthList,
    hooks: HookList,
    irreversible: distinct(z.enum(STEPS), { least: 0, most: STEPS.length }).exactOptional().meta({ description: 'steps on a target that leave behind what no rollback undoes' }),
  })
  .meta({ id: 'Application' }) satisfies z.ZodType<ApplicationSpec>;
