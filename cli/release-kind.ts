/** `--kind` and the changes that go with it: two kinds know by themselves what they bring. */
import { Option } from 'commander';
import { Complaint } from './complaint.ts';
import { EXIT } from './exit-codes.ts';
import { parseChanges } from './shell.ts';
import type { Change } from './shell.ts';

const KINDS = ['rollout', 'hotfix', 'scale-out', 'redeploy'];

/** Kinds that bring what the pool runs unless versions are named. */
const WITHOUT_CHANGES: ReadonlySet<string> = new Set(['scale-out', 'redeploy']);

export function kindOption(): Option {
  return new Option('--kind <kind>', 'hotfix goes first with short waits; scale-out brings up hosts that do not serve yet; redeploy installs again what runs (default: rollout)').choices(KINDS);
}

/** The members of a request for it. Throws a Complaint (usage) when versions are missing or cannot be read. */
export function askedChanges(texts: readonly string[], { kind }: { readonly kind?: string }): { readonly kind?: string; readonly changes?: readonly Change[] } {
  const asked = kind === undefined ? {} : { kind };
  if (texts.length > 0) return { ...asked, changes: parseChanges(texts) };
  if (kind !== undefined && WITHOUT_CHANGES.has(kind)) return asked;
  throw new Complaint(EXIT.usage, 'What is to be released is missing: give APP=VERSION, one or more.');
}
