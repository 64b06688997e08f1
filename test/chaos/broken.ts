/** Promises that can be broken on purpose, to show that the checker sees it. */
export const BROKEN = ['fencing', 'journal', 'outbox'] as const;

export type Broken = (typeof BROKEN)[number];

/** in the ground of a run; names the promise that is broken from then on */
export const BROKEN_FILE = 'broken';
