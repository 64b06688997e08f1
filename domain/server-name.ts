/** What a host is called at the balancer of a pool. */
import type { TrafficSpec } from './inventory.ts';

export function serverName(traffic: TrafficSpec, host: string): string {
  return traffic.driver === 'haproxy' ? traffic.server.replaceAll('${host.name}', host) : host;
}
