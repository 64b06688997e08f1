/** Everything the store refuses, as named situations with their ids as fields. Other rooms map them to problems or to retry rules. */
import type { FlagOwner } from '../domain/flags.ts';

/** The same event id is stored with other content: two histories of one release. Never retried; a person has to look. */
export class StreamForked extends Error {
  override readonly name = 'StreamForked';
  readonly release: string;
  readonly id: string;
  constructor(release: string, id: string, why: string) {
    super(`Release ${release} was told two stories: event ${id} ${why}. Nothing was stored. Compare its events with the workflow's history before anything goes on.`);
    this.release = release;
    this.id = id;
  }
}

/** A newer command owns the host, or the release owns it no more: whatever was being done must stop. `epoch` is the caller's. */
export class StaleEpoch extends Error {
  override readonly name = 'StaleEpoch';
  readonly host: string;
  readonly epoch: number;
  readonly current: number | null;
  constructor(host: string, epoch: number, current: number | null, owner: string | null) {
    super(
      `Epoch ${epoch} on host ${host} is void: the host is at epoch ${current ?? 'none'}, owned by ${owner === null ? 'no release' : `release ${owner}`}. Nothing was done; the newer command goes on by itself.`,
    );
    this.host = host;
    this.epoch = epoch;
    this.current = current;
  }
}

/** A newer wish for the server took the place of the one that was to be written again, or none is left. Nothing was written. */
export class WishReplaced extends Error {
  override readonly name = 'WishReplaced';
  constructor(server: string) {
    super(`What was wanted of server ${server} has changed; nothing was written.`);
  }
}

/** Owners' flags keep the host out of this pool: it must not be brought in. Nothing was written. */
export class KeptOut extends Error {
  override readonly name = 'KeptOut';
  readonly host: string;
  readonly owners: readonly FlagOwner[];
  constructor(host: string, pool: string, owners: readonly FlagOwner[]) {
    super(`${host} stays out of pool ${pool}: the flag of ${owners.join(', ')} is down. Who lowered it can raise it: \`signalbox host flags ${host}\` says who.`);
    this.host = host;
    this.owners = owners;
  }
}

/** The release was paused or is being aborted, and this would have begun something further. Nothing was stored. */
export class ReleaseStopped extends Error {
  override readonly name = 'ReleaseStopped';
  constructor(release: string) {
    super(`Release ${release} was stopped before this could begin. Nothing was done; it begins when the release goes on.`);
  }
}

/** The release goes on in a newer workflow: whoever decides for the lost one stops. */
export class Adopted extends Error {
  override readonly name = 'Adopted';
  readonly release: string;
  constructor(release: string) {
    super(`Release ${release} was adopted and goes on in a newer workflow. Nothing was stored.`);
    this.release = release;
  }
}

/** The store has fewer events than the teller has seen stored: an older state of it was restored. Nothing is stored, and nothing is numbered anew. */
export class LogBehind extends Error {
  override readonly name = 'LogBehind';
  readonly release: string;
  constructor(release: string, seen: number, version: number) {
    super(`The log of release ${release} stands at decision ${version}, but its workflow has seen ${seen} stored: an older state of the database was restored. The release waits. Restore the newer one, or adopt the release: signalbox doctor says how.`);
    this.release = release;
  }
}

export class UnknownRelease extends Error {
  override readonly name = 'UnknownRelease';
  readonly release: string;
  constructor(release: string) {
    super(`There is no release ${release}. List the known ones with \`signalbox get releases\`.`);
    this.release = release;
  }
}

/** The host is none of the release's targets, or the release was never opened. */
export class UnknownTarget extends Error {
  override readonly name = 'UnknownTarget';
  readonly release: string;
  readonly host: string;
  constructor(release: string, host: string) {
    super(`Host ${host} is no target of release ${release}, or there is no such release. Look at its targets with \`signalbox status ${release}\`.`);
    this.release = release;
    this.host = host;
  }
}

/** The fence or turn was held longer than allowed; the lock is freed and the work inside must be considered unknown. */
export class HeldTooLong extends Error {
  override readonly name = 'HeldTooLong';
  constructor(subject: string, limitMs: number) {
    super(`The work under the lock of ${subject} took longer than ${limitMs} ms and was given up. Its outcome is unknown: observe before going on.`);
  }
}

/** `current` null: the object does not exist. */
export class VersionConflict extends Error {
  override readonly name = 'VersionConflict';
  readonly kind: string;
  readonly object: string;
  readonly expected: number | null;
  readonly current: number | null;
  constructor(place: { kind: string; name: string }, expected: number | null, current: number | null) {
    super(`${place.kind} ${place.name} is ${stand(current)}, but the change expected ${stand(expected)}. Read it again and repeat the change.`);
    this.kind = place.kind;
    this.object = place.name;
    this.expected = expected;
    this.current = current;
  }
}

function stand(version: number | null): string {
  return version === null ? 'not there' : `at version ${version}`;
}

/** An object cannot go while others need it; `by` names them, e.g. `pool web-prod` or `release r-…`. */
export class InUse extends Error {
  override readonly name = 'InUse';
  readonly kind: string;
  readonly object: string;
  readonly by: readonly string[];
  constructor(place: { kind: string; name: string }, by: readonly string[]) {
    super(`${place.kind} ${place.name} is in use by ${by.join(', ')}. Take it out there first, or wait until the release has ended.`);
    this.kind = place.kind;
    this.object = place.name;
    this.by = by;
  }
}

export interface MissingReference {
  readonly kind: string;
  readonly name: string;
  readonly neededBy: string;
}

/** Objects that others name but nobody defined; all of them at once, nothing was stored. */
export class UnknownReference extends Error {
  override readonly name = 'UnknownReference';
  readonly missing: readonly MissingReference[];
  constructor(missing: readonly MissingReference[]) {
    super(`${missing.map((one) => `${one.neededBy} names ${one.kind} ${one.name}, which does not exist`).join('; ')}. Define what is missing in the same apply, or before.`);
    this.missing = missing;
  }
}

/** Pools that cannot be released as one, or a change after which they could not any more; nothing was stored. */
export class JoinedMisfit extends Error {
  override readonly name = 'JoinedMisfit';
  constructor(misfits: readonly { readonly pool: string; readonly message: string }[]) {
    super(`${misfits.map(({ pool, message }) => `Joined pool ${pool}: ${message}`).join('. ')}. Change its members in one apply, or take the pool out of joins.`);
  }
}

/** Another request with this key is being worked on. */
export class KeyInFlight extends Error {
  override readonly name = 'KeyInFlight';
  readonly key: string;
  constructor(key: string) {
    super(`A request with the idempotency key ${key} is still being worked on. Repeat it in a moment: it will get the first one's answer.`);
    this.key = key;
  }
}

/** The key was used before, for something else. */
export class KeyReused extends Error {
  override readonly name = 'KeyReused';
  readonly key: string;
  constructor(key: string) {
    super(`The idempotency key ${key} belongs to another request with a different body or address. Use a new key for a new request.`);
    this.key = key;
  }
}

/** The id of a command or a release was used before, for something else. */
export class IdReused extends Error {
  override readonly name = 'IdReused';
  readonly id: string;
  constructor(id: string) {
    super(`The id ${id} is taken by something with other content. Use a new id.`);
    this.id = id;
  }
}

/** The database is not fit to be worked with; the message says which setting and what to do. */
export class DatabaseUnfit extends Error {
  override readonly name = 'DatabaseUnfit';
}

/** SQLSTATE of an error of Postgres; null for any other error. */
export function sqlState(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && /^[0-9A-Z]{5}$/.test(error.code) ? error.code : null;
}
