/** PUT /v1/pools/{name}, kind: Pool. */
import { z } from 'zod';
import type { PoolSpec } from '../../domain/inventory.ts';
import { POOL_HOSTS_MAX } from '../../domain/joined-pool.ts';
import { isAddress, isPlainPath, isSafePath, isServerName } from '../../domain/names.ts';
import { SERVER_VARIABLE } from '../../domain/server-name.ts';
import { Name, distinct, line, whole } from './text.ts';

/** Other variables are refused: what a host is called at its balancer is asked where nothing but its name is known. */
const Server = z
  .string()
  .max(256)
  .refine((text) => isServerName(text.replaceAll(SERVER_VARIABLE, 'x')), `must be a server name of the balancer; ${SERVER_VARIABLE} is the one variable there`)
  .default(SERVER_VARIABLE);
const DrainTimeout = whole(0, 3600).default(30);
const PlainPath = z.string().refine(isPlainPath, 'must be an absolute path of letters, digits and . _ @ + -');

const Haproxy = z
  .strictObject({
    driver: z.literal('haproxy'),
    socket: z.string().max(107).refine(isSafePath, 'must be the absolute path of a socket').nullable().default(null),
    address: z.string().max(260).refine(isHostAndPort, 'must be host:port').nullable().default(null),
    backend: z.string().refine(isServerName, 'must be a backend name of HAProxy'),
    server: Server,
    drainTimeoutSeconds: DrainTimeout,
  })
  .refine((spec) => (spec.socket === null) !== (spec.address === null), { path: ['socket'], message: 'exactly one of socket and address must be given' });

const LOOPBACK = /^http:\/\/(127\.0\.0\.1|localhost|\[::1\])(:[1-9][0-9]{0,4})?\/[A-Za-z0-9_.~/-]{0,200}$/;

const Nginx = z.strictObject({
  driver: z.literal('nginx'),
  file: PlainPath.meta({ description: 'include file of one upstream on the machine of the worker; Signalbox writes it' }),
  status: z.string().refine((text) => LOOPBACK.test(text) && URL.canParse(text), 'must be http://127.0.0.1:PORT/PATH, where nginx answers what its workers go by'),
  pidFile: PlainPath.default('/run/nginx.pid'),
  server: Server,
  drainTimeoutSeconds: DrainTimeout,
});

const CALL_SECONDS_MAX = 8;

const Command = z.strictObject({
  driver: z.literal('command'),
  command: z.array(line(1024)).min(1).max(20).refine(([program]) => isPlainPath(program ?? ''), { path: [0], message: 'must be the absolute path of a program' }).meta({ description: 'a script on the machine of the worker, without a shell' }),
  timeoutSeconds: whole(1, CALL_SECONDS_MAX).default(5).meta({ description: 'of one call' }),
  server: Server,
  drainTimeoutSeconds: DrainTimeout,
});

const Traffic = z.discriminatedUnion('driver', [Haproxy, Nginx, Command, z.strictObject({ driver: z.literal('none') })]);

export const BUSY = ['reject', 'queue', 'supersede'] as const;

/** What a joined pool has from its members, and every other pool says itself. */
const own = {
  environment: Name,
  applications: distinct(Name, { least: 1, most: 50, empty: 'must name at least one application' }),
  hosts: distinct(Name, { least: 1, most: POOL_HOSTS_MAX, empty: 'must name at least one host; an empty list never means all' }),
  traffic: Traffic,
};
const Capacity = z.strictObject({ minInServicePercent: whole(0, 100).default(66) });

const shared = {
  name: Name,
  joins: distinct(Name, { least: 2, most: 50, empty: 'must name at least two pools' })
    .optional()
    .meta({ description: 'pools of the same environment and applications that are released as one, each at its own traffic entry; then hosts, applications, environment, capacity and traffic are theirs, and may be left out or sent back as they were read' }),
  strategy: Name.default('standard'),
  busy: z.enum(BUSY).default('queue'),
};

/** What is read of a joined pool besides what was written. Sent back unchanged it is accepted. */
export const FROM_MEMBERS = ['environment', 'applications', 'hosts', 'capacity', 'traffic'] as const;

/** As people write it: what a joined pool takes from its members may be left out there, and is needed everywhere else (joinedOrOwn). */
export const PoolDeclared = z.strictObject({
  ...shared,
  environment: own.environment.optional(),
  applications: own.applications.optional(),
  hosts: own.hosts.optional(),
  capacity: Capacity.optional().meta({ description: 'minInServicePercent is 66 unless said' }),
  traffic: own.traffic.optional(),
});

/** As it is stored and read: a joined pool with what it has from its members. */
export const PoolRead = z.strictObject({ ...shared, ...own, capacity: Capacity.prefault({}) });

/** Parses what PoolDeclared and joinedOrOwn have let pass. A joined pool is filled in where its members are known (domain/joined-pool.ts). */
export const Pool: z.ZodType<PoolSpec> = PoolDeclared.transform(
  ({ joins, environment = '', applications = [], hosts = [], capacity = Capacity.parse({}), traffic = { driver: 'none' }, ...rest }): PoolSpec => ({ ...rest, ...(joins === undefined ? {} : { joins }), environment, applications, hosts, capacity, traffic }),
).meta({ id: 'Pool' });

/** For `superRefine`: a pool that joins no others says all that members would give it. What a joined one says of that is compared with its members elsewhere (references.ts). `value` may hold anything. */
export function joinedOrOwn(value: unknown, context: z.RefinementCtx): void {
  if (typeof value !== 'object' || value === null) return;
  const pool = value as Readonly<Record<string, unknown>>;
  if (pool['joins'] !== undefined) return;
  for (const field of Object.keys(own)) if (pool[field] === undefined) context.addIssue({ code: 'custom', path: [field], message: 'is required, unless the pool joins others' });
}

function isHostAndPort(text: string): boolean {
  const parts = /^(.+):([1-9][0-9]{0,4})$/.exec(text);
  if (parts === null || Number(parts[2]) > 65535) return false;
  return isAddress((parts[1] ?? '').replace(/^\[(.*)\]$/, '$1'));
}
