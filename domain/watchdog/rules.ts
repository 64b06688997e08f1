/** Has the balancer the servers that the pool's rules say? */
import { rulesDifference, type KnownServer } from '../traffic-rules/difference.ts';
import type { Look, NewFinding } from './finding.ts';
import type { TrafficRules } from '../traffic-rules/rules.ts';

/** One pool and its balancer; `known` null: it did not answer, or cannot tell. */
export interface SeenBalancer {
  readonly rules: TrafficRules;
  /** the entry, as a person would look for it */
  readonly entry: string;
  readonly known: readonly KnownServer[] | null;
}

const NAMED_MAX = 5;

/** A backend may be shared: servers that any pool behind the same entry has are nobody's difference. */
export function lookAtRules(balancers: readonly SeenBalancer[]): Look {
  const unjudged = new Set(balancers.flatMap(({ known, rules }) => (known === null ? [idOf(rules.pool)] : [])));
  return {
    kinds: ['balancer-differs'],
    found: balancers.flatMap((seen) => findingOf(seen, balancers) ?? []),
    isUnjudged: (id) => unjudged.has(id),
  };
}

function findingOf({ rules, entry, known }: SeenBalancer, all: readonly SeenBalancer[]): NewFinding | null {
  if (known === null) return null;
  const own = new Set(rules.servers.map(({ name }) => name));
  const others = new Set(all.filter((one) => one.entry === entry).flatMap((one) => one.rules.servers.map(({ name }) => name)));
  const differences = rulesDifference(rules, known.filter(({ name }) => own.has(name) || !others.has(name)));
  if (differences.length === 0) return null;
  const more = differences.length > NAMED_MAX ? `; and ${differences.length - NAMED_MAX} more` : '';
  return {
    id: idOf(rules.pool),
    kind: 'balancer-differs',
    subject: rules.pool,
    sentence: `The balancer of pool ${rules.pool} (${entry}) ${differences.slice(0, NAMED_MAX).join('; ')}${more}.`,
    matters: 'Requests go to hosts that no release keeps up, or not to hosts that one has made ready.',
    repair: `signalbox traffic render ${rules.pool} prints what the balancer should have; correct its configuration, or the pool and its hosts.`,
    about: { pool: rules.pool },
  };
}

function idOf(pool: string): string {
  return `balancer-differs/${pool}`;
}
