/** POST /v1/releases, POST /v1/plans, and how a release reads. */
import { z } from 'zod';
import { COMMAND_TYPES } from '../../domain/release/commands.ts';
import { BUSY } from './pool.ts';
import { Name, Reason, ReleaseId, Version } from './text.ts';

export const STATUSES = [
  'queued', 'preparing', 'pre-release', 'releasing', 'post-release', 'succeeded',
  'rolling-back', 'rolled-back', 'rollback-incomplete', 'failed', 'aborted', 'rejected',
] as const;

const Changes = z
  .array(z.strictObject({ application: Name, version: Version }))
  .min(1, 'must name at least one change')
  .max(50)
  .superRefine((changes, context) => {
    changes.forEach((change, index) => {
      if (changes.findIndex((other) => other.application === change.application) < index) {
        context.addIssue({ code: 'custom', path: [index, 'application'], message: `"${change.application}" is listed twice` });
      }
    });
  });

export const ReleaseRequest = z
  .strictObject({
    pool: Name,
    changes: Changes,
    strategy: Name.nullable().default(null),
    busy: z.enum(BUSY).nullable().default(null),
    allowOutage: z.boolean().default(false),
    adopt: z.boolean().default(false),
    reason: Reason.nullable().default(null),
  })
  .meta({ id: 'ReleaseRequest', example: { pool: 'web-prod', changes: [{ application: 'web', version: '1.4.0' }], reason: 'weekly release' } });

export type ReleaseAsked = z.output<typeof ReleaseRequest>;

export const ReleaseAccepted = z.strictObject({ id: ReleaseId, status: z.enum(STATUSES), pool: Name, version: z.int(), url: z.string() }).meta({ id: 'ReleaseAccepted' });

const Person = z.string();

/** Documents the answer; the answer itself is made by the domain's view, so unknown members are left alone here. */
export const Release = z
  .looseObject({
    id: ReleaseId,
    kind: z.enum(['rollout', 'rollback']),
    status: z.enum(STATUSES),
    phase: z.string().nullable(),
    paused: z.looseObject({}).nullable(),
    pool: z.string(),
    changes: z.array(z.looseObject({ application: z.string() })),
    strategy: z.unknown(),
    batches: z.array(z.looseObject({ index: z.int(), kind: z.string(), status: z.string(), targets: z.array(z.looseObject({ host: z.string() })) })),
    allowedCommands: z.array(z.enum(COMMAND_TYPES)),
    waiting: z.looseObject({}).nullable(),
    version: z.int(),
    requestedBy: Person,
    reason: z.string().nullable(),
    createdAt: z.string(),
    finishedAt: z.string().nullable(),
    failure: z.looseObject({}).nullable(),
    rollbackPlan: z.looseObject({ mode: z.string(), targets: z.array(z.looseObject({ host: z.string(), feasible: z.boolean() })) }).nullable(),
  })
  .meta({ id: 'Release' });

/** One line of a list: what a table of releases shows. */
export const ReleaseSummary = z
  .looseObject({ id: ReleaseId, kind: z.enum(['rollout', 'rollback']), status: z.enum(STATUSES), pool: z.string(), createdAt: z.string(), finishedAt: z.string().nullable() })
  .meta({ id: 'ReleaseSummary' });

export const ReleaseEvent = z
  .looseObject({ id: z.string(), version: z.int(), type: z.string(), at: z.string(), actor: z.looseObject({ kind: z.string(), name: z.string() }), data: z.looseObject({}) })
  .meta({ id: 'ReleaseEvent' });

export const ReleaseEvents = z.strictObject({ items: z.array(ReleaseEvent), next: z.string().nullable() }).meta({ id: 'ReleaseEvents' });
export const HostLogs = z
  .strictObject({
    host: z.string(),
    entries: z.array(z.strictObject({ direction: z.string(), step: z.string(), code: z.string(), message: z.string(), lines: z.array(z.string()) })),
  })
  .meta({ id: 'HostLogs' });
export const PlanAnswer = z
  .strictObject({
    plan: z.looseObject({ batches: z.array(z.looseObject({ index: z.int(), hosts: z.array(z.string()) })) }),
    wayBack: z.array(z.looseObject({ host: z.string(), applications: z.array(z.looseObject({ application: z.string() })), feasible: z.boolean() })),
    assumes: z.string(),
    plannedWaitSeconds: z.int(),
  })
  .meta({ id: 'PlanAnswer' });
