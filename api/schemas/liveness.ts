/** Whether hosts are there, and looks at all of them. */
import { z } from 'zod';
import { Name, Reason } from './text.ts';

const Time = z.string().meta({ description: 'ISO 8601 UTC' });
const Told = z.number().nullable();

export const HostLiveness = z
  .strictObject({
    host: Name,
    state: z.enum(['up', 'dead', 'unknown']).meta({ description: '`unknown`: nobody has looked at it in the last 15 minutes' }),
    seenAt: Time.nullable().meta({ description: 'its last answer; null: it has never answered' }),
    checkedAt: Time.nullable().meta({ description: 'the last look at it; null: there was none' }),
    deadSince: Time.nullable().meta({ description: 'the first look of those without an answer; null unless it is dead' }),
    message: z.string().nullable().meta({ description: 'why it is dead' }),
    vitals: z
      .strictObject({
        freeBytes: Told,
        diskBytes: Told.meta({ description: 'size of the file system that holds its root' }),
        skewMs: Told.meta({ description: 'what its clock is ahead of the worker\'s, at the very least' }),
        program: z.string().nullable().meta({ description: 'SHA-256 of its host program' }),
      })
      .nullable()
      .meta({ description: 'as of its last answer; what is null could not be told' }),
    applications: z.array(z.strictObject({ application: z.string(), version: z.string().nullable(), digest: z.string().nullable(), config: z.string().nullable(), running: z.boolean(), unmanaged: z.boolean() })).meta({ description: 'what was linked there at its last answer, and whether it ran' }),
    startedAgain: z.array(z.strictObject({ application: z.string(), times: z.int(), lastAt: Time })).meta({ description: 'dead services that were started again outside releases' }),
  })
  .meta({ id: 'HostLiveness' });

export const FleetCheckId = z.string().regex(/^k-[a-z0-9]{8,40}$/, 'must be the id of a fleet check').meta({ example: 'k-04f7k2m9q5wx8z3h2k' });

export const FleetCheckRequest = z.strictObject({ reason: Reason.nullable().default(null) }).meta({ id: 'FleetCheckRequest', example: { reason: 'after the power cut' } });

export const FleetCheck = z
  .strictObject({
    id: FleetCheckId,
    state: z.enum(['asked', 'running', 'finished']),
    by: z.string().nullable(),
    reason: z.string().nullable(),
    at: Time,
    startedAt: Time.nullable(),
    finishedAt: Time.nullable(),
    hosts: z.int().meta({ description: 'in the inventory; 0 until it is finished, as are the others' }),
    dead: z.int().meta({ description: 'that did not answer' }),
    unjudged: z.int().meta({ description: 'of which nothing can be said: something on the way to them is away' }),
  })
  .meta({ id: 'FleetCheck' });
