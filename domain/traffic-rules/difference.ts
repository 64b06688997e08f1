/** Where a balancer's servers stand otherwise than the pool's rules say. */
import type { BalancedServer, TrafficRules } from './rules.ts';

/** A server as its balancer knows it. */
export type KnownServer = Pick<BalancedServer, 'name' | 'address' | 'port'>;

/** One phrase for each difference, to follow "The balancer …"; empty: none. Names that a resolver turned into addresses are not compared. */
export function rulesDifference({ servers }: Pick<TrafficRules, 'servers'>, known: readonly KnownServer[]): readonly string[] {
  const byName = new Map(known.map((server) => [server.name, server]));
  const wanted = new Set(servers.map(({ name }) => name));
  const missing = servers.filter(({ name }) => !byName.has(name)).map(({ name, host }) => `has no server ${name} for host ${host}`);
  const moved = servers.flatMap(({ name, address, port }) => {
    const seen = byName.get(name);
    if (seen === undefined) return [];
    const isElsewhere = isNumeric(address) && isNumeric(seen.address) && seen.address !== address;
    return isElsewhere || seen.port !== port ? [`sends ${name}'s requests to ${seen.address}:${seen.port} instead of ${address}:${port}`] : [];
  });
  const foreign = known.filter(({ name }) => !wanted.has(name)).map(({ name }) => `has server ${name}, which is no host of the pool`);
  return [...missing, ...moved, ...foreign];
}

function isNumeric(address: string): boolean {
  return /^[0-9.]+$/.test(address) || address.includes(':');
}
