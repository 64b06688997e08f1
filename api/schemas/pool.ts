/** PUT /v1/pools/{name}, kind: Pool. */
import { z } from 'zod';
import type { PoolSpec } from '../../domain/inventory.ts';
import { POOL_HOSTS_MAX } from '../../domain/joined-pool.ts';
import { isAddress, isSafePath, isServerName } from '../../domain/names.ts';
import { Name, distinct, whole } from './text.ts';

const NO_VARIABLE = /\$\{[^}]*\}/g;

const Haproxy = z
  .strictObject({
    driver: z.literal('haproxy'),
    socket: z.string().max(107).refine(isSafePath, 'must be the absolute path of a socket').nullable().default(null),
    address: z.string().max(260).refine(isHostAndPort, 'must be host:port').nullable().default(null),
    backend: z.string().refine(isServerName, 'must be a backend name of HAProxy'),
    // The text around the variables must itself be harmless; the whole is checked for every host of the pool.
    server: z
      .string()
      .max(256)
      .refine((text) => isServerName(text.replace(NO_VARIABLE, 'x')), 'must be a server name of HAProxy, with variables such as ${host.name}')
      .default('${host.name}'),
    drainTimeoutSeconds: whole(0, 3600).default(30),
  })
  .refine((spec) => (spec.socket === null) !== (spec.address === null), { path: ['socket'], message: 'exactly one of socket and address must be given' });

const Traffic = z.discriminatedUnion('driver', [Haproxy, z.strictObject({ driver: z.literal('none') })]);

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
