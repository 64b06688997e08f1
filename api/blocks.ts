/** Quarantine of a package and hold of an application: how they are put and lifted by hand, and how they stop a release. */
import { getInventory } from '../db/inventory.ts';
import { getBlock, holdsOf, liftBlock, putBlock, standingBlocks } from '../db/blocks.ts';
import { blockSentence } from '../domain/blocks.ts';
import { IDEMPOTENCY_HEADERS, once } from './idempotency.ts';
import { Problem, notFound } from './problem.ts';
import { callerOf, operation } from './route.ts';
import { BlockAnswer, BlockRequest, HoldLifted, LiftRequest } from './schemas/block.ts';
import { Name, PackageId } from './schemas/text.ts';
import type { Block } from '../db/blocks.ts';
import type { Queryable, Tx } from '../db/client.ts';
import type { Actor } from '../domain/vocabulary.ts';
import type { ApiDeps } from './deps.ts';
import type { Complaint } from './problem.ts';
import type { Operation } from './route.ts';

/** A block as it is shown with its package or application. `release`: the one that failed or was taken back. */
export interface BlockView {
  readonly reason: string;
  readonly release: string | null;
  readonly by: string;
  readonly since: string;
  readonly lifted: { readonly reason: string; readonly by: string; readonly at: string } | null;
}

export function blockView({ reason, release, by, since, lifted }: Block): BlockView {
  return { reason, release, by: by.name, since, lifted: lifted === null ? null : { reason: lifted.reason, by: lifted.by.name, at: lifted.at } };
}

export function quarantinePackage(deps: ApiDeps): Operation {
  return packageOperation(deps, {
    verb: 'quarantine',
    summary: 'Quarantine a package: no release of it, and no rollback onto it, until it is lifted',
    description: 'A package that is quarantined already stays as it was first told. Running hosts are left alone.',
    answer: 'the quarantine',
    act: (tx, id, said) => putBlock(tx, { ...placeOf(id), release: null, ...said }),
  });
}

export function liftPackage(deps: ApiDeps): Operation {
  return packageOperation(deps, {
    verb: 'lift',
    summary: 'Lift the quarantine of a package',
    answer: 'the quarantine, lifted',
    async act(tx, id, said) {
      const block = await liftBlock(tx, placeOf(id), said);
      if (block === null) throw new Problem('conflict', `Package ${id} is not quarantined; there is nothing to lift.`);
      return block;
    },
  });
}

interface PackageVerb extends Pick<Operation, 'summary' | 'description'> {
  readonly verb: 'quarantine' | 'lift';
  readonly answer: string;
  /** the block as it stands afterwards */
  readonly act: (tx: Tx, id: string, said: { readonly reason: string; readonly by: Actor }) => Promise<Block>;
}

/** What a person says of a package that is known, with a reason. */
function packageOperation(deps: ApiDeps, { verb, answer, act, ...told }: PackageVerb): Operation {
  return operation({
    ...told,
    tag: 'packages',
    path: { id: PackageId },
    headers: IDEMPOTENCY_HEADERS,
    body: { kind: 'json', schema: BlockRequest },
    answers: { 200: { description: answer, schema: BlockAnswer } },
    problems: [404, 409],
    async handle(call) {
      const id = call.path['id'] ?? '';
      const caller = callerOf(call);
      return once(deps, { request: call.request, caller, route: `POST /v1/packages/${id}/${verb}`, body: call.body }, async (tx) => {
        if ((await getInventory(tx, 'package', id)) === null) throw notFound('package', id);
        const block = await act(tx, id, { reason: call.body.reason, by: caller.actor });
        return { status: 200, body: { package: id, ...blockView(block) } };
      });
    },
  });
}

export function liftApplication(deps: ApiDeps): Operation {
  return operation({
    summary: "Lift the hold that a person's rollback left on an application",
    description: 'In one pool, or in all pools in which it is held.',
    tag: 'applications',
    path: { name: Name },
    headers: IDEMPOTENCY_HEADERS,
    body: { kind: 'json', schema: LiftRequest },
    answers: { 200: { description: 'the holds, lifted', schema: HoldLifted } },
    problems: [404, 409],
    async handle(call) {
      const name = call.path['name'] ?? '';
      const caller = callerOf(call);
      const { reason, pool } = call.body;
      return once(deps, { request: call.request, caller, route: `POST /v1/applications/${name}/lift`, body: call.body }, async (tx) => {
        if ((await getInventory(tx, 'application', name)) === null) throw notFound('application', name);
        const standing = (await standingHolds(tx, name)).filter((hold) => pool === null || hold.pool === pool);
        if (standing.length === 0) throw new Problem('conflict', `Application ${name} is not held${pool === null ? '' : ` in pool ${pool}`}; there is nothing to lift.`);
        const lifted: Block[] = [];
        for (const hold of standing) lifted.push((await liftBlock(tx, hold, { reason, by: caller.actor })) ?? hold);
        return { status: 200, body: { application: name, holds: lifted.map((hold) => ({ pool: hold.pool, ...blockView(hold) })) } };
      });
    },
  });
}

/** Throws a 409 Problem with every hold and quarantine that stands in the way of releasing these changes to the pool. */
export async function refuseBlocked(db: Queryable, { pool, changes }: { readonly pool: string; readonly changes: readonly { readonly application: string; readonly version: string }[] }): Promise<void> {
  const blocks = await standingBlocks(db, { pool, applications: changes.map(({ application }) => application), packages: changes.map(({ application, version }) => `${application}@${version}`) });
  const [first] = blocks;
  if (first === undefined) return;
  const errors = blocks.map((block): Complaint => {
    const index = changes.findIndex(({ application, version }) => block.name === (block.kind === 'hold' ? application : `${application}@${version}`));
    return { in: 'body', pointer: `/changes/${index}/${block.kind === 'hold' ? 'application' : 'version'}`, message: blockSentence(block) };
  });
  const listed = blocks.map((block) => ({ kind: block.kind, name: block.name, ...(block.kind === 'hold' ? { pool: block.pool } : {}), ...blockView(block) }));
  throw new Problem('blocked', { detail: blocks.map(blockSentence).join(' '), errors, extra: { code: first.kind === 'hold' ? 'held' : 'quarantined', blocks: listed } });
}

/** As GET shows it: the quarantine that stands, or how the last one ended; null when there never was one. */
export async function quarantineOf(db: Queryable, id: string): Promise<BlockView | null> {
  const block = await getBlock(db, placeOf(id));
  return block === null ? null : blockView(block);
}

/** Holds of an application that stand now, by pool. */
export async function standingHolds(db: Queryable, application: string): Promise<readonly Block[]> {
  return (await holdsOf(db, application)).filter(({ lifted }) => lifted === null);
}

function placeOf(id: string) {
  return { kind: 'quarantine', name: id, pool: '' } as const;
}
