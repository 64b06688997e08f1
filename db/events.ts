/** The event store: everything that appends to or reads the stream of a release. */
export { appendReleaseEvents } from './append-release.ts';
export { appendTargetEvent, recallTargets } from './append-target.ts';
export { readReleaseEvents } from './stored-events.ts';
export { verifyChain } from './verify-chain.ts';
