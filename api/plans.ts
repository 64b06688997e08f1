/** POST /v1/plans: what a release would do, without doing it. */
import { hostsLeftOut, lastGoodRelease } from '../db/last-good.ts';
import { recentPaces } from '../db/paces.ts';
import { keepPlan } from '../db/plans.ts';
import { lossesOf } from '../domain/plan/joined.ts';
import { different } from '../domain/release/different.ts';
import { simulate } from '../domain/simulation/simulate.ts';
import { knownWayBack } from './known-way-back.ts';
import { planId } from './plan-id.ts';
import { captureInventory, releaseRequested } from './release-request.ts';
import { callerOf, operation } from './route.ts';
import { goalsAhead } from './strategy-way-back.ts';
import { PlanAnswer } from './schemas/plan.ts';
import { ReleaseRequest } from './schemas/release.ts';
import type { Plan } from '../domain/plan/plan.ts';
import type { Simulation } from '../domain/simulation/simulate.ts';
import type { ApiDeps } from './deps.ts';
import type { Captured } from './release-request.ts';
import type { Operation } from './route.ts';
import type { ReleaseAsked } from './schemas/release.ts';

const ASSUMES = 'Every host of the pool is taken to be in service and to lack what is asked for. The release itself looks first, plans with what it sees, passes hosts that need nothing, and never takes out a host below the floor.';
const KEPT_MS = 7 * 24 * 3_600_000;

export function makePlanAhead(deps: ApiDeps): Operation {
  return operation({
    summary: 'The plan a release would follow',
    description:
      'Batches with everything that counts for each, the capacity line and the cap per batch; the release played through by its own rules, with when each batch begins and ends, how many hosts serve meanwhile, who is waited for, and how long half of such releases (p50) and nine of ten (p90) take, going by past ones; and what is different from the last good release of the pool. Nothing is started. Start exactly this plan by giving its id as `plan` to POST /v1/releases within 7 days. Complaints are those of POST /v1/releases.',
    tag: 'releases',
    body: { kind: 'json', schema: ReleaseRequest, later: 'Release' },
    answers: { 200: { description: 'the plan', schema: PlanAnswer } },
    problems: [409],
    async handle(call) {
      const captured = await captureInventory(deps.db, call.body);
      const goals = await goalsAhead(deps.db, captured.inventory);
      const id = planId(captured);
      const expiresAt = new Date((deps.now?.() ?? new Date()).getTime() + KEPT_MS);
      await keepPlan(deps.db, { digest: id, planned: { plan: captured.plan, versions: captured.versions }, expiresAt });
      const body = await answer(deps, { id, captured, asked: call.body, requestedBy: callerOf(call).actor.name });
      const wayBack = await knownWayBack(deps.db, captured.inventory, goals);
      return { status: 200, body: { id, expiresAt: expiresAt.toISOString(), ...body, wayBack } };
    },
  });
}

interface Asking {
  readonly id: string;
  readonly captured: Captured;
  readonly asked: ReleaseAsked;
  readonly requestedBy: string;
}

async function answer(deps: ApiDeps, { id, captured, asked, requestedBy }: Asking): Promise<object> {
  const { inventory, plan } = captured;
  const paces = await recentPaces(deps.db, { pool: inventory.pool.name, applications: inventory.pool.applications });
  const request = releaseRequested('r-planned', asked, inventory, { requestedBy, paces });
  const names = inventory.hosts.map(({ name }) => name);
  const simulated = simulate({ request, plan, inService: names, paces, seed: id });
  const before = await lastGoodRelease(deps.db, inventory.pool.name);
  return {
    plan: withLosses(plan),
    assumes: ASSUMES,
    plannedWaitSeconds: simulated.timeline.moments.reduce((sum, { wait }) => sum + (wait?.seconds ?? 0), 0),
    simulation: simulationOf(plan, simulated),
    different: before === null ? null : different(before, { inventory, batches: plan.batches.length, seconds: simulated.p50 }, await hostsLeftOut(deps.db, names)),
  };
}

/** Each batch with what every other pool that counts loses to it; a plan of one pool alone reads as it always did. */
function withLosses(plan: Plan): object {
  const { members } = plan;
  return members === undefined ? plan : { ...plan, batches: plan.batches.map((batch) => ({ ...batch, members: lossesOf(members, batch.hosts) })) };
}

function simulationOf(plan: Plan, { p50, p90, basis, endsAs, timeline }: Simulation): object {
  const seconds = (ms: number): number => Math.round(ms / 100) / 10;
  return {
    p50Seconds: p50,
    p90Seconds: p90,
    basis,
    endsAs,
    inService: { lowest: timeline.lowest.inService, floor: plan.capacity.floor, moment: timeline.lowest.moment },
    timeline: timeline.moments.map(({ startMs, endMs, batch, ...moment }) => ({
      ...moment,
      startSeconds: seconds(startMs),
      endSeconds: seconds(endMs),
      batch,
    })),
  };
}
