/** PUT /v1/strategies/{name}, kind: Strategy. */
import { z } from 'zod';
import type { StrategySpec } from '../../domain/inventory.ts';
import { BastionHealthList } from './health-check.ts';
import { Name, distinct, whole } from './text.ts';

export const ROLLBACK_MODES = ['regular', 'emergency'] as const;
const WEEK_SECONDS = 7 * 24 * 3600;
/** A batch takes out at most a third of the pool; a wider one would need an audited override. */
const BATCH_PERCENT_MAX = 33;

const Bastion = z.strictObject({ count: whole(0, 100).default(1), bakeSeconds: whole(0, WEEK_SECONDS).default(10), promote: z.enum(['auto', 'manual']).default('auto'), health: BastionHealthList });

const Batches = z.strictObject({
  percent: z
    .array(whole(1, BATCH_PERCENT_MAX))
    .min(1)
    .max(100)
    .refine((parts) => parts.length <= 1 || parts.reduce((sum, part) => sum + part, 0) === 100, 'one percentage repeats; several must add to 100')
    .default([25]),
  mode: z.literal('barrier').default('barrier'),
  by: z.literal('spread').default('spread'),
  order: z.literal('interleave').default('interleave'),
  maxParallel: whole(1, 1000).default(10),
  bakeSeconds: whole(0, WEEK_SECONDS).default(2),
  advance: z.enum(['auto', 'manual']).default('auto'),
});

const causes = distinct(z.enum(['bastion', 'tolerance']), { least: 0, most: 2 });
const modes = z.enum(ROLLBACK_MODES);
const width = whole(1, 100).nullable();

/** `to` may say what is the case anyway; it is not stored. */
const Rollback = z
  .strictObject({ on: causes.default(['bastion', 'tolerance']), mode: modes.default('regular'), to: z.literal('previous').optional(), batchPercent: width.default(null) })
  .transform(({ on, mode, batchPercent }) => ({ on, mode, batchPercent }))
  .pipe(z.strictObject({ on: causes, mode: modes, batchPercent: width }));

const Deadlines = z.strictObject({
  stepSeconds: whole(1, 86_400).default(120),
  targetSeconds: whole(1, 86_400).default(300),
  progressSeconds: whole(1, 86_400).default(600),
  releaseSeconds: whole(1, 60 * 86_400).default(14_400),
  rollbackSeconds: whole(1, 7 * 86_400).default(3600),
});

export const Strategy = z
  .strictObject({
    name: Name,
    bastion: Bastion.prefault({}),
    batches: Batches.prefault({}),
    tolerance: z.strictObject({ perBatch: whole(0, 1000).default(0), total: whole(0, 1000).default(0) }).prefault({}),
    onFailure: z.enum(['rollback', 'hold']).default('rollback'),
    rollback: Rollback.prefault({}),
    postRelease: z.strictObject({ watchSeconds: whole(0, WEEK_SECONDS).default(10) }).prefault({}),
    pause: z.strictObject({ deadlineHours: whole(1, 720).default(24), then: z.enum(['stay', 'rollback', 'abort']).default('stay') }).prefault({}),
    deadlines: Deadlines.prefault({}),
  })
  .meta({ id: 'Strategy' }) satisfies z.ZodType<StrategySpec>;
