/** Findings and their repairs. */
import { z } from 'zod';
import { REPAIR_VERBS } from '../../domain/watchdog/finding.ts';
import { Name, Reason, ReleaseId } from './text.ts';

/** Parts divided by slashes, so in a path it is encoded. */
export const FindingId = z
  .string()
  .max(300)
  .regex(/^[a-z0-9][A-Za-z0-9._-]*(\/[A-Za-z0-9][A-Za-z0-9._-]*){0,4}$/, 'must be the id of a finding')
  .meta({ example: 'orphaned-release/r-4f7k2m9q5wxz' });

export const RepairId = z.string().regex(/^f-[a-z0-9]{8,40}$/, 'must be the id of a repair').meta({ example: 'f-04f7k2m9q5wx8z3h2k' });

export const FindingQuery = z.strictObject({
  kind: Name.optional().meta({ description: 'only of this kind' }),
  subject: z.string().min(1).max(200).regex(/^[A-Za-z0-9._-]+$/, 'must be a host, a release, or what a finding is about').optional().meta({ description: 'only about this host, release or part' }),
  release: ReleaseId.optional().meta({ description: 'only those that name this release' }),
  state: z.enum(['open', 'cleared', 'all']).default('open'),
});

export const Finding = z
  .strictObject({
    id: z.string(),
    kind: z.string(),
    subject: z.string(),
    sentence: z.string(),
    matters: z.string().meta({ description: 'why it matters' }),
    repair: z.string().meta({ description: 'the command that repairs it' }),
    verb: z.enum(REPAIR_VERBS).nullable().meta({ description: 'what POST …/repair does; null: nothing' }),
    about: z.looseObject({}),
    openedAt: z.string(),
    clearedAt: z.string().nullable(),
  })
  .meta({ id: 'Finding' });

export const RepairRequest = z
  .strictObject({ reason: Reason, then: z.enum(['rollback', 'abort']).nullable().default(null).meta({ description: 'what is asked of an adopted release at once' }) })
  .meta({ id: 'RepairRequest', example: { reason: 'terminated by mistake' } });

export const RepairAnswer = z
  .strictObject({
    id: z.string(),
    finding: z.string(),
    verb: z.enum(REPAIR_VERBS),
    state: z.enum(['asked', 'applied', 'refused']),
    by: z.string(),
    at: z.string(),
    reason: z.string(),
    outcome: z.string().nullable(),
  })
  .meta({ id: 'Repair' });
