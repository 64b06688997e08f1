/** PUT /v1/hosts/{name}, kind: Host. */
import { z } from 'zod';
import type { HostSpec } from '../../domain/inventory.ts';
import { isAddress, isSafePath } from '../../domain/names.ts';
import { Name, Variables } from './text.ts';

const Executor = z.strictObject({
  driver: z.literal('local'),
  root: z
    .string()
    .max(1024)
    .refine((path) => isSafePath(path) && path !== '/', 'must be an absolute path below "/", without ".." and control characters'),
});

export const Host = z
  .strictObject({
    name: Name,
    address: z.string().min(1).max(253).refine(isAddress, 'must be a host name or an IP address'),
    zone: Name.default('default'),
    labels: Variables,
    executor: Executor,
    variables: Variables,
  })
  .meta({ id: 'Host' }) satisfies z.ZodType<HostSpec>;
