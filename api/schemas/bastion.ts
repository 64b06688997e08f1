/** The `bastion` of a strategy: which hosts prove the build, and for how long. */
import { z } from 'zod';
import { WEEK_SECONDS } from './batches.ts';
import { Labels, Name, distinct, whole } from './text.ts';

/** Each member alone; what contradicts what stands in domain/plan/contradictions.ts. */
const members = {
  count: whole(0, 100),
  hosts: distinct(Name, { least: 0, most: 100 }),
  label: Labels.nullable(),
  skipIn: distinct(Name, { least: 0, most: 50 }),
  bakeSeconds: whole(0, WEEK_SECONDS),
  promote: z.enum(['auto', 'manual']),
};

/** What a member is where it is left out; how many bastions there are then depends on the names beside it. */
export const bastionAsked = {
  count: members.count.optional(),
  hosts: members.hosts.default([]),
  label: members.label.default(null),
  skipIn: members.skipIn.default([]),
  bakeSeconds: members.bakeSeconds.default(10),
  promote: members.promote.default('auto'),
};

/** All hosts that are named, else one. */
export const Bastion = z
  .strictObject(bastionAsked)
  .transform((bastion) => ({ ...bastion, count: bastion.count ?? Math.max(1, bastion.hosts.length) }))
  .pipe(z.strictObject(members));
