/** The parts of a release that take time, one after the other; between two legs only decisions are made. */
import type { Part } from '../release/events.ts';

/** `inService`: hosts in service when the leg begins. */
export type Leg =
  | { readonly do: 'acquire' | 'plan'; readonly inService: number }
  | { readonly do: 'observe' | 'stage' | 'audit'; readonly hosts: number; readonly inService: number }
  | LegOfTargets
  /** `seconds` null: a wait whose length nobody knows; `who` can end it */
  | { readonly do: 'wait'; readonly for: string; readonly seconds: number | null; readonly who: string | null; readonly inService: number };

/** A batch forward or back. Lists go by the place of a host in `hosts`. */
export type LegOfTargets = {
  readonly index: number;
  readonly hosts: readonly string[];
  readonly lanes: number;
  /** nobody is taken out of service below it */
  readonly floor: number;
  readonly inService: number;
  readonly leaves: readonly boolean[];
  readonly returns: readonly boolean[];
  /** part of the work that is left on each host, 0 to 1; null: all of it */
  readonly left: readonly number[] | null;
} & ({ readonly do: 'roll'; readonly part: Part } | { readonly do: 'restore' });

/** How long a leg takes when nothing is unusual. */
export type TypicalMs = (leg: Leg) => number;

export function isOfTargets(leg: Leg): leg is LegOfTargets {
  return leg.do === 'roll' || leg.do === 'restore';
}
