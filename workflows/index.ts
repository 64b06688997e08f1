/** The surface of the workflow bundle: what a worker can run. */
export { release } from './release.ts';
export { slice } from './slice.ts';
export { fleetCheck } from './fleet-check.ts';
