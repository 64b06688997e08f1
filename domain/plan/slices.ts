/** How a large batch is cut into slices so that all of them together keep to the batch's lanes. */

/** Hosts per slice: at eight activities each, its history stays under the size at which the server asks for a new run. */
export const SLICE_MAX = 60;

/** More targets than this are surveyed by several activities, one after the other: each stays short enough to be repeated. */
export const SURVEY_MAX = 60;

export interface SlicePlan {
  /** hosts of each slice, in the order of the batch */
  readonly slices: readonly (readonly string[])[];
  /** lanes of each slot; a slot runs one slice after the other, and as many slices run side by side as there are slots */
  readonly slots: readonly number[];
}

/** Slices of nearly equal size, none above `hostsMax`. The slots share `lanes` and never add up to more; a slice without a lane waits for a slot. */
export function planSlices({ hosts, lanes, hostsMax }: { readonly hosts: readonly string[]; readonly lanes: number; readonly hostsMax: number }): SlicePlan {
  const count = Math.ceil(hosts.length / hostsMax);
  const size = Math.ceil(hosts.length / count);
  const lanesAll = Math.max(1, lanes);
  const slots = Math.min(count, lanesAll);
  const share = Math.floor(lanesAll / slots);
  const over = lanesAll % slots;
  return {
    slices: Array.from({ length: count }, (_, index) => hosts.slice(index * size, (index + 1) * size)),
    slots: Array.from({ length: slots }, (_, slot) => share + (slot < over ? 1 : 0)),
  };
}
