/** Takes the place of db/append-release.ts: struck before and after a decision is written down. */
import { appendReleaseEvents as real } from '../../../db/append-release.ts';
import { strike } from './ground.ts';

export * from '../../../db/append-release.ts';

export const appendReleaseEvents: typeof real = async (db, append) => {
  strike('decision.before', append.release);
  const stored = await real(db, append);
  strike('decision.after', append.release);
  return stored;
};
