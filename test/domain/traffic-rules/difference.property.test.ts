import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { rulesDifference } from '../../../domain/traffic-rules/difference.ts';
import type { KnownServer } from '../../../domain/traffic-rules/difference.ts';
import type { BalancedServer } from '../../../domain/traffic-rules/rules.ts';

const server = fc.record({ name: fc.stringMatching(/^[a-e]$/), address: fc.constantFrom('10.0.0.1', '10.0.0.2', 'fd00::1', 'web.example'), port: fc.constantFrom(80, 81) });
const servers = fc.uniqueArray(server, { selector: ({ name }) => name, maxLength: 5 });
const asRules = (ones: readonly KnownServer[]): { servers: readonly BalancedServer[] } => ({ servers: ones.map((one) => ({ ...one, host: `host-${one.name}` })) });

describe('a balancer', () => {
  test('that has exactly these servers differs in nothing, in whatever order', () => {
    fc.assert(fc.property(servers, (ones) => {
      expect(rulesDifference(asRules(ones), ones.toReversed())).toEqual([]);
    }));
  });

  test('differs by each server it lacks, has besides, or has elsewhere, and by no other', () => {
    fc.assert(fc.property(servers, servers, (wanted, known) => {
      const named = new Map(known.map((one) => [one.name, one]));
      const isName = (address: string): boolean => address === 'web.example';
      const different = wanted.filter(({ name, address, port }) => {
        const seen = named.get(name);
        return seen === undefined || seen.port !== port || (seen.address !== address && !isName(address) && !isName(seen.address));
      });
      const foreign = known.filter(({ name }) => wanted.every((one) => one.name !== name));
      const told = rulesDifference(asRules(wanted), known);
      expect(told).toHaveLength(different.length + foreign.length);
      for (const { name } of foreign) expect(told).toContain(`has server ${name}, which is no host of the pool`);
    }));
  });
});
