/** Health of every kind: each check is asked by the driver of its kind. */
import { kindOf } from '../../domain/health/check.ts';
import { createCommandHealth } from './command.ts';
import { createHttpHealth } from './http.ts';
import { createProcessHealth } from './process.ts';
import { createTcpHealth } from './tcp.ts';
import type { HealthKind } from '../../domain/inventory.ts';
import type { Health } from './port.ts';

export function createHealth(): Health {
  const drivers: Readonly<Record<HealthKind, Health>> = { http: createHttpHealth(), tcp: createTcpHealth(), process: createProcessHealth(), command: createCommandHealth() };
  return { kind: 'any', verify: (call) => drivers[kindOf(call.check)].verify(call) };
}
