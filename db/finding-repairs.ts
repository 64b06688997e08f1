/** Carries out what the database alone can, and hands on what a worker has to do. */
import { sql } from 'kysely';
import { clearFinding } from './findings.ts';
import { handOver, lockOwnership } from './hand-over.ts';
import { enqueue } from './outbox.ts';
import { askRepair, getRepair, settleRepair } from './repairs.ts';
import { forgetStarts } from './service-starts.ts';
import { hasEnded } from './watchdog-facts.ts';
import type { Tx } from './client.ts';
import type { NewRepair, Repair } from './repairs.ts';
import type { FindingAbout } from '../domain/watchdog/finding.ts';

/** In the caller's transaction. What is settled at once comes back so; adopting is settled by who does it. */
export async function repairFinding(tx: Tx, repair: NewRepair): Promise<Repair> {
  // The ownership lock comes first of all locks.
  if (repair.verb === 'free-lock') await lockOwnership(tx);
  const asked = await askRepair(tx, repair);
  const outcome = await carryOut(tx, repair);
  if (outcome === null) return asked;
  await settleRepair(tx, repair.id, outcome);
  return (await getRepair(tx, repair.id)) ?? asked;
}

type Outcome = Parameters<typeof settleRepair>[2];

async function carryOut(tx: Tx, { id, finding, verb, about }: NewRepair): Promise<Outcome | null> {
  switch (verb) {
    case 'adopt-release':
      await enqueue(tx, { kind: 'adopt', release: about.release ?? '', payload: { repair: id } });
      return null;
    case 'adopt-host':
      return null;
    case 'free-lock':
      return freeLock(tx, about.release ?? '');
    case 'assert-again':
      return assertAgain(tx, about);
    case 'bring-in':
      return bringIn(tx, about);
    case 'keep-alive':
      return keepAlive(tx, finding, about);
    default:
      return unknownVerb(verb);
  }
}

async function freeLock(tx: Tx, release: string): Promise<Outcome> {
  if (!(await hasEnded(tx, release))) return { state: 'refused', outcome: `Release ${release} runs by the log; its locks are its own.` };
  await handOver(tx, release);
  return { state: 'applied', outcome: `Everything that release ${release} owned is free; whoever waited for it is woken.` };
}

/** A wish that no process of the balancer can know is written again by the worker, under the same fence as ever. */
async function assertAgain(tx: Tx, { release = '', host = '', pool = '', server = '' }: FindingAbout): Promise<Outcome> {
  const { numAffectedRows } = await sql`update wanted_traffic set at = to_timestamp(0) where release = ${release} and host = ${host} and concerns_server(pool, ${pool}, ${host}) and server = ${server}`.execute(tx.kysely);
  if ((numAffectedRows ?? 0n) === 0n) return { state: 'refused', outcome: `Release ${release} wants nothing of server ${server} any more.` };
  return { state: 'applied', outcome: `Workers write again what release ${release} wants of server ${server}.` };
}

/** From now on it is a drain that flags left behind, so that it is lifted in the same safe stages as every other. */
async function bringIn(tx: Tx, { host = '', pool = '', server = '', weight = null }: FindingAbout): Promise<Outcome> {
  const { numAffectedRows } = await sql`
    insert into flag_drains (host, pool, server, weight, confirmed)
    select ${host}, ${pool}, ${server}, ${weight}::integer, true
    where not exists (select from host_locks l where l.host = ${host} and l.release is not null) on conflict do nothing`.execute(tx.kysely);
  if ((numAffectedRows ?? 0n) === 0n) return { state: 'refused', outcome: `${host} is in the hands of a release or of a flag now, which answer for it.` };
  return { state: 'applied', outcome: `Workers bring ${host} back into service in pool ${pool}, unless one of its flags is down.` };
}

/** Whoever asks has looked: the starts of before count no more. Workers see the dead service at their next look. */
async function keepAlive(tx: Tx, finding: string, { host = '', application = '' }: FindingAbout): Promise<Outcome> {
  await forgetStarts(tx, { host, application });
  await clearFinding(tx, finding);
  return { state: 'applied', outcome: `${application} on ${host} is kept alive again: if it is dead, workers start it within half a minute.` };
}

function unknownVerb(verb: never): never {
  throw new Error(`Nothing is known of the repair ${String(verb)}`);
}
