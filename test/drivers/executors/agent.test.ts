/** The agent executor against the real program, a real API and a real database: the conformance suite. */
import { afterAll, beforeAll } from 'vitest';
import { executorConformance } from './conformance.ts';
import { openAgentLand } from './real-agent.ts';
import type { AgentLand } from './real-agent.ts';

let land: AgentLand;
beforeAll(async () => {
  land = await openAgentLand();
});
afterAll(() => land?.close());

executorConformance('agent', async () => {
  const host = await land.makeHost();
  const agent = land.startAgent(host);
  return { executor: land.executor, host: host.host, dispose: () => agent.kill() };
});
