import { expect, test } from 'vitest';
import { makePlan } from '../../domain/plan/make-plan.ts';
import { largePool, plannings } from '../../bench/large-pool.ts';

test('every planning of the bench makes a plan with all hosts in it', () => {
  const hosts = largePool(7000, 20);
  for (const [name, input] of plannings(hosts)) {
    const made = makePlan(input);
    expect('plan' in made ? made.plan.batches.flatMap((batch) => batch.hosts).length : made.refusals, name).toBe(hosts.length);
  }
});
