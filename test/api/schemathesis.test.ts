/** The API against a program that reads its OpenAPI document and tries everything else. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { settleCommand } from '../../db/commands.ts';
import { startApiUnderTest } from './api-under-test.ts';
import { findSchemathesis, runSchemathesis } from './schemathesis.ts';
import { FLEET, RELEASE, packageOf } from './samples.ts';
import type { ApiUnderTest } from './api-under-test.ts';

const CASES_MIN = 5000;
// Nobody here drains hosts or reads balancers back, and a request may wait for it a minute.
const CHECKS = [
  'not_a_server_error', 'status_code_conformance', 'content_type_conformance', 'response_headers_conformance', 'response_schema_conformance',
  'negative_data_rejection', 'unsupported_method', 'allow_header_conformance', 'ignored_auth', 'use_after_free', 'ensure_resource_availability',
];
// One worker: with two, CPython 3.11 now and then fails inside the program itself ("AST constructor recursion depth mismatch").
const COMMON = ['--phases', 'examples,coverage,fuzzing,stateful', '--workers', '1', '--continue-on-failure', '--no-shrink', '--request-timeout', '30', '--suppress-health-check', 'all'];
/** Readable by anybody: health without details, the document and its page. */
const OPEN = /^\/(?:livez|readyz|metrics|openapi\.json|docs(?:\/[^/]*)?)(?:\?|$)/;

let api: ApiUnderTest;
let program: string;
let settler: NodeJS.Timeout;

beforeAll(async () => {
  [api, program] = await Promise.all([startApiUnderTest({ waitMsMax: 300 }), findSchemathesis()]);
  await api.ask('POST', '/v1/apply', { body: { documents: FLEET } });
  await api.ask('POST', '/v1/packages', { body: packageOf('1.4.0') });
  await api.ask('POST', '/v1/releases', { body: { ...RELEASE, changes: [{ application: 'web', version: '1.4.0' }] } });
  settler = setInterval(() => void settleAll().catch(() => {}), 200);
}, 400_000);

afterAll(async () => {
  clearInterval(settler);
  await api.close();
});

/** Stands for the worker: commands are settled soon, so that nobody who waits for a receipt waits to the end. */
async function settleAll(): Promise<void> {
  const rows = await api.db.kysely.selectFrom('commands').select('id').where('state', '=', 'accepted').execute();
  for (const { id } of rows) await settleCommand(api.db, { id, state: 'applied' });
}

test('5,000 abusive requests with a token, stateful ones included, find no server error and no undocumented answer', async ({ signal }) => {
  // The token in use is not to be revoked half-way; tokens.test.ts revokes others.
  const args = [`${api.url}/openapi.json`, '-H', `Authorization: Bearer ${api.token}`, '--checks', CHECKS.join(','), '--max-examples', '40', '--exclude-operation-id', 'deleteV1TokensName', ...COMMON];
  const run = await runSchemathesis(program, api.dataDir, args, signal);
  expect(run.code, run.output).toBe(0);
  expect(api.errors).toEqual([]);
  expect(run.cases).toBeGreaterThanOrEqual(CASES_MIN);
}, 600_000);

test('5,000 abusive requests without a token read nothing but health and the document', async ({ signal }) => {
  const readable = new Set<string>();
  let answers = 0;
  api.onAnswer = (method, path, status) => {
    answers += 1;
    if (status < 400 && !OPEN.test(path)) readable.add(`${method} ${path} answered ${status}`);
  };
  const checks = ['not_a_server_error', 'status_code_conformance', 'content_type_conformance', 'response_headers_conformance', 'response_schema_conformance', 'unsupported_method', 'allow_header_conformance'];
  const run = await runSchemathesis(program, api.dataDir, [`${api.url}/openapi.json`, '--checks', checks.join(','), '--max-examples', '45', ...COMMON], signal);
  expect(run.code, run.output).toBe(0);
  expect([...readable]).toEqual([]);
  expect(api.errors).toEqual([]);
  expect(answers).toBeGreaterThanOrEqual(CASES_MIN);
}, 600_000);
