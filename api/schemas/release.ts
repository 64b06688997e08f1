/** POST /v1/releases, POST /v1/plans, and how a release reads. */
import { z } from 'zod';
import { BATCH_CAP_RAISED } from '../../domain/plan/batch-cap.ts';
import { ASKED_KINDS, KIND_POLICIES, RELEASE_KINDS } from '../../domain/release-kind.ts';
import { COMMAND_TYPES } from '../../domain/release/commands.ts';
import { BUSY } from './pool.ts';
import { Name, Reason, ReleaseId, Version, whole } from './text.ts';

export const STATUSES = [
  'queued', 'preparing', 'pre-release', 'releasing', 'post-release', 'succeeded',
  'rolling-back', 'rolled-back', 'rollback-incomplete', 'failed', 'aborted', 'rejected',
] as const;

const PlanId = z.string().regex(/^[0-9a-f]{64}$/, 'must be the id of a plan: 64 hexadecimal digits').meta({ id: 'PlanId' });

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

const NOT_ASKED_SO = 'a rollback is asked of the release that is to be taken back: send it the command `rollback`';

const Kind = z
  .enum(ASKED_KINDS, { error: ({ input }) => (input === 'rollback' ? NOT_ASKED_SO : undefined) })
  .default('rollout')
  .meta({ description: 'hotfix: first in the queue, short waits; scale-out: only hosts that do not serve yet; redeploy: what runs is installed again' });

export const ReleaseRequest = z
  .strictObject({
    pool: Name,
    kind: Kind,
    changes: Changes.optional().meta({ description: 'scale-out and redeploy: what the pool runs, unless named' }),
    strategy: Name.nullable().default(null),
    busy: z.enum(BUSY).nullable().default(null),
    allowOutage: z.boolean().default(false),
    batchCapPercent: whole(BATCH_CAP_RAISED.least, BATCH_CAP_RAISED.most)
      .nullable()
      .default(null)
      .meta({ description: 'raises the cap per batch from 33 % of the pool; needs a reason, which is kept with the release' }),
    adopt: z.boolean().default(false),
    reason: Reason.nullable().default(null),
    /** id of a plan that POST /v1/plans answered: the release starts only if it would still do the same. No default: a key used before this member came still names the same request */
    plan: PlanId.nullish(),
  })
  .superRefine(({ kind, changes }, context) => {
    if (changes === undefined && !KIND_POLICIES[kind].changesOptional) context.addIssue({ code: 'custom', path: ['changes'], message: `is required for a ${kind}` });
  })
  .meta({ id: 'ReleaseRequest', example: { pool: 'web-prod', changes: [{ application: 'web', version: '1.4.0' }], reason: 'weekly release' } });

export type ReleaseAsked = z.output<typeof ReleaseRequest>;

export const ReleaseAccepted = z.strictObject({ id: ReleaseId, status: z.enum(STATUSES), pool: Name, version: z.int(), url: z.string() }).meta({ id: 'ReleaseAccepted' });

const Person = z.string();

/** What counts for a planned batch. Plans and releases of older versions do not have all of it, rollbacks none. */
export function batchValues() {
  return {
    lanes: z.int().optional().meta({ description: 'targets in work at the same time; of a window, its width' }),
    mode: z.enum(['barrier', 'window']).optional(),
    bakeSeconds: z.int().optional(),
    pauseSeconds: z.int().optional().meta({ description: 'rest after the bake, before the next batch' }),
    manual: z.boolean().optional().meta({ description: 'waits for promote before the next batch' }),
    verification: z.enum(['required', 'ignored']).optional(),
    tolerance: z.int().optional().meta({ description: 'failed targets allowed in this batch' }),
    zone: z.string().nullable().optional().meta({ description: 'only where the strategy goes zone by zone' }),
  };
}

/** Documents the answer; the answer itself is made by the domain's view, so unknown members are left alone here. */
export const Release = z
  .looseObject({
    id: ReleaseId,
    kind: z.enum(RELEASE_KINDS),
    status: z.enum(STATUSES),
    phase: z.string().nullable(),
    paused: z.looseObject({}).nullable(),
    pool: z.string(),
    changes: z.array(z.looseObject({ application: z.string() })),
    strategy: z.unknown(),
    batches: z.array(z.looseObject({ index: z.int(), kind: z.string(), status: z.string(), ...batchValues(), targets: z.array(z.looseObject({ host: z.string() })) })),
    allowedCommands: z.array(z.enum(COMMAND_TYPES)),
    toCome: z.array(z.int()).meta({ description: 'while batches roll: indices of those to come, in their order, which is that of the plan until somebody jumps' }),
    waiting: z.looseObject({}).nullable(),
    skipped: z.array(z.strictObject({ host: z.string(), why: z.string() })).meta({ description: 'hosts passed untouched, with the reason' }),
    compared: z.strictObject({ left: z.array(z.string()), joined: z.array(z.string()), scaleOut: ReleaseId.nullable(), note: z.string().nullable() }).nullable().meta({ description: 'how the pool changed while the release ran' }),
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
  .looseObject({ id: ReleaseId, kind: z.enum(RELEASE_KINDS), status: z.enum(STATUSES), pool: z.string(), createdAt: z.string(), finishedAt: z.string().nullable() })
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
