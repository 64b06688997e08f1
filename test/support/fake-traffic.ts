/** A balancer in memory, for fault tests: does what it is told, but for its planned faults. */
import type { ObservedTraffic } from '../../domain/release/target.ts';
import type { Traffic, WantedTraffic } from '../../drivers/traffic/port.ts';
import { UnknownServers } from '../../drivers/traffic/port.ts';
import { createFaultScript, type Planned } from './fault-script.ts';

export interface FakeTraffic extends Traffic {
  /** every call so far, as `drain web-01`; an observe of several names them with commas */
  readonly calls: readonly string[];
  /** what the balancer shows now; a test may change it as a foreign hand would */
  readonly servers: Map<string, ObservedTraffic>;
}

const IN_SERVICE: ObservedTraffic = { admin: 'ready', operational: 'up', weight: 1, connections: 0, inService: true };

/** Nothing is written then, as at a real balancer. */
function isAs({ admin, weight }: ObservedTraffic, wanted: WantedTraffic): boolean {
  return admin === wanted.admin && (wanted.weight === null || weight === wanted.weight);
}

/** @param names servers that are in service at first; faults are planned by `observe`, `drain`, `admit`, `assert`, with or without the server */
export function createFakeTraffic(names: readonly string[], plan: readonly Planned<ObservedTraffic>[] = []): FakeTraffic {
  const servers = new Map(names.map((name) => [name, IN_SERVICE]));
  const script = createFaultScript(plan);
  const show = (name: string): ObservedTraffic => {
    const state = servers.get(name);
    if (state === undefined) throw new UnknownServers(`The fake balancer has no server ${name}.`, [name]);
    return state;
  };
  const put = (name: string, wanted: WantedTraffic): ObservedTraffic => {
    const before = show(name);
    const weight = wanted.weight ?? before.weight;
    servers.set(name, { ...before, admin: wanted.admin, weight, inService: wanted.admin === 'ready' && before.operational === 'up' && weight !== 0 });
    return show(name);
  };
  return {
    driver: 'fake',
    calls: script.calls,
    servers,
    async observe(asked, signal) {
      // One planned lie is the answer for each server asked.
      const lie = await script.run('observe', asked.join(), signal, () => IN_SERVICE);
      return lie === IN_SERVICE ? asked.map(show) : asked.map(() => lie);
    },
    drain: (server, { signal, fence }) => script.run('drain', server, signal, () => fence(async () => put(server, { admin: 'drain', weight: null }))),
    admit: (server, wanted, { signal, fence }) => script.run('admit', server, signal, async () => (isAs(show(server), wanted) ? show(server) : fence(async () => put(server, wanted)))),
    assert: (server, wanted, { signal, fence }) => script.run('assert', server, signal, () => fence(async () => put(server, wanted))),
    weight: (server, weight, { signal, fence }) => script.run('weight', server, signal, () => fence(async () => put(server, { admin: show(server).admin === 'ready' ? 'ready' : 'drain', weight }))),
    identity: async () => ({ pid: 1, uptimeSeconds: 1 }),
  };
}
