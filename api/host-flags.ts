/** Flags of a host: read, the operator's by drain and admit, those of outside monitors by their owner. Balancers are the worker's to speak to. */
import { getInventory } from '../db/inventory.ts';
import { hostPlaces } from '../db/host-standing.ts';
import { hostFlags, setHostFlag } from '../db/host-flags.ts';
import { askDrain, withdrawDrains } from '../db/drain-requests.ts';
import { raiseRefusal } from '../domain/flags.ts';
import { standingOf } from '../domain/host-standing.ts';
import { Wait } from './commands.ts';
import { carriedOut } from './flag-outcome.ts';
import { IDEMPOTENCY_HEADERS, once } from './idempotency.ts';
import { Problem, invalid, notFound } from './problem.ts';
import { newDrainId } from './release-id.ts';
import { callerOf, operation } from './route.ts';
import { AdmitRequest, DrainRequest, FlagAnswer, FlagOwnerName, FlagRequest, HostStanding } from './schemas/host-flags.ts';
import { Name } from './schemas/text.ts';
import type { z } from 'zod';
import type { Queryable, Tx } from '../db/client.ts';
import type { SettableOwner } from '../domain/flags.ts';
import type { PoolSpec } from '../domain/inventory.ts';
import type { ApiDeps } from './deps.ts';
import type { Taken } from './flag-outcome.ts';
import type { Stored } from './idempotency.ts';
import type { Caller, Operation } from './route.ts';

const ANSWERS = {
  200: { description: 'done, and read back from the balancers', schema: FlagAnswer },
  202: { description: 'kept, but not carried out or not read back yet', schema: FlagAnswer },
};

export function getHostFlags(deps: ApiDeps): Operation {
  return operation({
    summary: 'The flags of a host, and how it stands in each pool',
    description: 'A host serves only if every flag is up. `observed` is what the balancer showed when the worker last looked, at `observedAt`.',
    tag: 'hosts',
    path: { name: Name },
    answers: { 200: { description: 'as it is', schema: HostStanding } },
    problems: [404],
    async handle(call) {
      const host = call.path['name'] ?? '';
      await assertHost(deps.db, host);
      const { flags, places } = await hostPlaces(deps.db, host);
      return { status: 200, body: standingOf(host, flags, places) };
    },
  });
}

export function postDrain(deps: ApiDeps): Operation {
  const told = {
    verb: 'drain',
    summary: 'Take a host out of traffic: lower the operator\'s flag',
    description: 'Refused with the arithmetic (409) if too few hosts of a pool would be left, unless `force`. With `waitSeconds` the answer waits until the balancers were read back.',
    schema: DrainRequest,
  } as const;
  return operatorOperation(deps, told, takeDrain);
}

export function postAdmit(deps: ApiDeps): Operation {
  const told = {
    verb: 'admit',
    summary: 'Let a host back into traffic: raise the operator\'s flag',
    description: 'It comes in once every other flag is up, too; the answer says who still keeps it out.',
    schema: AdmitRequest,
  } as const;
  return operatorOperation(deps, told, async (tx, host, asked, caller) => {
    await withdrawDrains(tx, host);
    return setFlag(tx, host, { owner: 'operator', up: true, forced: false, ...asked }, caller);
  });
}

interface OperatorVerb<B> extends Required<Pick<Operation, 'summary' | 'description'>> {
  readonly verb: 'drain' | 'admit';
  readonly schema: B;
}

/** What an operator wants of a host: kept once per idempotency key, then waited for until the balancers were read back. */
function operatorOperation<B extends z.ZodType>(deps: ApiDeps, { verb, schema, ...told }: OperatorVerb<B>, take: (tx: Tx, host: string, asked: z.output<B>, caller: Caller) => Promise<Stored>): Operation {
  return operation({
    ...told,
    tag: 'hosts',
    path: { name: Name },
    query: Wait,
    headers: IDEMPOTENCY_HEADERS,
    body: { kind: 'json', schema },
    answers: ANSWERS,
    problems: [404, 409],
    async handle(call) {
      const host = call.path['name'] ?? '';
      const caller = callerOf(call);
      const started = performance.now();
      const stored = await once(deps, { request: call.request, caller, route: `POST /v1/hosts/${host}/${verb}`, body: call.body }, (tx) => take(tx, host, call.body, caller));
      return carriedOut(deps, stored.body as Taken, { waitSeconds: call.query.waitSeconds, signal: call.signal, started });
    },
  });
}

export function putHostFlag(deps: ApiDeps): Operation {
  return operation({
    summary: 'Set the flag of an outside monitor',
    description: 'An owner sets and clears its own flag alone. A lowered flag takes the host out only as far as the capacity floor allows; what it does not is a finding.',
    tag: 'hosts',
    path: { name: Name, owner: FlagOwnerName },
    query: Wait,
    body: { kind: 'json', schema: FlagRequest },
    answers: ANSWERS,
    problems: [404, 409],
    async handle(call) {
      const host = call.path['name'] ?? '';
      const owner = call.path['owner'] as SettableOwner;
      const started = performance.now();
      const stored = await setFlag(deps.db, host, { owner, forced: false, ...call.body }, callerOf(call));
      return carriedOut(deps, stored.body as Taken, { waitSeconds: call.query.waitSeconds, signal: call.signal, started });
    },
  });
}

/** Who counts the hosts in service is the worker: without `force` it is asked, and lowers the flag if the floor holds. */
async function takeDrain(tx: Tx, host: string, { pool, reason, force }: { readonly pool: string | null; readonly reason: string; readonly force: boolean }, caller: Caller): Promise<Stored> {
  if (force) return setFlag(tx, host, { owner: 'operator', up: false, forced: true, pool, reason }, caller);
  await assertHost(tx, host);
  await assertPool(tx, host, pool);
  const isDown = (await hostFlags(tx, host)).some((flag) => flag.owner === 'operator' && !flag.up && (flag.pool === null || flag.pool === pool));
  if (isDown) return taken({ host, pool, up: false, drain: null });
  const id = newDrainId(new Date());
  await askDrain(tx, { id, host, pool, reason, actor: caller.actor });
  return taken({ host, pool, up: false, drain: id });
}

interface Wish {
  readonly owner: SettableOwner;
  readonly up: boolean;
  readonly forced: boolean;
  readonly pool: string | null;
  readonly reason: string;
}

async function setFlag(db: Queryable, host: string, wish: Wish, { actor }: Caller): Promise<Stored> {
  const { pool, up } = wish;
  await assertHost(db, host);
  await assertPool(db, host, pool);
  const refusal = up ? raiseRefusal(await hostFlags(db, host), wish) : null;
  if (refusal !== null) throw new Problem('conflict', refusal);
  await setHostFlag(db, { host, actor, ...wish });
  return taken({ host, pool, up, drain: null });
}

function taken(body: Taken): Stored {
  return { status: 202, body };
}

async function assertHost(db: Queryable, host: string): Promise<void> {
  if ((await getInventory(db, 'host', host)) === null) throw notFound('host', host);
}

async function assertPool(db: Queryable, host: string, pool: string | null): Promise<void> {
  if (pool === null) return;
  const spec = (await getInventory(db, 'pool', pool))?.spec as PoolSpec | undefined;
  if (spec?.joins !== undefined) throw invalid([{ in: 'body', pointer: '/pool', message: `pool ${pool} joins ${spec.joins.join(', ')}, and a host is taken out in those: name one of them, or leave pool out for all` }]);
  if (spec?.hosts.includes(host) !== true) throw invalid([{ in: 'body', pointer: '/pool', message: spec === undefined ? `pool ${pool} does not exist` : `pool ${pool} does not have host ${host}` }]);
}
