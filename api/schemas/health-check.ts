/** One check of a health list, of an application or of a strategy's bastion. */
import { z } from 'zod';
import type { HealthCheck as HealthCheckSpec } from '../../domain/inventory.ts';
import { Argv, distinct, line, whole } from './text.ts';

const KINDS = ['http', 'tcp', 'process', 'command'] as const;
// A literal number, or text with a variable in it; what the variable gives is checked for every host of a pool.
const PORT = /^(?:[1-9][0-9]{0,4}|.*\$\{.+\}.*)$/;
const PATH = /^\/[!-~]*$/;
const JSON_PATH = /^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/;
const HEADER_NAME = /^[A-Za-z0-9][A-Za-z0-9-]{0,63}$/;

const Port = z
  .union([z.string().max(256).regex(PORT, 'must be a port number or hold a variable'), whole(1, 65535)])
  .transform(String)
  .pipe(z.string().refine((port) => port.includes('${') || Number(port) <= 65535, 'must be a port number from 1 to 65535'));
const JsonPath = z.string().regex(JSON_PATH, 'must be a dotted path into the JSON answer').max(256);
const ListenerOf = z.enum(['own', 'any']).default('own');

const Headers = z
  .record(z.string().regex(HEADER_NAME, 'the name of a header is letters, digits and "-"'), line(1024).regex(/^\S(?:.*\S)?$/, 'must not begin or end with a space'))
  .refine((headers) => Object.keys(headers).length <= 20, 'at most 20 headers')
  .default({});

/** A number, true or false is compared as it is written in JSON. */
const Equals = z.union([line(1024), z.number(), z.boolean()]).transform(String).pipe(z.string());

const HttpProbe = z
  .strictObject({
    path: z.string().max(1024).regex(PATH, 'must begin with "/" and hold printable characters without spaces'),
    port: Port,
    method: z.enum(['GET', 'HEAD', 'POST', 'OPTIONS']).default('GET'),
    headers: Headers,
    status: distinct(whole(100, 599), { least: 1, most: 50 }).default([200]),
    body: line(1024).nullable().default(null),
    json: z.strictObject({ path: JsonPath, equals: Equals }).nullable().default(null),
    version: z.strictObject({ json: JsonPath }).nullable().default(null),
    listener: ListenerOf,
  })
  .superRefine((http, context) => {
    for (const member of ['version', 'body', 'json'] as const) {
      if (http.method === 'HEAD' && http[member] !== null) context.addIssue({ code: 'custom', path: [member], message: `a HEAD request has no body to read the ${member} from; use GET` });
    }
  });

const CommandProbe = z.strictObject({
  command: Argv,
  timeoutSeconds: whole(1, 600).default(10),
});

const Checked = z
  .strictObject({
    http: HttpProbe.optional(),
    tcp: z.strictObject({ port: Port, listener: ListenerOf }).optional(),
    process: z.strictObject({}).optional(),
    command: CommandProbe.optional(),
    passes: whole(1, 100).default(2),
    intervalMs: whole(10, 60_000).default(500),
    timeoutSeconds: whole(1, 3600).default(60),
    healthySeconds: whole(0, 3600).default(0),
    when: z.enum(['before-admit', 'after-admit']).default('before-admit'),
  })
  .refine((check) => KINDS.filter((kind) => check[kind] !== undefined).length === 1, 'must be exactly one of http, tcp, process and command');

/** The output is one of the domain's kinds: of which, only the refinement above says, and no type can hear it. */
const HealthCheck = Checked as unknown as z.ZodType<HealthCheckSpec, z.input<typeof Checked>>;

/** The list of an application. */
export const HealthList = z.array(HealthCheck).max(20).default([]);

/** The list of a bastion, which is asked before it joins: a later moment it does not have. */
export const BastionHealthList = z
  .array(HealthCheck)
  .max(20)
  .superRefine((list, context) => {
    list.forEach((check, index) => {
      if (check.when === 'after-admit') context.addIssue({ code: 'custom', path: [index, 'when'], message: 'the bastion\'s own list is asked before it joins; a check after that belongs to the application' });
    });
  })
  .default([]);
