/** The id of a plan is its digest: the same plan on the same inventory has the same id, and any difference gives another. */
import { createHash } from 'node:crypto';
import { findPlan } from '../db/plans.ts';
import { canonicalJson } from '../domain/canonical-json.ts';
import { planDifferences } from '../domain/plan/plan-difference.ts';
import { invalid, Problem } from './problem.ts';
import type { Queryable } from '../db/client.ts';
import type { PlannedOn } from '../domain/plan/plan-difference.ts';

/** SHA-256 in lower-case hex, over plan and inventory versions alone. */
export function planId({ plan, versions }: PlannedOn): string {
  return createHash('sha256').update(canonicalJson({ plan, versions })).digest('hex');
}

/** Throws a 409 Problem with every difference when a release started now would not be the planned one, 422 when nobody knows that plan. */
export async function assertStillFits(db: Queryable, id: string, now: PlannedOn): Promise<void> {
  if (planId(now) === id) return;
  const before = await findPlan(db, id);
  if (before === null) throw invalid([{ in: 'body', pointer: '/plan', message: `plan ${id} is not known here, or was shown longer than 7 days ago; POST /v1/plans makes a new one` }]);
  const differences = planDifferences(before, now);
  throw new Problem('plan-outdated', {
    detail: 'Nothing was started: a release made now would not be the planned one; each difference is listed under "differences". Make a new plan, read it, and start that.',
    extra: { differences: differences.slice(0, DIFFERENCES_MAX), differencesTotal: differences.length },
  });
}

const DIFFERENCES_MAX = 50;
