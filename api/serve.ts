/** Routes → Express: for each request who asks, which parameters, which body, then the handler, then the answer or the problem. */
import { randomUUID } from 'node:crypto';
import type { Express, NextFunction, Request, Response } from 'express';
import { authenticate, authenticateHost } from './auth.ts';
import { readJson, readJsonOrYaml } from './body.ts';
import { problemOf } from './errors.ts';
import { documentsWithoutLater, withoutLater } from './later.ts';
import { parseWith } from './parse.ts';
import { Problem, invalid, problemDocument } from './problem.ts';
import { ANSWERED } from './route.ts';
import type { ApiDeps } from './deps.ts';
import type { Complaint } from './problem.ts';
import type { Body } from './body.ts';
import type { Answer, BodyRule, Caller, Operation, Route } from './route.ts';

/** Mounts every route; a known path with another method answers 405, an unknown path 404 (401 without a token). */
export function mountRoutes(app: Express, routes: readonly Route[], deps: ApiDeps): void {
  app.use((request, response, next) => {
    response.locals['requestId'] = randomUUID();
    response.locals['startedMs'] = performance.now();
    const origin = request.headers['x-request-id'];
    if (typeof origin === 'string' && /^[A-Za-z0-9._-]{1,128}$/.test(origin)) response.locals['origin'] = origin;
    response.setHeader('X-Request-Id', String(response.locals['requestId']));
    next();
  });
  for (const [path, methods] of byPath(routes)) {
    const allow = [...methods.keys()].flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])).join(', ');
    app.all(path.replaceAll(/\{(\w+)\}/g, ':$1'), (request, response, next) => {
      const found = methods.get(request.method === 'HEAD' ? 'GET' : request.method);
      if (found === undefined) throw new Problem('method-not-allowed', { detail: `${path} answers ${allow}.`, headers: { Allow: allow } });
      response.locals['route'] = path;
      serve(found, deps, request, response).catch(next);
    });
  }
  app.use(async (request: Request) => {
    await authenticate(request, deps);
    throw new Problem('not-found', 'There is no such path. GET /openapi.json lists them all.');
  });
  app.use((error: unknown, request: Request, response: Response, _next: NextFunction) => sendProblem(error, request, response, deps));
}

function byPath(routes: readonly Route[]): ReadonlyMap<string, ReadonlyMap<string, Route>> {
  const paths = new Map<string, Map<string, Route>>();
  for (const entry of routes) paths.set(entry.path, (paths.get(entry.path) ?? new Map<string, Route>()).set(entry.method, entry));
  return paths;
}

async function serve(found: Route, deps: ApiDeps, request: Request, response: Response): Promise<void> {
  const host = found.access === 'host' ? await authenticateHost(request, deps) : null;
  const caller = await callerFor(found, deps, request);
  const { operation } = found;
  const complaints: Complaint[] = [];
  const path = pathOf(operation, request, complaints);
  const query = queryOf(operation, request, complaints);
  const body = await bodyOf(operation, request, complaints);
  if (complaints.length > 0) throw invalid(complaints);
  const answer = await operation.handle({ path, query, body: body.value, bodyText: body.text, caller, host, request, response, signal: goneSignal(response, deps) });
  if (answer !== ANSWERED) send(answer, response);
}

/** `metrics` may be read from the machine itself, unless a proxy stands between: then the address says nothing about who asks. */
async function callerFor(found: Route, deps: ApiDeps, request: Request): Promise<Caller | null> {
  if (found.access === 'open' || found.access === 'key' || found.access === 'host') return null;
  const proxied = request.headers['x-forwarded-for'] !== undefined || request.headers['forwarded'] !== undefined;
  const local = !proxied && /^(?:127\.|::1$|::ffff:127\.)/.test(request.socket.remoteAddress ?? '');
  if (found.access === 'metrics' && local) return null;
  return authenticate(request, deps);
}

function pathOf(operation: Operation, request: Request, complaints: Complaint[]): Record<string, string> {
  const path: Record<string, string> = {};
  for (const [name, schema] of Object.entries(operation.path ?? {})) {
    const parsed = parseWith(schema, request.params[name], 'path', `/${name}`);
    if ('complaints' in parsed) complaints.push(...parsed.complaints);
    else path[name] = parsed.value;
  }
  return path;
}

function queryOf(operation: Operation, request: Request, complaints: Complaint[]): unknown {
  if (operation.query === undefined) {
    for (const name of Object.keys(request.query)) complaints.push({ in: 'query', pointer: `/${name}`, message: 'unknown parameter' });
    return {};
  }
  const parsed = parseWith<unknown>(operation.query, { ...request.query }, 'query');
  if ('value' in parsed) return parsed.value;
  complaints.push(...parsed.complaints);
  return {};
}

/** A body is held against the later fields first, so that they are called by their name and not unknown. */
async function bodyOf({ body }: Operation, request: Request, complaints: Complaint[]): Promise<Body> {
  if (body === undefined || body.kind === 'bytes') return { value: undefined, wrong: [], text: '' };
  const read = body.kind === 'json' ? await readJson(request) : await readJsonOrYaml(request);
  complaints.push(...read.wrong);
  const later = laterOf(body, read.value);
  complaints.push(...later.complaints);
  const parsed = parseWith<unknown>(body.schema, later.value, 'body');
  if ('value' in parsed) return { ...read, value: parsed.value };
  complaints.push(...parsed.complaints);
  return read;
}

function laterOf(body: Exclude<BodyRule, { kind: 'bytes' }>, value: unknown): ReturnType<typeof withoutLater> {
  if (body.kind === 'documents') return documentsWithoutLater(value);
  return body.later ? withoutLater(body.later, value) : { value, complaints: [] };
}

function goneSignal(response: Response, deps: ApiDeps): AbortSignal {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  return deps.drainSignal ? AbortSignal.any([gone.signal, deps.drainSignal]) : gone.signal;
}

function send(answer: Answer, response: Response): void {
  response.status(answer.status);
  for (const [name, value] of Object.entries(answer.headers ?? {})) response.setHeader(name, value);
  if (answer.body === undefined) response.end();
  else if (typeof answer.body === 'string') response.send(answer.body);
  else response.json(answer.body);
}

function sendProblem(error: unknown, request: Request, response: Response, deps: ApiDeps): void {
  const problem = problemOf(error);
  const requestId = String(response.locals['requestId']);
  if (problem.status >= 500) deps.log.error({ requestId, method: request.method, path: request.path, err: error }, problem.message);
  if (response.headersSent) {
    response.destroy();
    return;
  }
  for (const [name, value] of Object.entries(problem.details.headers ?? {})) response.setHeader(name, value);
  response.status(problem.status).type('application/problem+json').send(JSON.stringify(problemDocument(problem, requestId)));
}
