/** Which traffic driver a pool asks for: the one place that knows them all. */
import type { TrafficSpec } from '../../domain/traffic-spec.ts';
import { createCommandTraffic } from './command.ts';
import { createHaproxy } from './haproxy.ts';
import { createNginx } from './nginx.ts';
import { createNoTraffic } from './none.ts';
import type { Traffic } from './port.ts';

/** Throws BalancerMisconfigured when the entry names no usable socket, address or backend. Holds nothing open between calls. */
export function createTraffic(spec: TrafficSpec): Traffic {
  switch (spec.driver) {
    case 'haproxy':
      return createHaproxy(spec);
    case 'nginx':
      return createNginx(spec);
    case 'command':
      return createCommandTraffic(spec);
    case 'none':
      return createNoTraffic();
  }
}
