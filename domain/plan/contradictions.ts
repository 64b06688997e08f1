/** Strategies that contradict themselves, whatever pool they meet: each complaint with where it stands and the rule it breaks. */
import type { BastionPolicy, BatchOverride, BatchPolicy, Deadlines } from '../inventory.ts';
import { neverFits } from './health-fit.ts';

export interface Contradiction {
  /** where it stands in the strategy */
  readonly path: readonly (string | number)[];
  /** the rule, as a sentence without its stop */
  readonly message: string;
}

/** What the rules read. */
export interface StrategyRules {
  readonly bastion: Pick<BastionPolicy, 'count' | 'hosts' | 'label' | 'health'>;
  readonly batches: BatchPolicy;
  readonly deadlines: Pick<Deadlines, 'stepSeconds' | 'targetSeconds' | 'releaseSeconds'>;
}

/** What the first batch behind nothing, or the bastion, may have of its own. */
const BASTION_MAY: ReadonlySet<string> = new Set(['index', 'bakeSeconds', 'advance', 'verification'] satisfies (keyof BatchOverride)[]);

/** Empty for a strategy that says one thing. */
export function contradictionsOf({ bastion, batches, deadlines }: StrategyRules): Contradiction[] {
  return [...planContradictions({ bastion, batches }), ...ofDeadlines(deadlines), ...ofHealth(bastion, deadlines)];
}

/** Those that would make no plan, or another one than meant. */
export function planContradictions({ bastion, batches }: Pick<StrategyRules, 'bastion' | 'batches'>): Contradiction[] {
  return [...ofBastion(bastion), ...ofSizes(batches), ...ofLists(batches), ...ofZones(batches), ...ofOverrides(batches, bastion)];
}

function ofBastion({ count, hosts = [], label }: StrategyRules['bastion']): Contradiction[] {
  const named = hosts.length > 0;
  const labelled = label !== null && label !== undefined;
  return [
    ...twice(hosts, (index) => ['bastion', 'hosts', index]),
    when(named && labelled, ['bastion', 'label'], 'hosts and label both choose the bastion: give one of them'),
    when(labelled && Object.keys(label).length === 0, ['bastion', 'label'], 'an empty label would be had by every host: name a label, or leave it out'),
    when(count === 0 && (named || labelled), ['bastion', 'count'], '0 means no bastion, but hosts or label choose one: leave them out, or count at least 1'),
    when(named && count > hosts.length, ['bastion', 'count'], `count wants ${count} bastions, but hosts names only ${hosts.length}`),
  ].flat();
}

function ofSizes(batches: BatchPolicy): Contradiction[] {
  const given = (['percent', 'count', 'hosts'] as const).filter((form) => (batches[form] ?? []).length > 0);
  return given.slice(1).map((form) => ({ path: ['batches', form], message: `batches are cut by ${given.join(' and ')}: give exactly one of percent, count and hosts` }));
}

function ofLists({ hosts: lists = [], by, order }: BatchPolicy): Contradiction[] {
  if (lists.length === 0) return [];
  const places = lists.flatMap((list, batch) => list.map((name, index) => ({ name, path: ['batches', 'hosts', batch, index] })));
  return [
    ...twice(places.map(({ name }) => name), (index) => places[index]?.path ?? []),
    when(by !== 'spread', ['batches', 'by'], 'hosts already says which host is in which batch: leave by out, or give percent or count'),
    when(order !== 'interleave', ['batches', 'order'], 'hosts already says the order: leave order out, or give percent or count'),
  ].flat();
}

function ofZones({ by, firstZoneBakeSeconds }: BatchPolicy): Contradiction[] {
  const given = firstZoneBakeSeconds !== null && firstZoneBakeSeconds !== undefined;
  return when(given && by !== 'zone', ['batches', 'firstZoneBakeSeconds'], 'there is a first zone only with by: zone');
}

function ofOverrides({ each = [], hosts = [] }: BatchPolicy, bastion: StrategyRules['bastion']): Contradiction[] {
  const seen = new Set<number>();
  return each.flatMap((override, position) => {
    const at = ['batches', 'each', position];
    const { index, percent, count } = override;
    const again = seen.has(index);
    seen.add(index);
    const sized = (['percent', 'count'] as const).filter((size) => override[size] !== undefined);
    const ofBastionBatch = index === 0 && bastion.count > 0 ? Object.keys(override).filter((member) => !BASTION_MAY.has(member)) : [];
    return [
      when(index < 0 || !Number.isInteger(index), [...at, 'index'], 'batches are counted from 0'),
      when(again, [...at, 'index'], `batch ${index} already has values of its own: one entry per batch`),
      when(percent !== undefined && count !== undefined, [...at, 'count'], 'a batch has one size: give percent or count'),
      ...(hosts.length > 0 ? sized.map((size) => ({ path: [...at, size], message: 'batches.hosts already says how many hosts the batch has' })) : []),
      ...ofBastionBatch.map((member) => ({ path: [...at, member], message: 'batch 0 is the bastion: only its bakeSeconds, advance and verification can be others' })),
    ].flat();
  });
}

/** Bakes, rests and approvals stop these clocks, so none of them can be too long for a deadline. */
function ofDeadlines({ stepSeconds, targetSeconds, releaseSeconds }: StrategyRules['deadlines']): Contradiction[] {
  return [
    when(stepSeconds > targetSeconds, ['deadlines', 'stepSeconds'], `one step may take ${stepSeconds} s, but all steps of a target together only ${targetSeconds} s (targetSeconds)`),
    when(targetSeconds > releaseSeconds, ['deadlines', 'targetSeconds'], `one target may take ${targetSeconds} s, but the whole release only ${releaseSeconds} s (releaseSeconds)`),
  ].flat();
}

function ofHealth({ health = [] }: StrategyRules['bastion'], { stepSeconds }: StrategyRules['deadlines']): Contradiction[] {
  return health.flatMap((check, index) => {
    const complaint = neverFits(check, stepSeconds);
    return complaint === null ? [] : [{ path: ['bastion', 'health', index, 'passes'], message: complaint }];
  });
}

function twice(names: readonly string[], path: (index: number) => Contradiction['path']): Contradiction[] {
  const seen = new Set<string>();
  return names.flatMap((name, index) => {
    const again = seen.has(name);
    seen.add(name);
    return when(again, path(index), `host ${name} is named twice: a host is in exactly one batch`);
  });
}

function when(wrong: boolean, path: Contradiction['path'], message: string): Contradiction[] {
  return wrong ? [{ path, message }] : [];
}
