/** PUT /v1/pools/{name}, kind: Pool. */
import { z } from 'zod';
import type { PoolSpec } from '../../domain/inventory.ts';
import { isAddress, isSafePath, isServerName } from '../../domain/names.ts';
import { POOL_HOSTS_MAX } from './pool-size.ts';
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

export const Pool = z
  .strictObject({
    name: Name,
    environment: Name,
    applications: distinct(Name, { least: 1, most: 50, empty: 'must name at least one application' }),
    hosts: distinct(Name, { least: 1, most: POOL_HOSTS_MAX, empty: 'must name at least one host; an empty list never means all' }),
    capacity: z.strictObject({ minInServicePercent: whole(0, 100).default(66) }).prefault({}),
    traffic: Traffic,
    strategy: Name.default('standard'),
    busy: z.enum(BUSY).default('queue'),
  })
  .meta({ id: 'Pool' }) satisfies z.ZodType<PoolSpec>;

function isHostAndPort(text: string): boolean {
  const parts = /^(.+):([1-9][0-9]{0,4})$/.exec(text);
  if (parts === null || Number(parts[2]) > 65535) return false;
  return isAddress((parts[1] ?? '').replace(/^\[(.*)\]$/, '$1'));
}
