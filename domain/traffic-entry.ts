/** A traffic entry: the backend of one balancer, and the servers that hosts have there. */
import { canonicalJson } from './canonical-json.ts';
import { serverName } from './server-name.ts';
import type { TrafficSpec } from './traffic-spec.ts';

/** Names a place where servers are taken out and put back, so that pools behind the same one are known. */
export function entryOf(traffic: TrafficSpec): string {
  switch (traffic.driver) {
    case 'none':
      return 'none';
    case 'haproxy':
      return canonicalJson([traffic.driver, traffic.socket, traffic.address, traffic.backend]);
    case 'nginx':
      return canonicalJson([traffic.driver, traffic.file]);
    case 'command':
      return canonicalJson([traffic.driver, ...traffic.command]);
  }
}

/** Both take the same server out when they take the same host out. */
export function isSameServer(one: TrafficSpec, other: TrafficSpec): boolean {
  return one.driver !== 'none' && other.driver !== 'none' && entryOf(one) === entryOf(other) && one.server === other.server;
}

/** Names the server of each host at one entry, the same for everybody who counts there. */
export function serverKeys(traffic: TrafficSpec): (host: string) => string {
  const entry = entryOf(traffic);
  return (host) => `${entry} ${serverName(traffic, host)}`;
}

/** As a person would look for it: the backend and where its balancer is spoken to. */
export function entryName(traffic: TrafficSpec): string {
  switch (traffic.driver) {
    case 'none':
      return 'no traffic entry';
    case 'haproxy':
      return `backend ${traffic.backend} of HAProxy at ${traffic.socket ?? traffic.address ?? ''}`;
    case 'nginx':
      return `the upstream of nginx in ${traffic.file}`;
    case 'command':
      return `the balancer of \`${traffic.command.join(' ')}\``;
  }
}
