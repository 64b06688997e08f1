/** What a finding means for the sentence that says why a release does not move. */
import type { Waiting } from '../release/waiting.ts';
import type { NewFinding } from './finding.ts';

export type Hindrance = Pick<NewFinding, 'id' | 'kind' | 'sentence' | 'repair'> & { readonly openedAt: string };

/** What keeps the release from going on comes before whatever it waits for by itself; its own finding before everybody's. */
export function waitingWith(waiting: Waiting | null, hindrances: readonly Hindrance[]): Waiting | null {
  const own = hindrances.find(({ kind }) => kind !== 'no-workers');
  const first = own ?? hindrances[0];
  if (first === undefined) return waiting;
  const { sentence, openedAt: since, repair } = first;
  if (own === undefined) return { for: 'worker', since, until: null, who: 'whoever runs the workers', sentence: `${sentence} It goes on by itself when a worker runs.${beside(waiting)}` };
  return { for: 'repair', since, until: null, who: `an operator with \`${repair}\``, sentence: `${sentence} Repair: ${repair}` };
}

function beside(waiting: Waiting | null): string {
  return waiting === null || waiting.for === 'worker' ? '' : ` Besides: ${waiting.sentence}`;
}
