/** PUT /v1/applications/{name}, kind: Application. */
import { z } from 'zod';
import type { ApplicationSpec } from '../../domain/inventory.ts';
import { Environment, Name, Variables, distinct, line, whole } from './text.ts';

const STOP_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGKILL'] as const;
const ACCOUNT = /^[a-z_][a-z0-9_-]{0,31}$/;
// A literal number, or text with a variable in it; what the variable gives is checked for every host of a pool.
const PORT = /^(?:[1-9][0-9]{0,4}|.*\$\{.+\}.*)$/;
const PATH = /^\/[!-~]*$/;

const HttpProbe = z.strictObject({
  path: z.string().max(1024).regex(PATH, 'must begin with "/" and hold printable characters without spaces'),
  port: z
    .union([z.string().max(256).regex(PORT, 'must be a port number or hold a variable'), whole(1, 65535)])
    .transform(String)
    .pipe(z.string().refine((port) => port.includes('${') || Number(port) <= 65535, 'must be a port number from 1 to 65535')),
  method: z.enum(['GET', 'HEAD']).default('GET'),
  status: distinct(whole(100, 599), { least: 1, most: 50 }).default([200]),
  version: z
    .strictObject({ json: z.string().regex(/^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/, 'must be a dotted path into the JSON answer').max(256) })
    .nullable()
    .default(null),
});

const HealthCheck = z
  .strictObject({ http: HttpProbe, passes: whole(1, 100).default(2), intervalMs: whole(10, 60_000).default(500), timeoutSeconds: whole(1, 3600).default(60) })
  .refine((check) => check.http.version === null || check.http.method === 'GET', { path: ['http', 'version'], message: 'a HEAD request has no body to read the version from; use GET' });

const Run = z.strictObject({
  command: z
    .array(line(4096))
    .min(1, 'must name the program')
    .max(100)
    // env(1), which starts it, would take such a word for a variable.
    .refine(([program = '']) => program !== '' && !program.includes('='), { path: [0], message: 'must be a program, not empty and without "="' }),
  stopSignal: z.enum(STOP_SIGNALS).default('SIGTERM'),
  stopTimeoutSeconds: whole(0, 3600).default(10),
  account: z.string().regex(ACCOUNT, 'must be the name of an account').nullable().default(null),
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
    health: z.array(HealthCheck).max(20).default([]),
  })
  .meta({ id: 'Application' }) satisfies z.ZodType<ApplicationSpec>;
