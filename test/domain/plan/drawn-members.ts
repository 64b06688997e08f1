/** Generated joined pools, and pools that merely share hosts, for the laws of plans over several pools. */
import fc from 'fast-check';
import { makePlan } from '../../../domain/plan/make-plan.ts';
import { somePlanInput } from './drawn.ts';
import { planned } from './fleets.ts';
import type { PlanInput } from '../../../domain/plan/make-plan.ts';
import type { Plan } from '../../../domain/plan/plan.ts';
import type { PlanMember } from '../../../domain/plan/joined.ts';

const numbers = fc.record({ minInServicePercent: fc.integer({ min: 0, max: 100 }), outside: fc.constantFrom(0, 0, 0, 1, 3), away: fc.nat(3) });

/** Every host in at least one of 1 to 6 joined pools, some in several; now and then a further pool that shares some of them. */
export const someJoinedInput: fc.Arbitrary<PlanInput> = somePlanInput.chain((input) =>
  fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 0, max: 1 }), fc.array(numbers, { minLength: 7, maxLength: 7 }), fc.array(fc.nat(), { minLength: input.hosts.length, maxLength: input.hosts.length })).map(([pools, sharing, drawn, luck]) => {
    const held = Array.from({ length: pools + sharing }, (): string[] => []);
    input.hosts.forEach(({ name }, index) => {
      const at = luck[index] ?? 0;
      held[at % pools]?.push(name);
      // One host in four serves in a second pool, too.
      if (at % 4 === 3) held[(at + 1) % pools === at % pools ? at % pools : (at + 1) % pools]?.push(name);
      if (sharing > 0 && at % 5 === 0) held[pools]?.push(name);
    });
    const members = held.map((hosts, index) => memberOf(`pool-${index}`, [...new Set(hosts)], { ...drawn[index], isJoined: index < pools })).filter(({ hosts }) => hosts.length > 0);
    const joins = members.map(({ name }) => name).filter((name) => name !== `pool-${pools}`);
    return { ...input, pool: { ...input.pool, joins }, members };
  }),
);

/** A pool of its own whose hosts others have as well. */
export const someSharingInput: fc.Arbitrary<PlanInput> = someJoinedInput.map(({ pool: { joins: _joins, ...pool }, ...input }) => ({ ...input, pool }));

function memberOf(name: string, hosts: readonly string[], { minInServicePercent = 50, outside = 0, away = 0, isJoined }: { readonly minInServicePercent?: number; readonly outside?: number; readonly away?: number; readonly isJoined: boolean }): PlanMember {
  const elsewhere = isJoined ? 0 : outside;
  return { name, hosts: [...hosts, ...Array.from({ length: elsewhere }, (_, index) => `${name}-${index}`)], minInServicePercent, servingElsewhere: Math.max(0, elsewhere - away) };
}

/** Only what can be planned, with its plan. */
export function plannedOnly(inputs: fc.Arbitrary<PlanInput>): fc.Arbitrary<{ readonly input: PlanInput; readonly plan: Plan }> {
  return inputs.filter((input) => 'plan' in makePlan(input)).map((input) => ({ input, plan: planned(input) }));
}
