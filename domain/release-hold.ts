/** The flag of the release: whether what a release recorded of a target keeps the host out of traffic. */
import { DRIFT } from './drift.ts';
import type { TargetState } from './release/target.ts';

/** Down from the first step that was begun until the admission; a target that was never reached, or was found untouched, is not held. */
export function isHeldOut({ forward, back, fenced }: TargetState): boolean {
  const isReached = forward.begun !== null || forward.done.length > 0 || back.begun !== null || back.done.length > 0;
  // Refused at first touch, or found untouched on the way back: whoever drained it, it was not this release.
  if (!isReached || forward.failure?.failure.code === DRIFT.untouched || fenced?.untouched === true) return false;
  const isBack = back.begun !== null || back.done.length > 0 ? back.done.includes('admit') : forward.done.includes('admit');
  return !isBack;
}

/** What keeps it out, as the end of a sentence about the release. */
export function holdReason({ forward, back }: TargetState): string {
  const failure = back.failure ?? forward.failure;
  return failure === null ? 'has it in work' : `left it out: ${failure.failure.message}`;
}
