/** What a scenario needs of this machine besides what every test needs, and why it cannot run where that is missing. */
import { isRoot } from '../../stack/place.ts';
import { faketimeLibrary } from './place.ts';
import type { Need, Scenario } from './scenario.ts';

/** Null when it can run. */
export async function missingFor({ needs }: Scenario): Promise<string | null> {
  const found = await Promise.all(needs.map((need) => MISSING[need]()));
  return found.find((why) => why !== null) ?? null;
}

const MISSING: Readonly<Record<Need, () => Promise<string | null>>> = {
  root: async () => (isRoot() ? null : 'only root may mount the small disk it fills'),
  faketime: async () => (faketimeLibrary() === null ? 'libfaketime is missing (Debian package faketime)' : null),
};
