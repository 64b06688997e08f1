import { expect, test } from 'vitest';
import { createTraffic } from '../../../drivers/traffic/factory.ts';
import { call, countingFence, READY, trafficConformance } from './conformance.ts';

trafficConformance('none', false, async () => ({ traffic: createTraffic({ driver: 'none' }), servers: ['web-01', 'web-02'], stop: async () => undefined }));

test('hosts without a balancer are always in service and nothing is ever written', async () => {
  const traffic = createTraffic({ driver: 'none' });
  const writes = countingFence();
  await traffic.drain('web-01', { ...call(writes.fence), timeoutMs: 1_000 });
  await traffic.admit('web-01', READY, { ...call(writes.fence), timeoutMs: 1_000 });
  expect(await traffic.observe(['web-01'], call().signal)).toEqual([{ admin: 'none', operational: 'unknown', weight: null, connections: 0, inService: true }]);
  await expect(traffic.weight('web-01', 1, call(writes.fence))).rejects.toThrow('has no weight');
  expect(await traffic.identity(call().signal)).toBeNull();
  expect(writes.count()).toBe(0);
});
