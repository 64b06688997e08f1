/** The route table as an OpenAPI 3.1 document. What routing adds by itself (401, 400, 413 …) is added here by the same rules. */
import { createDocument } from 'zod-openapi';
import { z } from 'zod';
import { problemCatalogue } from './problem.ts';
import { operation } from './route.ts';
import type { ZodOpenApiOperationObject, ZodOpenApiPathsObject, ZodOpenApiResponsesObject } from 'zod-openapi';
import type { AnswerDoc, Operation, Route } from './route.ts';

const Complaint = z.strictObject({ in: z.enum(['body', 'query', 'path', 'header']), pointer: z.string(), message: z.string() });
const ProblemDocument = z
  .looseObject({ type: z.string(), title: z.string(), status: z.int(), detail: z.string(), instance: z.string(), errors: z.array(Complaint).optional() })
  .meta({ id: 'Problem', description: 'RFC 9457. `errors` lists every complaint with a JSON pointer into the part of the request that `in` names.' });

type Json = ReturnType<typeof createDocument>;

/** `table` is asked when the document is, so that the route of the document itself is in it. */
export function openapiOperation(table: () => readonly Route[]): Operation {
  let made: Json | null = null;
  return operation({
    summary: 'This document',
    tag: 'documents',
    answers: { 200: { description: 'OpenAPI 3.1', schema: z.looseObject({ openapi: z.string() }) } },
    async handle() {
      made ??= documentOf(table());
      return { status: 200, body: made };
    },
  });
}

export function documentOf(routes: readonly Route[]): Json {
  const paths: ZodOpenApiPathsObject = {};
  for (const entry of routes) paths[entry.path] = { ...paths[entry.path], [entry.method.toLowerCase()]: operationObject(entry) };
  return createDocument(
    {
      openapi: '3.1.0',
      info: { title: 'Signalbox', version: '1', description: `Releases for fleets. Problems have these types:\n\n${problemLines()}` },
      paths,
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer', description: '`signalbox token create NAME` makes one' }, hostToken: { type: 'http', scheme: 'bearer', description: 'good for the agent of one host alone; `signalbox host-token create HOST NAME` makes one' } } },
    },
    { allowEmptySchema: { unknown: true } },
  );
}

function problemLines(): string {
  return problemCatalogue().map(({ type, status, title }) => `- \`${type}\` (${status}): ${title}`).join('\n');
}

/** An empty entry says that it also works without. */
const SECURITY: Readonly<Record<Route['access'], Record<string, string[]>[]>> = { open: [], key: [], token: [{ token: [] }], metrics: [{ token: [] }, {}], host: [{ hostToken: [] }] };

function operationObject({ access, method, path, operation: op }: Route): ZodOpenApiOperationObject {
  return {
    operationId: operationId(method, path),
    summary: op.summary,
    tags: [op.tag],
    ...(op.description ? { description: op.description } : {}),
    security: SECURITY[access],
    requestParams: {
      ...(op.path ? { path: z.object(op.path) } : {}),
      ...(op.query ? { query: op.query } : {}),
      ...(op.headers ? { header: headerSchema(op.headers) } : {}),
    },
    ...bodyObject(op),
    responses: responsesOf(access, op),
  };
}

// OpenAPI ignores parameters of these names: they are said by content types and security.
const SAID_ELSEWHERE: ReadonlySet<string> = new Set(['accept', 'content-type', 'authorization']);

function headerSchema(headers: Readonly<Record<string, string>>): z.ZodObject {
  const known = Object.entries(headers).filter(([name]) => !SAID_ELSEWHERE.has(name.toLowerCase()));
  return z.object(Object.fromEntries(known.map(([name, description]) => [name, z.string().optional().meta({ description })])));
}

function bodyObject({ body }: Operation): Pick<ZodOpenApiOperationObject, 'requestBody'> {
  if (body === undefined) return {};
  if (body.kind === 'bytes') return { requestBody: { required: true, content: { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } } } };
  const json = { 'application/json': { schema: body.schema } };
  return { requestBody: { required: true, content: body.kind === 'json' ? json : { ...json, 'application/yaml': { schema: body.schema } } } };
}

function responsesOf(access: Route['access'], op: Operation): ZodOpenApiResponsesObject {
  const responses: Record<string, unknown> = {};
  for (const status of problemStatuses(access, op)) responses[status] = { description: 'a problem', content: { 'application/problem+json': { schema: ProblemDocument } } };
  for (const [status, answer] of Object.entries(op.answers)) responses[status] = answerObject(answer, status === '503');
  return responses as ZodOpenApiResponsesObject;
}

/** The statuses that serve.ts gives by itself, and those the operation names. */
function problemStatuses(access: Route['access'], op: Operation): readonly number[] {
  const statuses = new Set<number>([422, 503, ...(op.problems ?? [])]);
  if (access === 'token' || access === 'metrics' || access === 'host') statuses.add(401);
  if (op.path) statuses.add(400);
  if (op.body) for (const status of [400, 413, 415]) statuses.add(status);
  return [...statuses].sort();
}

function answerObject({ description, schema, contentTypes, headers }: AnswerDoc, mayBeProblem: boolean): unknown {
  const content = schema && Object.fromEntries((contentTypes ?? ['application/json']).map((type) => [type, { schema: type === 'text/event-stream' ? z.string() : schema }]));
  const problem = mayBeProblem ? { 'application/problem+json': { schema: ProblemDocument } } : {};
  return {
    description,
    ...(content ? { content: { ...content, ...problem } } : {}),
    ...(headers ? { headers: z.object(Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, z.string().optional().meta({ description: text })]))) } : {}),
  };
}

/** `GET /v1/releases/{id}` → `getV1ReleasesId`. */
function operationId(method: string, path: string): string {
  const words = path.split(/[^A-Za-z0-9]+/).filter((word) => word !== '');
  return method.toLowerCase() + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
}
