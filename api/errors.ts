/** The one table that turns whatever was thrown into a problem. What is not listed is our own fault: 500, without details. */
import {
  DatabaseUnfit, IdReused, InUse, JoinedMisfit, KeyInFlight, KeyReused, UnknownReference, UnknownRelease, VersionConflict, sqlState,
} from '../db/errors.ts';
import { mismatch } from './etag.ts';
import { Problem } from './problem.ts';

/** SQLSTATE classes in which the database is away, full, starting or stopping; nothing was stored then. */
const AWAY = /^(?:08|53|57|58)|^(?:55P03|40001|40P01|25006|3D000|28)/;
const SOCKET_CODES: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'ETIMEDOUT', 'EPIPE', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOENT', 'EAI_AGAIN']);
const CONNECTION_WORDS = /Connection terminated|timeout exceeded when trying to connect|connection timeout|Client has encountered a connection error|pool after calling end|Cannot use a pool/i;

export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  return domainProblem(error) ?? databaseProblem(error) ?? requestProblem(error) ?? new Problem('internal', 'Something failed inside Signalbox. The log of the API names this request by the id in "instance".');
}

function domainProblem(error: unknown): Problem | null {
  if (error instanceof VersionConflict) return mismatch(error.message, error.current);
  if (error instanceof InUse) return new Problem('in-use', { detail: error.message, extra: { usedBy: error.by } });
  if (error instanceof JoinedMisfit) return new Problem('conflict', error.message);
  if (error instanceof KeyInFlight) return new Problem('key-in-flight', { detail: error.message, headers: { 'Retry-After': '1' } });
  if (error instanceof KeyReused) return new Problem('key-reused', { detail: error.message, errors: [{ in: 'header', pointer: '/Idempotency-Key', message: error.message }] });
  if (error instanceof IdReused) return new Problem('conflict', error.message);
  if (error instanceof UnknownRelease) return new Problem('not-found', error.message);
  if (error instanceof UnknownReference) {
    const errors = error.missing.map(({ kind, name, neededBy }) => ({ in: 'body' as const, pointer: '', message: `${neededBy} names ${kind} ${name}, which does not exist` }));
    return new Problem('invalid', { detail: error.message, errors });
  }
  return null;
}

/** True for errors that mean the database is away or refuses work, as against a mistake in a statement of ours. */
export function isDatabaseAway(error: unknown): boolean {
  if (error instanceof DatabaseUnfit) return true;
  if (error instanceof AggregateError) return error.errors.some(isDatabaseAway);
  if (!(error instanceof Error)) return false;
  const state = sqlState(error);
  if (state !== null) return AWAY.test(state) || SOCKET_CODES.has(state);
  return ('code' in error && typeof error.code === 'string' && SOCKET_CODES.has(error.code)) || CONNECTION_WORDS.test(error.message);
}

function databaseProblem(error: unknown): Problem | null {
  if (!isDatabaseAway(error)) return null;
  return new Problem('unavailable', { detail: 'The database is away or too busy; nothing was stored. Repeat the request with the same Idempotency-Key.', headers: { 'Retry-After': '2' } });
}

/** What Express and Node throw for requests that cannot be read: a broken escape in the path, a body that ended early. */
function requestProblem(error: unknown): Problem | null {
  if (error instanceof URIError) return new Problem('unparsable', 'The path holds a broken percent escape.');
  const aborted = error instanceof Error && 'code' in error && (error.code === 'ECONNRESET' || error.code === 'ERR_STREAM_PREMATURE_CLOSE');
  return aborted ? new Problem('unparsable', 'The request ended before its body did.') : null;
}
