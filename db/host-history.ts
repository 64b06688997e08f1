/** What hosts ran, release by release, as far as it is recorded: from it follows what a pool can go back to. */
import { sql } from 'kysely';
import type { PlannedChange } from '../domain/plan/plan.ts';
import type { Install, TargetWayBack } from '../domain/rollback-plan.ts';
import type { Observation, TargetState } from '../domain/release/target.ts';
import type { HostPast } from '../domain/way-back.ts';
import type { Queryable } from './client.ts';

/** Looks further back than this are forgotten: hosts keep fewer releases. */
const RELEASES_MAX = 20;

export interface PastOf {
  readonly hosts: readonly string[];
  readonly application: string;
  /** only releases before this one count, and `seen` is what is there now */
  readonly before?: { readonly epoch: number; readonly seen: Readonly<Record<string, Observation>> };
}

interface Row {
  readonly host: string;
  readonly release: string;
  readonly kind: string;
  readonly restoreFrom: string | null;
  readonly changes: readonly PlannedChange[] | null;
  readonly state: TargetState;
}

/** One past per host, in the order asked for. */
export async function hostPasts(db: Queryable, { hosts, application, before }: PastOf): Promise<readonly HostPast[]> {
  const rows = await rowsOf(db, hosts, before?.epoch ?? null);
  const plans = before === undefined ? await plansOf(db, rows) : new Map<string, Ways>();
  const byHost = Map.groupBy(rows, ({ host }) => host);
  return hosts.map((host) => {
    const own = byHost.get(host) ?? [];
    const found = own.flatMap(({ state }) => installIn(state.preImage, application));
    const seen = before?.seen[host];
    const now = before === undefined ? leftBy(own, plans, application) : installIn(seen ?? null, application);
    const told = seen?.applications.find((one) => one.application === application);
    const kept = told?.kept ?? own.findLast(({ state }) => state.kept?.[application] !== undefined)?.state.kept?.[application] ?? null;
    return { host, application, installs: [...found, ...now], kept, configs: told?.configs ?? null };
  });
}

async function rowsOf(db: Queryable, hosts: readonly string[], beforeEpoch: number | null): Promise<readonly Row[]> {
  const { rows } = await sql<Row>`
    select asked.host, r.* from unnest(${hosts}::text[]) asked(host) cross join lateral (
      select r.id as release, r.kind, r.restore_from as "restoreFrom", r.epoch, t.state,
        case when json_typeof(r.core -> 'situation' -> 'plan') = 'object' then r.core -> 'situation' -> 'plan' -> 'changes' end as changes
      from release_targets t join releases r on r.id = t.release
      where t.host = asked.host and r.epoch is not null and (${beforeEpoch}::bigint is null or r.epoch < ${beforeEpoch})
      order by r.epoch desc limit ${RELEASES_MAX}
    ) r order by asked.host, r.epoch`.execute(db.kysely);
  return rows;
}

/** The way back of each host of a release. */
type Ways = ReadonlyMap<string, TargetWayBack>;

/** The plans of the releases that came last to any host: only of these nobody has looked since. */
async function plansOf(db: Queryable, rows: readonly Row[]): Promise<ReadonlyMap<string, Ways>> {
  const last = new Map(rows.map(({ host, release }) => [host, release]));
  if (last.size === 0) return new Map();
  const plans = await db.kysely.selectFrom('release_rollback_plans').selectAll().where('release', 'in', [...new Set(last.values())]).execute();
  return new Map(plans.map(({ release, plan }) => [release, new Map(plan.targets.map((way) => [way.host, way]))]));
}

function installIn(seen: Observation | null, application: string): readonly Install[] {
  const found = seen?.applications.find((one) => one.application === application);
  return found === undefined ? [] : [{ application, version: found.version, digest: found.digest, config: found.config }];
}

/** What the last release left on a host: what it restored, what it brought, or what it found. */
function leftBy(rows: readonly Row[], plans: ReadonlyMap<string, Ways>, application: string): readonly Install[] {
  const last = rows.at(-1);
  if (last === undefined) return [];
  const { state, release, restoreFrom, changes } = last;
  const isRestored = state.back.done.includes('switch') || (state.fenced !== null && state.back.failure === null);
  if (isRestored) {
    const planned = plans.get(release)?.get(last.host)?.applications.filter((one) => one.application === application);
    return planned ?? installIn((rows.find((row) => row.release === restoreFrom) ?? last).state.preImage, application);
  }
  const change = changes?.find((one) => one.application === application);
  if (change === undefined || last.kind === 'rollback' || !state.forward.done.includes('switch')) return [];
  return [{ application, version: change.version, digest: change.sha256, config: state.configs[application] ?? null }];
}
