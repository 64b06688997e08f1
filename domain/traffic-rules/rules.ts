/**
 * What a pool's balancer must know of it: which servers, where each listens, and what tells that one is well. Derived from pool, hosts and
 * the health checks of its applications, so that the balancer and Signalbox cannot mean different things.
 */
import { serverName } from '../server-name.ts';
import { substitute, variablesOf } from '../substitution.ts';
import type { ApplicationSpec, HealthCheck, HostSpec, HttpProbe, PoolSpec, TcpProbe } from '../inventory.ts';

export interface BalancedServer {
  readonly host: string;
  /** as the balancer names it */
  readonly name: string;
  readonly address: string;
  readonly port: number;
}

/** What the balancer asks each server. Only one that needs neither a body nor a method of its own is asked by HTTP. */
export type BalancerCheck = { readonly kind: 'http'; readonly method: HttpProbe['method']; readonly path: string; readonly status: readonly number[] } | { readonly kind: 'tcp' };

export interface TrafficRules {
  readonly pool: string;
  /** whose health check says where servers listen */
  readonly application: string;
  readonly check: BalancerCheck;
  /** in the order of the pool */
  readonly servers: readonly BalancedServer[];
}

export interface RulesInput {
  readonly pool: PoolSpec;
  /** of the pool, in its order */
  readonly applications: readonly ApplicationSpec[];
  readonly hosts: readonly HostSpec[];
}

/** The first check before admit that asks a port, of the first application that has one, says where requests go. `refused`: why nothing can be derived, and what to do. */
export function trafficRules({ pool, applications, hosts }: RulesInput): TrafficRules | { readonly refused: string } {
  if (pool.joins !== undefined) return { refused: `Pool ${pool.name} joins others, each with its own traffic entry. Ask for one of them: ${pool.joins.join(', ')}.` };
  if (pool.traffic.driver === 'none') return { refused: `Pool ${pool.name} has no traffic entry, so no balancer has rules for it.` };
  if (pool.traffic.driver !== 'haproxy') return { refused: `Rules are derived for HAProxy only; the balancer of pool ${pool.name} is spoken to by ${pool.traffic.driver}. docs/operations.md says what it needs.` };
  const found = applications.flatMap((application) => application.health.flatMap((check) => portCheck(application, check)))[0];
  if (found === undefined) return { refused: `No application of pool ${pool.name} has an http or tcp check before admit, so nothing says where its hosts listen. Add one to the application that takes the requests.` };
  const byName = new Map(hosts.map((host) => [host.name, host]));
  const servers: BalancedServer[] = [];
  for (const name of pool.hosts) {
    const host = byName.get(name);
    if (host === undefined) return { refused: `Pool ${pool.name} names host ${name}, which is not known.` };
    const variables = variablesOf({ application: found.application, pool: { name: pool.name }, host, environment: pool.environment, version: null });
    const port = substitute(found.probe.port, variables);
    if ('undefined' in port) return { refused: `The port of ${found.application.name}'s check has no value on host ${name}: ${port.undefined.join(', ')} is not defined. Define it as a variable of the host or the application.` };
    servers.push({ host: name, name: serverName(pool.traffic, name), address: host.address, port: Number(port.text) });
  }
  return { pool: pool.name, application: found.application.name, check: found.check, servers };
}

interface PortCheck {
  readonly application: ApplicationSpec;
  readonly probe: Pick<TcpProbe, 'port'>;
  readonly check: BalancerCheck;
}

function portCheck(application: ApplicationSpec, check: HealthCheck): PortCheck[] {
  if (check.when === 'after-admit') return [];
  if ('tcp' in check) return [{ application, probe: check.tcp, check: { kind: 'tcp' } }];
  if (!('http' in check)) return [];
  const { method, path, status } = check.http;
  return [{ application, probe: check.http, check: { kind: 'http', method, path, status } }];
}
