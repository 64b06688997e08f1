/** What a host is called at the balancer of a pool. */
import type { TrafficSpec } from './traffic-spec.ts';

/** The one variable of `traffic.server`: what a host is called there must follow from its name alone, wherever it is asked. */
export const SERVER_VARIABLE = '${host.name}';

export function serverName(traffic: TrafficSpec, host: string): string {
  return traffic.driver === 'none' ? host : traffic.server.replaceAll(SERVER_VARIABLE, host);
}
