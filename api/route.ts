/**
 * What a route is. One table of routes (app.ts) drives both the routing (serve.ts) and the OpenAPI document (openapi.ts), so that
 * neither can know a path, a parameter or an answer the other does not.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { z } from 'zod';
import type { Actor } from '../domain/vocabulary.ts';
import type { LaterKind } from './later.ts';

export type Method = 'GET' | 'PUT' | 'POST' | 'DELETE';

/** `open`: anybody. `token`: a bearer token. `metrics`: a token, or the same machine. `key`: the URL itself carries the proof. `host`: the token of a host. */
export type Access = 'open' | 'token' | 'metrics' | 'key' | 'host';

/** Who asks. `principal` separates idempotency keys; `id` is the token's. */
export interface Caller {
  readonly actor: Actor;
  readonly principal: string;
}

/** The agent of a host: `token` is the name of the one it came with. */
export interface HostCaller {
  readonly host: string;
  readonly token: string;
}

/** A request whose every part has been checked. `bodyText` is the body as sent, for the idempotency hash. */
export interface Call<Q = unknown, B = unknown> {
  readonly path: Readonly<Record<string, string>>;
  readonly query: Q;
  readonly body: B;
  readonly bodyText: string;
  readonly caller: Caller | null;
  /** only on routes for agents */
  readonly host: HostCaller | null;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** aborted when the client goes away or the process drains */
  readonly signal: AbortSignal;
}

/** `body` undefined sends none; a string goes as it is with its own Content-Type, anything else as JSON. */
export interface Answer {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The handler wrote the response by itself (a stream or a file). */
export const ANSWERED = Symbol('answered');

export interface AnswerDoc {
  readonly description: string;
  readonly schema?: z.ZodType;
  /** default application/json when there is a schema */
  readonly contentTypes?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
}

/** How the body is read. `later` names the table of fields that a later version brings. */
export type BodyRule =
  | { readonly kind: 'json'; readonly schema: z.ZodType; readonly later?: LaterKind }
  | { readonly kind: 'documents'; readonly schema: z.ZodType }
  | { readonly kind: 'bytes' };

export interface Operation {
  readonly summary: string;
  readonly description?: string;
  readonly tag: string;
  readonly path?: Readonly<Record<string, z.ZodType<string>>>;
  readonly query?: z.ZodObject;
  /** request headers it understands, with a sentence each; read by the handler itself */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: BodyRule;
  readonly answers: Readonly<Record<number, AnswerDoc>>;
  /** statuses of problems beyond those that access, body and parameters bring by themselves */
  readonly problems?: readonly number[];
  readonly handle: (call: Call) => Promise<Answer | typeof ANSWERED>;
}

export interface Route {
  readonly method: Method;
  /** `{name}` stands for a path parameter */
  readonly path: string;
  readonly access: Access;
  readonly operation: Operation;
}

export function route(method: Method, path: string, access: Access, operation: Operation): Route {
  return { method, path, access, operation };
}

/** An operation whose handler sees its query and body with the types of their schemas. */
export interface TypedOperation<Q extends z.ZodObject, B extends z.ZodType> extends Omit<Operation, 'query' | 'body' | 'handle'> {
  readonly query?: Q;
  readonly body?: { readonly kind: 'json'; readonly schema: B; readonly later?: LaterKind };
  readonly handle: (call: Call<z.output<Q>, z.output<B>>) => Promise<Answer | typeof ANSWERED>;
}

/** Forgets the types after the handler was checked against them; serve.ts parses with exactly these schemas before it calls. */
export function operation<Q extends z.ZodObject, B extends z.ZodType>(typed: TypedOperation<Q, B>): Operation {
  return { ...typed, handle: (call) => typed.handle(call as Call<z.output<Q>, z.output<B>>) };
}

/** The caller of a route that needs a token; serve.ts has checked it before. */
export function callerOf(call: Call): Caller {
  if (call.caller === null) throw new Error('This route has no caller because it needs no token');
  return call.caller;
}

/** The agent that asks, on a route that needs the token of a host; serve.ts has checked it before. */
export function hostCallerOf(call: Call): HostCaller {
  if (call.host === null) throw new Error('This route has no host because it is not for agents');
  return call.host;
}
