/** The hooks of an application. */
import { z } from 'zod';
import { HOOK_POINTS, HOOKS_MAX } from '../../domain/hooks.ts';
import { Account, ArgvOrNone, Labels, line, whole } from './text.ts';
import type { HookSpec } from '../../domain/inventory.ts';

const NotNow = z
  .strictObject({
    everySeconds: whole(1, 600).default(15),
    atMostSeconds: whole(1, 86_400).default(600),
    then: z.enum(['hold', 'force', 'skip']).default('hold'),
  })
  .meta({ description: 'the hook is a question: status 75, or one of 409, 423, 425, 429 and 503, says that the host is not to be taken out now. It is asked again until atMostSeconds; then the release waits for a person, takes it out all the same, or leaves it out' });

const Hook = z.strictObject({
  at: z.enum(HOOK_POINTS),
  command: ArgvOrNone,
  idempotent: z.boolean().default(false).meta({ description: 'it may be run again when it was cut off; else the release asks a person whether it took effect' }),
  timeoutSeconds: whole(1, 3600).default(60),
  account: Account.nullable().default(null).meta({ description: 'who runs it; default: the account of the application' }),
  labels: Labels.exactOptional().meta({ description: 'only on hosts that bear all of these labels, such as a machine type' }),
  irreversible: z.boolean().exactOptional().meta({ description: 'no rollback undoes what it did on the way forward: a failure behind it holds the release, and going back across it needs a word of its own' }),
  notNow: NotNow.exactOptional(),
  url: line(1024).regex(/^https?:\/\/\S+$/, 'must be an http or https address').exactOptional().meta({ description: 'asked by GET on the host instead of a command; only with notNow' }),
}).superRefine(complainOfQuestion) satisfies z.ZodType<HookSpec>;

/** A question and a deed are told apart by `notNow`. */
function complainOfQuestion({ at, command, url, notNow, account, irreversible }: HookSpec, context: z.RefinementCtx): void {
  const complain = (path: string, message: string): void => context.addIssue({ code: 'custom', path: [path], message });
  if (url === undefined && command.length === 0) complain('command', 'must name the program');
  if (url !== undefined && command.length > 0) complain('url', 'stands instead of command: give one of the two');
  if (url !== undefined && notNow === undefined) complain('url', 'is for questions: give notNow, too');
  if (notNow === undefined) return;
  if (at !== 'before-drain') complain('notNow', 'is for hooks at before-drain: later the host is out of traffic already');
  if (account !== null) complain('account', 'a question is asked as the application\'s own account');
  if (irreversible === true) complain('irreversible', 'a question changes nothing');
  if (notNow.everySeconds > notNow.atMostSeconds) complain('notNow', 'everySeconds is more than atMostSeconds');
}

export const HookList = z.array(Hook).max(HOOKS_MAX).default([]);
