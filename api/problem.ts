/** RFC 9457 problems: every answer that is no success has this one shape. `type` is stable and may be switched on. */

/** One thing that is wrong with a request. `pointer` is a JSON pointer into the part of the request that `in` names. */
export interface Complaint {
  readonly in: 'body' | 'query' | 'path' | 'header';
  readonly pointer: string;
  readonly message: string;
}

const KINDS = {
  unparsable: { status: 400, title: 'The request cannot be read' },
  unauthorized: { status: 401, title: 'A valid token is needed' },
  'not-found': { status: 404, title: 'There is no such thing' },
  'method-not-allowed': { status: 405, title: 'The method is not allowed here' },
  'not-acceptable': { status: 406, title: 'The answer has no such representation' },
  conflict: { status: 409, title: 'The request conflicts with the present state' },
  refused: { status: 409, title: 'The release refuses this command' },
  'plan-outdated': { status: 409, title: 'The plan no longer fits' },
  'key-in-flight': { status: 409, title: 'The first request with this Idempotency-Key is still being answered' },
  blocked: { status: 409, title: 'A hold or a quarantine stands in the way' },
  'no-way-back': { status: 409, title: 'A rollback could not lead where the strategy sends it' },
  'in-use': { status: 409, title: 'The object is in use' },
  'version-mismatch': { status: 412, title: 'The object has changed since you read it' },
  'too-large': { status: 413, title: 'The request body is too large' },
  'media-type': { status: 415, title: 'The media type is not supported' },
  'range-not-satisfiable': { status: 416, title: 'The file has no such range' },
  invalid: { status: 422, title: 'The request is understood but wrong' },
  'key-reused': { status: 422, title: 'The Idempotency-Key was used with another request' },
  'version-required': { status: 428, title: 'The version you read is required' },
  internal: { status: 500, title: 'Signalbox failed' },
  unavailable: { status: 503, title: 'A part that Signalbox needs is away' },
  draining: { status: 503, title: 'This process is shutting down' },
} as const;

const QUOTE_MAX = 500;

export type ProblemKind = keyof typeof KINDS;

export interface ProblemDetails {
  readonly detail: string;
  readonly errors?: readonly Complaint[];
  /** further members of the problem document, e.g. the allowed commands */
  readonly extra?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Thrown by any part of a request's handling; the problem handler (serve.ts) turns it into the answer. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly kind: ProblemKind;
  readonly details: ProblemDetails;

  constructor(kind: ProblemKind, details: ProblemDetails | string) {
    const full = typeof details === 'string' ? { detail: details } : details;
    super(full.detail);
    this.kind = kind;
    this.details = full;
  }

  get status(): number {
    return KINDS[this.kind].status;
  }
}

/** All complaints of a request that parsed but is wrong, in one 422. */
export function invalid(errors: readonly Complaint[]): Problem {
  const count = errors.length === 1 ? 'one complaint' : `${errors.length} complaints`;
  return new Problem('invalid', { detail: `Nothing was stored: ${count}; each is listed under "errors" with where it is.`, errors });
}

/** A 404 that says what was looked for. */
export function notFound(what: string, name: string): Problem {
  return new Problem('not-found', `There is no ${what} "${name}".`);
}

/** The document of a problem; `requestId` names the request in the log. */
export function problemDocument(problem: Problem, requestId: string): Record<string, unknown> {
  const { title, status } = KINDS[problem.kind];
  const { detail, errors, extra } = problem.details;
  return {
    type: problemType(problem.kind),
    title,
    status,
    detail,
    instance: `urn:uuid:${requestId}`,
    ...(errors ? { errors: errors.map(shortened) } : {}),
    ...extra,
  };
}

/** Complaints quote the request; a huge name must not come back a hundred times. */
function shortened({ in: where, pointer, message }: Complaint): Complaint {
  return { in: where, pointer: pointer.slice(0, QUOTE_MAX), message: message.slice(0, QUOTE_MAX) };
}

export function problemType(kind: ProblemKind): string {
  return `urn:signalbox:problem:${kind}`;
}

/** Every stable type URI with its status and title, for the documents. */
export function problemCatalogue(): readonly { type: string; status: number; title: string }[] {
  return Object.entries(KINDS).map(([kind, entry]) => ({ type: problemType(kind as ProblemKind), ...entry }));
}
