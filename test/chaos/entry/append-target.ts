/** Takes the place of db/append-target.ts: struck before and after the append, which is also the last moment of every step. */
import { appendTargetEvent as real } from '../../../db/append-target.ts';
import { strike } from './ground.ts';
import type { TargetEvent } from '../../../domain/release/events.ts';

export * from '../../../db/append-target.ts';

export const appendTargetEvent: typeof real = async (db, append) => {
  strike('append.before', append.release);
  const stored = await real(db, append);
  const recorded = recordedBy(append.event);
  if (recorded !== null) strike(`${recorded}.after-record`, append.release);
  strike('append.after', append.release);
  return stored;
};

function recordedBy({ type, data }: TargetEvent): string | null {
  switch (type) {
    case 'target-step-succeeded':
      return `${data.direction}.${data.step}`;
    case 'target-staged':
      return 'stage';
    case 'target-fenced':
      return 'fence';
    default:
      return null;
  }
}
