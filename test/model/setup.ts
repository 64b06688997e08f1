/** What a modelled release begins with: its fleet, its strategy, and the plan that the product makes of both. */
import { makePlan } from '../../domain/plan/make-plan.ts';
import { truthOf, type Standing, type Truth } from './truth.ts';
import type { StrategySpec } from '../../domain/inventory.ts';
import type { Plan } from '../../domain/plan/plan.ts';

export interface SetupHost {
  readonly name: string;
  readonly zone: string;
  /** `passed`: runs the new version already, so the plan passes it untouched */
  readonly standing: Standing | 'passed';
}

export interface Setup {
  readonly hosts: readonly SetupHost[];
  readonly strategy: StrategySpec;
  /** a `rollback` takes an earlier release back on every host */
  readonly kind: 'rollout' | 'rollback';
  readonly minInServicePercent: number;
}

export const STRATEGY: StrategySpec = {
  name: 'modelled',
  bastion: { count: 1, bakeSeconds: 10, promote: 'auto' },
  batches: { percent: [33], mode: 'barrier', by: 'spread', order: 'interleave', maxParallel: 10, bakeSeconds: 5, advance: 'auto' },
  tolerance: { perBatch: 0, total: 0 },
  onFailure: 'rollback',
  rollback: { on: ['bastion', 'tolerance'], mode: 'regular', batchPercent: null },
  postRelease: { watchSeconds: 5 },
  pause: { deadlineHours: 1, then: 'stay' },
  deadlines: { stepSeconds: 120, targetSeconds: 300, progressSeconds: 600, releaseSeconds: 14_400, rollbackSeconds: 3_600 },
};

/** How each host stood before the release: what a rollback of it leads back to. */
export function imagesBefore({ hosts, kind }: Setup): Readonly<Record<string, Truth>> {
  return Object.fromEntries(hosts.map(({ name, standing }) => [name, standing === 'passed' ? PASSED : truthOf(kind === 'rollback' ? 'serving' : standing)]));
}

/** How each host stands at the start: where a release is taken back, as that one left it. */
export function imagesAtStart(setup: Setup): Readonly<Record<string, Truth>> {
  return setup.kind === 'rollout' ? imagesBefore(setup) : Object.fromEntries(setup.hosts.map(({ name }) => [name, RELEASED]));
}

const PASSED: Truth = { digest: 'new', process: 'old', admin: 'ready', begun: null };
const RELEASED: Truth = { digest: 'new', process: 'new', admin: 'ready', begun: 'admit' };

/** null: the product refuses to plan such a release. The look at the pool in the end is part of every plan. */
export function planOf({ hosts, strategy, kind, minInServicePercent }: Setup): Plan | null {
  const made = makePlan({
    pool: { name: 'web', capacity: { minInServicePercent } },
    strategy,
    hosts: hosts.map(({ name, zone, standing }) => ({ name, zone, inService: standing === 'serving' || standing === 'passed', ...(standing === 'passed' ? { skip: 'runs web 2 already' } : {}) })),
    changes: [{ application: 'web', version: '2', sha256: 'f'.repeat(64) }],
    allowOutage: true,
    reason: 'modelled',
    // A fleet this small would have batches of one under the usual cap.
    batchCapPercent: 50,
  });
  if ('refusals' in made) return null;
  const plan: Plan = { ...made.plan, comparesPool: true };
  return kind === 'rollback' ? { ...plan, batches: [], restore: hosts.map(({ name }) => name) } : plan;
}
