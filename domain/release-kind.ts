/**
 * What the kinds of a release differ in. A kind is turned into a strategy when the release is asked for; from then on plan, view and
 * workflow see that strategy and know nothing of kinds. README and docs/vocabulary.md show this table to people.
 */
import type { BatchOverride, BatchPolicy, StrategySpec } from './inventory.ts';
import type { ReleaseKind } from './vocabulary.ts';

export interface KindPolicy {
  /** place in the queue of a pool: higher ones first, equal ones in the order in which they came */
  readonly queuePriority: number;
  /** a host that runs exactly what is wanted already, in service and healthy, is passed untouched */
  readonly passesCurrentHosts: boolean;
  /** once it has ended well, its versions are what the pool runs: redeploy and scale-out go by it */
  readonly isLastGood: boolean;
  /** `changes` may be left out: then they are what the pool runs */
  readonly changesOptional: boolean;
  /** which versions may be asked for: any, those that have succeeded on the pool, or only the ones it runs */
  readonly versions: 'any' | 'succeeded' | 'running';
  /** the versions serve in this pool already: nobody need be warned that no bastion proves them */
  readonly isProven: boolean;
  readonly strategy: (strategy: StrategySpec, environment: string) => StrategySpec;
}

/** Bakes, rests and the watch of a hotfix are at most this long. */
export const HOTFIX_WAIT_SECONDS_MAX = 30;

/** A way back goes before every way forward, a hotfix before every other way forward. */
export const KIND_POLICIES: Readonly<Record<ReleaseKind, KindPolicy>> = {
  rollout: { queuePriority: 0, passesCurrentHosts: true, isLastGood: true, changesOptional: false, versions: 'any', isProven: false, strategy: (strategy) => strategy },
  hotfix: { queuePriority: 5, passesCurrentHosts: true, isLastGood: true, changesOptional: false, versions: 'any', isProven: false, strategy: hurried },
  'scale-out': { queuePriority: 0, passesCurrentHosts: true, isLastGood: false, changesOptional: true, versions: 'succeeded', isProven: true, strategy: straight },
  redeploy: { queuePriority: 0, passesCurrentHosts: false, isLastGood: true, changesOptional: true, versions: 'running', isProven: true, strategy: withoutBastion },
  rollback: { queuePriority: 10, passesCurrentHosts: true, isLastGood: true, changesOptional: false, versions: 'any', isProven: true, strategy: (strategy) => strategy },
};

export const RELEASE_KINDS = Object.keys(KIND_POLICIES) as readonly ReleaseKind[];

/** Kinds that can be asked for as a new release; a rollback is asked of the release it takes back. */
export const ASKED_KINDS = ['rollout', 'hotfix', 'scale-out', 'redeploy'] as const satisfies readonly ReleaseKind[];

/** The strategy a release of this kind follows in an environment. */
export function effectiveStrategy(kind: ReleaseKind, strategy: StrategySpec, environment: string): StrategySpec {
  return KIND_POLICIES[kind].strategy(strategy, environment);
}

/** Nothing is left out, only waited for less. A rest that waits for a person still does. */
function hurried(strategy: StrategySpec): StrategySpec {
  const { bastion, batches, postRelease } = strategy;
  const { pauseSeconds, firstZoneBakeSeconds, pauseOnce, each } = batches;
  return {
    ...strategy,
    bastion: { ...bastion, bakeSeconds: capped(bastion.bakeSeconds) },
    batches: {
      ...batches,
      bakeSeconds: capped(batches.bakeSeconds),
      ...(pauseSeconds === undefined ? {} : { pauseSeconds: capped(pauseSeconds) }),
      ...(firstZoneBakeSeconds == null ? {} : { firstZoneBakeSeconds: capped(firstZoneBakeSeconds) }),
      ...(pauseOnce == null ? {} : { pauseOnce: { ...pauseOnce, seconds: pauseOnce.seconds === null ? null : capped(pauseOnce.seconds) } }),
      ...(each === undefined ? {} : { each: each.map(hurriedBatch) }),
    },
    postRelease: { ...postRelease, watchSeconds: capped(postRelease.watchSeconds) },
  };
}

function hurriedBatch({ bakeSeconds, pauseSeconds, ...override }: BatchOverride): BatchOverride {
  return {
    ...override,
    ...(bakeSeconds === undefined ? {} : { bakeSeconds: capped(bakeSeconds) }),
    ...(pauseSeconds === undefined ? {} : { pauseSeconds: capped(pauseSeconds) }),
  };
}

function capped(seconds: number): number {
  return Math.min(seconds, HOTFIX_WAIT_SECONDS_MAX);
}

/**
 * From one batch to the next as soon as the hosts are healthy: the version is proven, only hosts are new. So none of them keeps an older
 * version to go back to: what a scale-out takes back, it takes out. And a failure is never a late one: what it undoes are new hosts
 * alone, and a pool must not wait for a person because it grew.
 */
function straight(strategy: StrategySpec, environment: string): StrategySpec {
  const { batches, late: _late, rollback: { to: _to, ...rollback }, ...rest } = withoutBastion(strategy, environment);
  const { pauseSeconds: _rest, pauseOnce: _once, firstZoneBakeSeconds: _zone, each, ...kept } = batches;
  return {
    ...rest,
    rollback,
    bastion: { ...rest.bastion, bakeSeconds: 0, promote: 'auto' },
    batches: { ...kept, bakeSeconds: 0, advance: 'auto', ...(each === undefined ? {} : { each: each.map(straightBatch) }) },
    postRelease: { ...rest.postRelease, watchSeconds: 0 },
  };
}

function straightBatch({ bakeSeconds: _bake, pauseSeconds: _pause, advance: _advance, ...kept }: BatchOverride): BatchOverride {
  return kept;
}

/** Who proved the build once need not do so again; and without a bastion there is nobody to sign it off. */
function withoutBastion(strategy: StrategySpec, environment: string): StrategySpec {
  const { signOff: _signOff, bastion, batches, ...rest } = strategy;
  const { hosts: _hosts, label: _label, ...policy } = bastion;
  return { ...rest, bastion: { ...policy, count: 0 }, batches: hasBastion(bastion, environment) ? withoutFirst(batches) : batches };
}

function hasBastion({ count, hosts, skipIn }: StrategySpec['bastion'], environment: string): boolean {
  return !skipIn?.includes(environment) && (count > 0 || (hosts !== undefined && hosts.length > 0));
}

/** Overrides count as the plan does, in which the bastion was batch 0. */
function withoutFirst({ each, ...batches }: BatchPolicy): BatchPolicy {
  if (each === undefined) return batches;
  return { ...batches, each: each.filter(({ index }) => index > 0).map((override) => ({ ...override, index: override.index - 1 })) };
}
