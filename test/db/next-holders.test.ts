import { expect, test } from 'vitest';
import fc from 'fast-check';
import { nextHolders } from '../../db/next-holders.ts';

const name = fc.constantFrom('a', 'b', 'c', 'd', 'e');
const waiting = fc.record({ pool: name, hosts: fc.uniqueArray(name, { minLength: 1 }) });
const line = fc.array(waiting).map((queue) => queue.map((one, index) => ({ ...one, release: `r-${index}` })));
const taken = fc.record({ pools: fc.uniqueArray(name).map((list) => new Set(list)), hosts: fc.uniqueArray(name).map((list) => new Set(list)) });

test('no pool and no host is ever given to two releases', () => {
  fc.assert(
    fc.property(line, taken, (queue, owned) => {
      const named = nextHolders(queue, owned);
      const pools = [...owned.pools, ...named.map((one) => one.pool)];
      const hosts = [...owned.hosts, ...named.flatMap((one) => one.hosts)];
      expect(new Set(pools).size).toBe(pools.length);
      expect(new Set(hosts).size).toBe(hosts.length);
    }),
  );
});

test('whoever is not named waits for an owner or for somebody ahead', () => {
  fc.assert(
    fc.property(line, taken, (queue, owned) => {
      const named = new Set(nextHolders(queue, owned).map((one) => one.release));
      queue.forEach((one, place) => {
        const inTheWay = queue.slice(0, place).some((ahead) => ahead.pool === one.pool || ahead.hosts.some((host) => one.hosts.includes(host)));
        const isTaken = owned.pools.has(one.pool) || one.hosts.some((host) => owned.hosts.has(host));
        expect(named.has(one.release)).toBe(!inTheWay && !isTaken);
      });
    }),
  );
});
