/** The `bastion` of a strategy: which hosts prove the build, and for how long. */
import { z } from 'zod';
import { WEEK_SECONDS } from './batches.ts';
import { BastionHealthList } from './health-check.ts';
import type { HealthCheck } from '../../domain/inventory.ts';
import { Labels, Name, distinct, whole } from './text.ts';

/** Each member alone; what contradicts what stands in domain/plan/contradictions.ts. */
const members = {
  count: whole(0, 100),
  hosts: distinct(Name, { least: 0, most: 100 }),
  label: Labels.nullable(),
  skipIn: distinct(Name, { least: 0, most: 50 }),
  bakeSeconds: whole(0, WEEK_SECONDS),
  promote: z.enum(['auto', 'manual']),
  health: BastionHealthList,
};

/** What a member is where it is left out; how many bastions there are then depends on the names beside it. */
export const bastionAsked = {
  count: members.count.optional(),
  hosts: members.hosts.default([]),
  label: members.label.default(null),
  skipIn: members.skipIn.default([]),
  bakeSeconds: members.bakeSeconds.default(10),
  promote: members.promote.default('auto'),
  health: members.health,
};

/** What a list was made into is a list again, which only its type does not say. */
const CheckedAgain = BastionHealthList as unknown as z.ZodType<HealthCheck[], HealthCheck[]>;

/** All hosts that are named, else one. */
export const Bastion = z
  .strictObject(bastionAsked)
  .transform((bastion) => ({ ...bastion, count: bastion.count ?? Math.max(1, bastion.hosts.length) }))
  .pipe(z.strictObject({ ...members, health: CheckedAgain }));
