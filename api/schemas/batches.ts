/** The `batches` of a strategy: how the pool behind the bastion is cut and how its batches follow one another. */
import { z } from 'zod';
import { BATCH_CAP_RAISED } from '../../domain/plan/batch-cap.ts';
import { POOL_HOSTS_MAX } from '../../domain/joined-pool.ts';
import { Name, whole } from './text.ts';

export const WEEK_SECONDS = 7 * 24 * 3600;

/** No batch is ever wider than the highest cap a release may ask for; the plan refuses what is above the cap in force. */
const part = whole(1, BATCH_CAP_RAISED.most);
/** Together they fit into one request. */
const listsMost = 100;
const listHostsMost = 700;
const seconds = whole(0, WEEK_SECONDS);
const mode = z.enum(['barrier', 'window']);
const advance = z.enum(['auto', 'manual']);
const verification = z.enum(['required', 'ignored']);

export const Override = z.strictObject({
  index: whole(0, POOL_HOSTS_MAX),
  percent: part.exactOptional(),
  count: whole(1, POOL_HOSTS_MAX).exactOptional(),
  mode: mode.exactOptional(),
  bakeSeconds: seconds.exactOptional(),
  pauseSeconds: seconds.exactOptional(),
  advance: advance.exactOptional(),
  verification: verification.exactOptional(),
  tolerance: whole(0, 1000).exactOptional(),
});

const percent = z
  .array(part)
  .max(100)
  .refine((parts) => parts.length <= 1 || parts.reduce((sum, one) => sum + one, 0) === 100, 'one percentage repeats; several must add to 100');

/** Each member alone; what contradicts what stands in domain/plan/contradictions.ts. */
const members = {
  percent,
  count: z.array(whole(1, POOL_HOSTS_MAX)).max(POOL_HOSTS_MAX),
  hosts: z.array(z.array(Name).min(1, 'must name at least one host; an empty list never means all').max(listHostsMost)).max(listsMost),
  mode,
  by: z.enum(['spread', 'zone']),
  firstZoneBakeSeconds: seconds.nullable(),
  order: z.enum(['interleave', 'list', 'unhealthy-first', 'unhealthy-last']),
  maxParallel: whole(1, 1000),
  bakeSeconds: seconds,
  pauseSeconds: seconds,
  pauseOnce: z.strictObject({ afterPercent: whole(1, 99), seconds: seconds.nullable() }).nullable(),
  verification,
  advance,
  each: z.array(Override).max(POOL_HOSTS_MAX),
};

/** What a member is where it is left out; how percent is filled depends on its neighbours. */
export const batchesAsked = {
  percent: members.percent.optional(),
  count: members.count.default([]),
  hosts: members.hosts.default([]),
  mode: members.mode.default('barrier'),
  by: members.by.default('spread'),
  firstZoneBakeSeconds: members.firstZoneBakeSeconds.default(null),
  order: members.order.default('interleave'),
  maxParallel: members.maxParallel.default(10),
  bakeSeconds: members.bakeSeconds.default(2),
  pauseSeconds: members.pauseSeconds.default(0),
  pauseOnce: members.pauseOnce.default(null),
  verification: members.verification.default('required'),
  advance: members.advance.default('auto'),
  each: members.each.default([]),
};

/** 25 % where nothing says otherwise. A written but empty list of percentages is a slip, unless counts or lists stand beside it. */
export const Batches = z
  .strictObject(batchesAsked)
  .refine((batches) => batches.percent?.length !== 0 || batches.count.length + batches.hosts.length > 0, { path: ['percent'], message: 'must give at least one percentage, or count or hosts in its place' })
  .transform((batches) => ({ ...batches, percent: batches.percent ?? (batches.count.length + batches.hosts.length > 0 ? [] : [25]) }))
  .pipe(z.strictObject(members));
