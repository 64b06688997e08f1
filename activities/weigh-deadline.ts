/** Looks up what the time of a deadline was spent on. Asked only when one may have been reached. */
import { eachReleaseEvent } from '../db/stored-events.ts';
import { listOutages } from '../db/outages.ts';
import { momentOf, weighDeadline as weigh } from '../domain/release/weigh-deadline.ts';
import { storing } from './failures.ts';
import type { ActivityDeps } from './deps.ts';
import type { Weighed } from '../domain/release/deadlines.ts';
import type { Asked, Moment } from '../domain/release/weigh-deadline.ts';

export interface WeighInput extends Asked {
  readonly release: string;
}

export function weighDeadline({ db }: ActivityDeps, { release, ...asked }: WeighInput): Promise<Weighed> {
  return storing(async () => {
    const moments: Moment[] = [];
    for await (const event of eachReleaseEvent(db, release, { after: 0, upTo: Number.MAX_SAFE_INTEGER })) moments.push(momentOf(event));
    return weigh(moments, await listOutages(db, { fromMs: asked.fromMs, toMs: asked.atMs }), asked);
  });
}
