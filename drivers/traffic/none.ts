/** No traffic entry: hosts without a balancer. Always in service, and nothing remembers a drain. */
import type { ObservedTraffic } from '../../domain/release/target.ts';
import { BalancerMisconfigured, type Traffic } from './port.ts';

const IN_SERVICE: ObservedTraffic = Object.freeze({ admin: 'none', operational: 'unknown', weight: null, connections: 0, inService: true });

/** Drain, admit and assert end at once: there is no write to fence. Throws only the signal's reason. */
export function createNoTraffic(): Traffic {
  const answer = async (signal: AbortSignal): Promise<ObservedTraffic> => {
    signal.throwIfAborted();
    return IN_SERVICE;
  };
  return {
    driver: 'none',
    async observe(servers, signal) {
      signal.throwIfAborted();
      return servers.map(() => IN_SERVICE);
    },
    drain: (_server, { signal }) => answer(signal),
    admit: (_server, _wanted, { signal }) => answer(signal),
    assert: (_server, _wanted, { signal }) => answer(signal),
    weight: async (server) => {
      throw new BalancerMisconfigured(`${server} has no weight: its pool has no traffic entry.`);
    },
    identity: async () => null,
  };
}
