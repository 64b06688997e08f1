/** The whole table of docs/generated/states.md, situation by command, sent to real releases: receipts and log say what `decide` says. */
import { expect, test } from 'vitest';
import { acceptCommand } from '../../db/commands.ts';
import { readReleaseEvents } from '../../db/events.ts';
import { situationOf, SITUATIONS } from '../../docs/generate/states.ts';
import { unanswered } from '../../domain/release/answer.ts';
import { COMMAND_TYPES } from '../../domain/release/commands.ts';
import { allowedCommands, decide } from '../../domain/release/decide.ts';
import { progressOf } from '../../domain/release/evolve.ts';
import { anyJump } from '../../domain/release/jump.ts';
import { isTerminal } from '../../domain/vocabulary.ts';
import { skippingClock } from '../support/skipping-clock.ts';
import { until } from '../support/until.ts';
import { Brought, type SituationName } from './brought.ts';
import type { Receipt } from '../../db/commands.ts';
import type { Command, CommandType } from '../../domain/release/commands.ts';
import type { DecideContext } from '../../domain/release/decide.ts';
import type { ReleaseState } from '../../domain/release/state.ts';

const clock = skippingClock();
const HOSTS = 4;

/** How an operator sends it: to whatever failed, with the widest effect. */
function commandFor(type: CommandType, id: string, core: ReleaseState): Command {
  const { situation } = core;
  const base = { id, by: { kind: 'token', name: 'op' }, reason: 'the table' } as const;
  const progress = progressOf(situation);
  if (type === 'rollback') return { ...base, type, mode: 'emergency' };
  if (type === 'retry' || type === 'skip') return { ...base, type, targets: null };
  if (type === 'jump') return { ...base, type, to: anyJump(core) ?? 1 };
  return type === 'answer' ? { ...base, type, choices: Object.fromEntries((progress === null ? [] : unanswered(progress)).map((host) => [host, 'exclude'])) } : { ...base, type };
}

/** One row of the table. Refused commands share a release; each that is applied has one of its own, but for a pause that is resumed. */
async function row(at: Brought, name: SituationName): Promise<void> {
  const open = new Set<CommandType>(COMMAND_TYPES);
  for (let sent = 0; open.size > 0; sent++) {
    await at.in(name, async (id) => {
      for (const type of COMMAND_TYPES) if (open.has(type) && (await isRefused(at, id, type, name))) open.delete(type);
      if (open.delete('pause')) {
        await isApplied(at, id, 'pause', name);
        await at.sent(id, 'resume');
      }
      const [type] = open;
      if (type === undefined) return;
      open.delete(type);
      await isApplied(at, id, type, name);
    });
  }
}

/** False, and nothing sent, when it would be applied. */
async function isRefused(at: Brought, id: string, type: CommandType, name: SituationName): Promise<boolean> {
  const core = await stands(at, id, name);
  const command = commandFor(type, `${id}/${type}/refused`, core);
  const decision = decide(core, command, contextOf(core));
  if ('events' in decision) return false;
  const before = await events(at, id);
  const receipt = await receiptOf(at, id, command);
  expect(receipt, `${type} in ${name}`).toMatchObject({ state: 'refused', refusal: { code: decision.refusal.code } });
  expect(receipt.refusal?.message.length, `${type} in ${name}`).toBeGreaterThan(10);
  // Whoever ended is gone: who is told so late by the run, early by the API, learns of new releases only there.
  if (!isTerminal(core.situation.status)) expect(receipt.refusal?.allowed, `${type} in ${name}`).toEqual(allowedCommands(core));
  expect(await events(at, id), `${type} in ${name}`).toEqual(before);
  return true;
}

/** Once applied it is applied: sent again under its id it gets its receipt and leaves no trace. */
async function isApplied(at: Brought, id: string, type: CommandType, name: SituationName): Promise<void> {
  const core = await stands(at, id, name);
  const command = commandFor(type, `${id}/${type}/applied`, core);
  const decision = decide(core, command, contextOf(core));
  const expected = 'events' in decision ? decision.events.map((event) => event.type) : [];
  const before = await events(at, id);
  expect(allowedCommands(core), `${type} in ${name}`).toContain(type);
  expect(await receiptOf(at, id, command), `${type} in ${name}`).toMatchObject({ state: 'applied' });
  expect(await receiptOf(at, id, command), `${type} in ${name}, again`).toMatchObject({ state: 'applied' });
  const byOp = (await events(at, id)).slice(before.length).filter(({ actor }) => actor.name === 'op');
  expect(byOp.map((event) => event.type), `${type} in ${name}`).toEqual(expected);
}

/** The batches of this fleet hold one host: where one is in work, it is that. */
function contextOf({ createdAt, situation }: ReleaseState): DecideContext {
  const progress = progressOf(situation);
  const inWork = progress?.stage === 'rolling' && situation.status !== 'rolling-back' ? progress.hosts : [];
  return { now: createdAt, inWork, begunNow: inWork };
}

async function stands(at: Brought, id: string, name: SituationName): Promise<ReleaseState> {
  return until(`the situation "${name}"`, async () => ((core) => situationOf(core) === name && core)(await at.core(id)));
}

async function events(at: Brought, id: string) {
  return (await readReleaseEvents(at.bench.db, { release: id, limit: 10_000 })).filter(({ type }) => !type.startsWith('target-') && type !== 'quiet-reached');
}

async function receiptOf(at: Brought, release: string, command: Command): Promise<Receipt> {
  await acceptCommand(at.bench.db, { command, release });
  await at.delivered(release);
  return acceptCommand(at.bench.db, { command, release });
}

const ROWS: readonly (readonly [string, readonly SituationName[]])[] = [
  ['before the bastion is touched', ['queued', 'preparing', 'failed', 'rejected']],
  ['around the bastion', SITUATIONS.filter((name) => name.startsWith('pre-release'))],
  ['from batch to batch', SITUATIONS.filter((name) => name.startsWith('releasing') || name === 'post-release')],
  ['paused', SITUATIONS.filter((name) => name.startsWith('paused'))],
  ['on the way out', ['being aborted', 'rolling-back', 'succeeded', 'rolled-back', 'rollback-incomplete', 'aborted']],
];

test('the table of commands is played whole', () => {
  expect(ROWS.flatMap(([, names]) => names).toSorted()).toEqual(SITUATIONS.toSorted());
});

test.each(ROWS)('%s, each command is applied once, or refused with a reason and what is allowed, and the log has nothing else', { timeout: 120_000 }, async (_where, names) => {
  await clock.using(async (bench) => {
    const at = new Brought(bench, clock);
    for (const name of names) await row(at, name);
  }, { hosts: HOSTS });
});

test.each([['pause', 'pause'], ['promote', 'pause'], ['abort', 'rollback'], ['rollback', 'abort'], ['promote', 'promote']] as const)('of two operators who send %s and %s at once, the log says who came first, and both receipts agree with it', async (one, other) => {
  await clock.using(async (bench) => {
    const at = new Brought(bench, clock);
    await at.in('pre-release, baking', async (id) => {
      const core = await at.core(id);
      const commands = [commandFor(one, `${id}/one`, core), commandFor(other, `${id}/other`, core)].map((command, index) => ({ ...command, by: { kind: 'token', name: `op-${index}` } }) as Command);
      const receipts = await Promise.all(commands.map((command) => receiptOf(at, id, command)));
      const applied = receipts.filter(({ state }) => state === 'applied').map(({ by }) => by.name);
      const inLog = [...new Set((await events(at, id)).map(({ actor }) => actor.name).filter((name) => name.startsWith('op-')))];
      expect(inLog.toSorted()).toEqual(applied.toSorted());
      expect(inLog.length).toBeGreaterThan(0);
      for (const { state, refusal } of receipts) if (state === 'refused') expect(refusal?.code).toMatch(/^(already-paused|already-done|not-allowed|nothing-to-do|finished)$/);
    });
  }, { hosts: HOSTS });
});
