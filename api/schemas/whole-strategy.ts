/** Rules over several members of a strategy, asked also while some members are wrong by themselves: all complaints come at once. */
import { contradictionsOf } from '../../domain/plan/contradictions.ts';
import { bastionAsked } from './bastion.ts';
import { Override, batchesAsked } from './batches.ts';
import { deadlinesShape } from './deadlines.ts';
import type { z } from 'zod';
import type { StrategyRules } from '../../domain/plan/contradictions.ts';

/** For `superRefine`: adds a complaint for each rule that the strategy as a whole breaks. `value` may hold anything. */
export function oneStory(value: unknown, context: z.RefinementCtx): void {
  for (const { path, message } of contradictionsOf(rulesOf(value))) context.addIssue({ code: 'custom', path: [...path], message });
}

/** What can be read of a strategy. A number that cannot is not a number, which breaks no rule; every other member is as if left out. */
function rulesOf(value: unknown): StrategyRules {
  const { bastion, batches, deadlines } = record(value);
  const wish = readable(bastionAsked, bastion);
  const hosts = (wish['hosts'] ?? []) as readonly string[];
  const count = record(bastion)['count'] === undefined ? Math.max(1, hosts.length) : (wish['count'] ?? Number.NaN);
  const clocks = Object.entries(deadlinesShape).map(([name, schema]) => [name, schema.safeParse(record(deadlines)[name]).data ?? Number.NaN]);
  const cut = readable(batchesAsked, batches);
  return { bastion: { ...wish, hosts, count }, batches: { ...cut, percent: cut['percent'] ?? [], each: overridesOf(batches) }, deadlines: Object.fromEntries(clocks) } as unknown as StrategyRules;
}

/** An entry that cannot be read keeps its place, so that the pointers of the others are right, and is nobody's twin. */
function overridesOf(batches: unknown): readonly unknown[] {
  const { each } = record(batches);
  return Array.isArray(each) ? each.map((entry, position) => Override.safeParse(entry).data ?? { index: Number.MAX_SAFE_INTEGER - position }) : [];
}

function readable(shape: Readonly<Record<string, z.ZodType>>, value: unknown): Record<string, unknown> {
  const members = record(value);
  return Object.fromEntries(
    Object.entries(shape).map(([name, schema]) => {
      const read = schema.safeParse(members[name]);
      return [name, read.success ? read.data : schema.safeParse(undefined).data];
    }),
  );
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
