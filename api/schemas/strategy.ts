/** PUT /v1/strategies/{name}, kind: Strategy. */
import { z } from 'zod';
import type { StrategySpec } from '../../domain/inventory.ts';
import { Bastion } from './bastion.ts';
import { Batches, WEEK_SECONDS } from './batches.ts';
import { Deadlines } from './deadlines.ts';
import { Name, To, distinct, whole } from './text.ts';

export const ROLLBACK_MODES = ['regular', 'emergency'] as const;
const causes = distinct(z.enum(['bastion', 'tolerance']), { least: 0, most: 2 });
const modes = z.enum(ROLLBACK_MODES);
const width = whole(1, 100).nullable();

/** `previous` says what is the case anyway; it is not stored. */
const Rollback = z
  .strictObject({ on: causes.default(['bastion', 'tolerance']), mode: modes.default('regular'), to: To.optional(), batchPercent: width.default(null) })
  .transform(({ to, ...policy }) => (to === undefined || to === 'previous' ? policy : { ...policy, to }))
  .pipe(z.strictObject({ on: causes, mode: modes, to: To.exactOptional(), batchPercent: width }));

export const Strategy = z
  .strictObject({
    name: Name,
    bastion: Bastion.prefault({}),
    batches: Batches.prefault({}),
    signOff: z.enum(['after-bastion']).nullable().default(null),
    tolerance: z.strictObject({ perBatch: whole(0, 1000).default(0), total: whole(0, 1000).default(0), consecutive: whole(0, 1000).nullable().default(null) }).prefault({}),
    onFailure: z.enum(['rollback', 'hold', 'ask']).default('rollback'),
    late: z.strictObject({ afterPercent: whole(1, 100).default(75), failuresMax: whole(1, 1000).default(1) }).nullable().prefault({}),
    rollback: Rollback.prefault({}),
    postRelease: z.strictObject({ watchSeconds: whole(0, WEEK_SECONDS).default(10) }).prefault({}),
    pause: z.strictObject({ deadlineHours: whole(1, 720).default(24), then: z.enum(['stay', 'rollback', 'abort']).default('stay') }).prefault({}),
    deadlines: Deadlines.prefault({}),
  })
  .meta({ id: 'Strategy' }) satisfies z.ZodType<StrategySpec>;
