/** Health checks over an agent while the API is away: nobody can ask, so nobody is late. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createHealth } from '../../../drivers/health/factory.ts';
import { until } from '../../support/until.ts';
import { openRoad } from './agent-road.ts';
import { openAgentLand } from './real-agent.ts';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ApplicationSpec, HealthCheck } from '../../../domain/inventory.ts';
import type { HealthVerdict } from '../../../drivers/health/port.ts';
import type { AgentRoad } from './agent-road.ts';
import type { AgentLand } from './real-agent.ts';

let land: AgentLand;
let road: AgentRoad;
let server: Server;
let asked = 0;
/** how often the application is still starting when it is asked; the first question breaks the road */
let startingFor = 1;
beforeAll(async () => {
  land = await openAgentLand();
  road = await openRoad(land.api.url);
  server = createServer((_, response) => {
    asked += 1;
    if (asked === 1) road.close();
    response.writeHead(asked <= startingFor ? 503 : 200).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(async () => {
  server?.close();
  await land?.close();
  await road?.end();
});

const APPLICATION: ApplicationSpec = { name: 'web', recipe: 'service', productLine: null, owners: [], run: { command: ['./app'], stopSignal: 'SIGTERM', stopTimeoutSeconds: 5, account: null, env: {} }, variables: {}, health: [] };

/** Asks while the road breaks under the first answer, and opens it again once the agent has missed the API. */
async function checkOverBrokenRoad(): Promise<HealthVerdict> {
  const host = await land.makeHost();
  const agent = land.startAgent(host, { url: road.url });
  await land.asks(host);
  const check: HealthCheck = { http: { path: '/', port: String((server.address() as AddressInfo).port), method: 'GET', status: [200], version: null, listener: 'any' }, passes: 1, intervalMs: 20, timeoutSeconds: 1 };
  const verdict = createHealth().verify({
    executor: land.executor, host: host.host, application: APPLICATION, check, place: 'health/0', expectedVersion: null, process: 'none',
    input: { root: host.root, epoch: '1', opId: 'verify' }, signal: new AbortController().signal,
  });
  await until('the agent misses the API', () => agent.said().includes('does not answer'));
  road.open();
  const answer = await verdict;
  await agent.stop();
  return answer;
}

test('an application that was still starting when the API went passes when it is asked again', async () => {
  expect(await checkOverBrokenRoad()).toMatchObject({ healthy: true });
});

test('an application that never starts is unhealthy all the same, and how long nobody could ask is said', async () => {
  asked = 0;
  startingFor = Number.POSITIVE_INFINITY;
  expect(await checkOverBrokenRoad()).toMatchObject({ healthy: false, code: 'health-timeout', message: expect.stringMatching(/in 1 s, not counting \d+\.\d s in which web-2 could not be reached/) });
});
