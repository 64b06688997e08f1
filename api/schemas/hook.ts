/** The hooks of an application. */
import { z } from 'zod';
import { HOOK_POINTS, HOOKS_MAX } from '../../domain/hooks.ts';
import { Account, Argv, whole } from './text.ts';
import type { HookSpec } from '../../domain/inventory.ts';

const Hook = z.strictObject({
  at: z.enum(HOOK_POINTS),
  command: Argv,
  idempotent: z.boolean().default(false).meta({ description: 'it may be run again when it was cut off; else the release asks a person whether it took effect' }),
  timeoutSeconds: whole(1, 3600).default(60),
  account: Account.nullable().default(null).meta({ description: 'who runs it; default: the account of the application' }),
  irreversible: z.boolean().optional().meta({ description: 'no rollback undoes what it did on the way forward: a failure behind it holds the release, and going back across it needs a word of its own' }),
}) satisfies z.ZodType<HookSpec>;

export const HookList = z.array(Hook).max(HOOKS_MAX).default([]);
