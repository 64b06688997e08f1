/** POST /v1/releases/{id}/commands and the receipts it answers. */
import { z } from 'zod';
import { CHOICES } from '../../domain/release/answer.ts';
import { COMMAND_TYPES } from '../../domain/release/commands.ts';
import { POOL_HOSTS_MAX } from '../../domain/joined-pool.ts';
import { Name, Reason, ReleaseId, To, distinct } from './text.ts';
import { ROLLBACK_MODES } from './strategy.ts';

const common = { reason: Reason, ifVersion: z.int().min(0).max(999_999_999).optional() };
const targets = distinct(Name, { least: 1, most: POOL_HOSTS_MAX, empty: 'must name at least one host; leave it out to mean all failed ones' }).nullable().default(null);

const batch = z.int().min(0).max(POOL_HOSTS_MAX).meta({ description: 'the batch that comes next, by its index in the release; those that were to come before it follow after it' });

const acrossIrreversible = z.boolean().default(false).meta({ description: 'hosts may go back across a step or hook that is marked irreversible; without it such a command is refused' });

const choices = z
  .record(Name, z.enum(CHOICES))
  .refine((given) => Object.keys(given).length > 0, 'must answer for at least one host')
  .meta({ description: 'what is to be done with each failed target, by host; done and not-done only where a hook was cut off and nobody knows whether it took effect, ignore only elsewhere', example: { 'web-07': 'retry' } });

export const CommandRequest = z
  .discriminatedUnion('type', [
    z.strictObject({ type: z.enum(['pause', 'resume', 'abort', 'promote', 'approve']), ...common }),
    z.strictObject({ type: z.literal('reject'), acrossIrreversible, ...common }),
    z.strictObject({ type: z.literal('answer'), choices, acrossIrreversible, ...common }),
    z.strictObject({ type: z.literal('rollback'), mode: z.enum(ROLLBACK_MODES).nullable().default(null), to: To.nullable().default(null), acrossIrreversible, ...common }),
    z.strictObject({ type: z.literal('jump'), to: batch, ...common }),
    z.strictObject({ type: z.enum(['retry', 'skip']), targets, ...common }),
  ])
  .meta({ id: 'CommandRequest', example: { type: 'pause', reason: 'latency doubled' } });

export const CommandId = z.string().regex(/^c-[a-z0-9]{8,40}$/, 'must be the id of a command').meta({ example: 'c-04f7k2m9q5wx8z3h2k' });

export type CommandAsked = z.output<typeof CommandRequest>;

export const ReceiptAnswer = z
  .looseObject({
    id: z.string(),
    type: z.enum(COMMAND_TYPES),
    state: z.enum(['accepted', 'applied', 'refused']),
    by: z.string(),
    at: z.string(),
    reason: z.string(),
    release: ReleaseId.optional(),
  })
  .meta({ id: 'Receipt' });
