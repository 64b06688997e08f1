/** A plan played through before anybody starts it: what happens when, who is waited for, and how long it takes. */
import { initialRelease } from '../release/evolve.ts';
import { SIGNALBOX } from '../vocabulary.ts';
import { typicalOf } from './leg-time.ts';
import { predict } from './predict.ts';
import { rehearse } from './rehearse.ts';
import type { Plan } from '../plan/plan.ts';
import type { CoreEventData } from '../release/events.ts';
import type { ReleaseState } from '../release/state.ts';
import type { Paces } from './paces.ts';
import type { Prediction } from './predict.ts';

export interface SimulationInput {
  readonly request: CoreEventData['release-requested'];
  readonly plan: Plan;
  readonly inService: readonly string[];
  readonly staysOut?: readonly string[];
  readonly paces: Paces;
  /** the same seed gives the same answer */
  readonly seed: string;
}

export interface Simulation extends Prediction {
  /** the status in which the release would end; null where it would wait for what no command ends */
  readonly endsAs: ReleaseState['situation']['status'] | null;
}

/** Waits only say how long they are, so any day does. */
const START = '2026-01-01T00:00:00.000Z';

export function simulate({ request, plan, inService, staysOut, paces, seed }: SimulationInput): Simulation {
  const state = initialRelease({ type: 'release-requested', data: request, id: '', version: 1, at: START, actor: SIGNALBOX });
  const { legs, endsAs } = rehearse({ state, plan, inService, ...(staysOut === undefined ? {} : { staysOut }), startMs: Date.parse(START), typicalMs: typicalOf(paces) });
  return { endsAs, ...predict(legs, paces, seed) };
}
