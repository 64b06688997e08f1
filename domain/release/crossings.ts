/** Which targets have done, or may have done, what cannot be undone. In doubt they have. */
import { markName, placeOf } from '../irreversible.ts';
import { planOf, progressOf } from './evolve.ts';
import { notJoined } from './start-rollback.ts';
import type { IrreversibleMark } from '../irreversible.ts';
import type { FailedTarget } from '../vocabulary.ts';
import type { ReleaseState } from './state.ts';

export interface Crossing {
  readonly host: string;
  /** never empty */
  readonly marks: readonly IrreversibleMark[];
}

/** How far a target has come, or may have: comparable with `placeOf`. */
const NOWHERE = -1;
const EVERYWHERE = Infinity;

/** Of these hosts, those behind a mark of the release's plan. A host in work may stand anywhere, so it is taken to be behind all. */
export function crossingsOf(state: ReleaseState, hosts: readonly string[]): readonly Crossing[] {
  const plan = planOf(state.situation);
  const marks = plan?.irreversible ?? [];
  if (plan === null || marks.length === 0) return [];
  const progress = progressOf(state.situation);
  const waiting = new Set(progress === null ? [] : notJoined(progress, plan.batches[0]?.hosts ?? []));
  const failed = new Map((progress?.failed ?? []).map((target) => [target.host, target]));
  return [...new Set(hosts)].flatMap((host) => {
    const failure = failed.get(host);
    const reached = failure !== undefined ? reachedBy(failure) : waiting.has(host) ? placeOf('before-admit') - 1 : EVERYWHERE;
    const behind = marks.filter(({ at }) => placeOf(at) <= reached);
    return behind.length === 0 ? [] : [{ host, marks: behind }];
  });
}

/** A step that failed may have done its work, and a hook that stopped it may be any of those around it. */
function reachedBy({ step, failure }: FailedTarget): number {
  if (step === 'observe' || step === 'stage' || step === 'fence') return NOWHERE;
  return placeOf(failure.stoppedBy === undefined ? step : `after-${step}`);
}

const NAMES_MAX = 5;

/** To follow "because": `web after-start.0, which cannot be undone, was done on web-01 and web-02`. */
export function crossed(crossings: readonly Crossing[]): string {
  const marks = [...new Set(crossings.flatMap((crossing) => crossing.marks.map(markName)))];
  const hosts = crossings.slice(0, NAMES_MAX).map(({ host }) => host).join(', ');
  const more = crossings.length > NAMES_MAX ? ` and ${crossings.length - NAMES_MAX} more` : '';
  return `${marks.join(', ')}, which cannot be undone, was done or begun on ${hosts}${more}`;
}
