/** POST /v1/plans: what a release would do, without doing it. */
import { knownWayBack } from './known-way-back.ts';
import { captureInventory } from './release-request.ts';
import { operation } from './route.ts';
import { PlanAnswer, ReleaseRequest } from './schemas/release.ts';
import type { ApiDeps } from './deps.ts';
import type { Operation } from './route.ts';

const ASSUMES = 'Every host of the pool is taken to be in service. The release itself looks first, plans with what it sees, and never takes out a host below the floor.';

export function makePlanAhead(deps: ApiDeps): Operation {
  return operation({
    summary: 'The plan a release would follow',
    description: 'Batches, bakes and the capacity line. Nothing is stored and nothing is started; complaints are those of POST /v1/releases.',
    tag: 'releases',
    body: { kind: 'json', schema: ReleaseRequest, later: 'Release' },
    answers: { 200: { description: 'the plan', schema: PlanAnswer } },
    async handle(call) {
      const { inventory, plan } = await captureInventory(deps.db, call.body);
      const bakesSeconds = plan.batches.reduce((sum, { bakeSeconds }) => sum + bakeSeconds, 0);
      const wayBack = await knownWayBack(deps.db, inventory);
      return { status: 200, body: { plan, wayBack, assumes: ASSUMES, plannedWaitSeconds: bakesSeconds + inventory.strategy.postRelease.watchSeconds } };
    },
  });
}
