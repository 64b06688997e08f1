/** Calls for agents in the database: who gets which, when again, and what becomes of answers nobody waits for. */
import { createHash, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { answerCall, askCall, fetchAnswer, giveUpCall, takeCall } from '../../db/agent-calls.ts';
import { beginPoll, closeDesk, deskOpenMs, listAgents, signDesk } from '../../db/agents.ts';
import { IdReused } from '../../db/errors.ts';
import { findHostProgram, keepHostProgram } from '../../db/host-programs.ts';
import { createHostToken, findHostToken, listHostTokens, revokeHostToken } from '../../db/host-tokens.ts';
import { findToken } from '../../db/tokens.ts';
import { openStore, type Store } from './samples.ts';
import type { AskedCall, HandedCall } from '../../db/agent-calls.ts';

const BOOT = randomUUID();
const PROGRAM = 'f'.repeat(64);
const hash = (text: string): string => createHash('sha256').update(text).digest('hex');

let store: Store;
beforeAll(async () => {
  store = await openStore();
  for (const host of ['web-01', 'web-02']) await createHostToken(store.db, { name: host, host, hash: hash(host) });
});
afterAll(() => store?.close());
beforeEach(async () => {
  await store.db.pool.query('delete from agent_calls');
  await store.db.pool.query('delete from agents');
  await store.db.pool.query('delete from agent_desks');
});

const ask = (change: Partial<AskedCall> = {}): Promise<number> => askCall(store.db, { host: 'web-01', verb: 'stop', opId: 'op', epoch: '1', program: PROGRAM, input: 'end\n', timeoutMs: 60_000, ...change });

async function poll(host = 'web-01'): Promise<number> {
  const begun = await beginPoll(store.db, { host, agent: 'a'.repeat(32), boot: BOOT });
  return 'poll' in begun ? begun.poll : expect.fail('another agent holds the host');
}

/** A poll of its own, or the one that is given. */
async function take(running: readonly number[] = [], at?: number, host = 'web-01'): Promise<HandedCall | 'void' | null> {
  return takeCall(store.db, { host, token: host, poll: at ?? (await poll(host)), running });
}

const answer = (id: number, text = '{}', host = 'web-01'): Promise<boolean> => answerCall(store.db, { host, id, exitStatus: 0, output: Buffer.from(text) });

async function taken(running?: readonly number[]): Promise<number> {
  const call = await take(running);
  return call !== null && call !== 'void' ? call.id : expect.fail('there was no call');
}

describe('a call', () => {
  test('goes to the agent of its host and to no other, in the order in which calls came', async () => {
    const first = await ask({ opId: 'one' });
    const second = await ask({ opId: 'two' });
    expect(await take([], undefined, 'web-02')).toBeNull();
    expect(await take()).toEqual({ id: first, verb: 'stop', program: PROGRAM, input: 'end\n' });
    expect(await taken([first])).toBe(second);
    expect(await take([first, second])).toBeNull();
  });

  test('that is in work is not handed out again; one that the agent knows nothing of is', async () => {
    const id = await ask();
    expect(await taken()).toBe(id);
    expect(await take([id])).toBeNull();
    expect(await taken([])).toBe(id);
    await answer(id);
    expect(await take([])).toBeNull();
  });

  test('waits while another of its opId and epoch is in work, and other calls do not', async () => {
    const first = await ask();
    expect(await taken()).toBe(first);
    const [same, higher, without] = [await ask(), await ask({ epoch: '2' }), await ask({ verb: 'observe', opId: null, epoch: null })];
    expect(await taken([first])).toBe(higher);
    expect(await taken([first, higher])).toBe(without);
    expect(await take([first, higher, without])).toBeNull();
    await answer(first);
    expect(await taken([higher, without])).toBe(same);
  });

  test('that nobody waits for any more is not handed out, and where it was it still keeps its opId to itself', async () => {
    const untouched = await ask();
    expect(await giveUpCall(store.db, untouched)).toEqual({ handedMsAgo: null });
    expect(await take()).toBeNull();
    const begun = await ask();
    await taken();
    expect(await giveUpCall(store.db, begun)).toEqual({ handedMsAgo: expect.any(Number) });
    const again = await ask();
    expect(await take([begun])).toBeNull();
    expect(await answer(begun)).toBe(false);
    expect(await taken([])).toBe(again);
  });

  test('whose time is over is neither handed out nor answered', async () => {
    const id = await ask({ timeoutMs: 0 });
    expect(await take()).toBeNull();
    expect(await answer(id)).toBe(false);
    expect((await store.db.pool.query('select 1 from agent_calls where id = $1', [id])).rowCount).toBe(0);
  });
});

describe('an answer', () => {
  test('is fetched once, byte for byte, and then gone; the first one counts, and no other host may give it', async () => {
    const id = await ask();
    await taken();
    expect(await answer(id, 'theirs', 'web-02')).toBe(false);
    expect(await fetchAnswer(store.db, id)).toBeNull();
    expect(await answer(id, '{"a":"ä"}\n')).toBe(true);
    expect(await answer(id, 'late')).toBe(false);
    expect(await fetchAnswer(store.db, id)).toEqual({ exitStatus: 0, output: Buffer.from('{"a":"ä"}\n').toString('latin1') });
    expect(await fetchAnswer(store.db, id)).toBeNull();
  });

  test('that came while its caller gave up is removed with the call', async () => {
    const id = await ask();
    await taken();
    await answer(id);
    expect(await giveUpCall(store.db, id)).toEqual({ handedMsAgo: null });
    expect((await store.db.pool.query('select 1 from agent_calls')).rowCount).toBe(0);
  });
});

describe('a poll', () => {
  test('ends the one before it: that hands out nothing more', async () => {
    const old = await poll();
    const fresh = await poll();
    await ask();
    expect(await take([], old)).toBe('void');
    expect(await take([], fresh)).toMatchObject({ verb: 'stop' });
  });

  test('of another agent, or of the same one on another machine, is refused until the first has been silent for a minute', async () => {
    await poll();
    const others = [{ host: 'web-01', agent: 'b'.repeat(32), boot: BOOT }, { host: 'web-01', agent: 'a'.repeat(32), boot: randomUUID() }];
    for (const other of others) expect(await beginPoll(store.db, other)).toEqual({ heldBy: { seenAt: expect.any(String) } });
    await store.db.pool.query("update agents set seen_at = now() - interval '59 seconds'");
    for (const other of others) expect(await beginPoll(store.db, other)).toHaveProperty('heldBy');
    await store.db.pool.query("update agents set seen_at = now() - interval '61 seconds'");
    expect(await beginPoll(store.db, others[0] ?? expect.fail())).toHaveProperty('poll');
    expect(await beginPoll(store.db, { host: 'web-01', agent: 'a'.repeat(32), boot: BOOT })).toHaveProperty('heldBy');
  });

  test('under a token that was revoked meanwhile hands out nothing', async () => {
    await createHostToken(store.db, { name: 'short-lived', host: 'web-01', hash: hash('short') });
    const at = await poll();
    await ask();
    await revokeHostToken(store.db, 'short-lived');
    expect(await takeCall(store.db, { host: 'web-01', token: 'short-lived', poll: at, running: [] })).toBe('void');
  });

  test('is remembered as the last sign of its host', async () => {
    await poll();
    await store.db.pool.query("update agents set seen_at = now() - interval '5 seconds'");
    const [seen] = await listAgents(store.db, ['web-01', 'web-02']);
    expect(seen?.host).toBe('web-01');
    expect(seen?.seenMsAgo).toBeGreaterThanOrEqual(5_000);
  });
});

describe('a token of a host', () => {
  test('is found by its hash until it is revoked, is no token of the API, and its name is never used again', async () => {
    await createHostToken(store.db, { name: 'once', host: 'web-01', hash: hash('once') });
    expect(await findHostToken(store.db, hash('once'))).toEqual({ name: 'once', host: 'web-01' });
    expect(await findToken(store.db, hash('once'))).toBeNull();
    expect(await revokeHostToken(store.db, 'once')).toBe(true);
    expect(await revokeHostToken(store.db, 'once')).toBe(false);
    expect(await findHostToken(store.db, hash('once'))).toBeNull();
    await expect(createHostToken(store.db, { name: 'once', host: 'web-02', hash: hash('other') })).rejects.toBeInstanceOf(IdReused);
    expect(await listHostTokens(store.db)).toContainEqual({ name: 'once', host: 'web-01', createdAt: expect.any(String), revokedAt: expect.any(String), hostSeenAt: null });
  });

  test('that is no SHA-256 is refused by the table itself', async () => {
    await expect(createHostToken(store.db, { name: 'plain', host: 'web-01', hash: 'secret' })).rejects.toMatchObject({ code: '23514' });
  });
});

describe('the desk for agents', () => {
  test('is open since the first of the processes that are there, and closed once all are silent or gone', async () => {
    expect(await deskOpenMs(store.db)).toBeNull();
    const [one, other] = [randomUUID(), randomUUID()];
    await signDesk(store.db, one);
    await signDesk(store.db, other);
    await store.db.pool.query("update agent_desks set started_at = now() - interval '1 hour' where id = $1", [one]);
    expect(await deskOpenMs(store.db)).toBeGreaterThanOrEqual(3_600_000);
    await closeDesk(store.db, one);
    expect(await deskOpenMs(store.db)).toBeLessThan(60_000);
    await store.db.pool.query("update agent_desks set seen_at = now() - interval '4 seconds'");
    expect(await deskOpenMs(store.db)).toBeNull();
  });

  test('of a process that was frozen for a while counts anew from its return', async () => {
    const id = randomUUID();
    await signDesk(store.db, id);
    await store.db.pool.query("update agent_desks set started_at = now() - interval '1 hour', seen_at = now() - interval '10 seconds'");
    await signDesk(store.db, id);
    expect(await deskOpenMs(store.db)).toBeLessThan(60_000);
  });
});

test('a host program is kept once and found by its digest', async () => {
  const program = { sha256: hash('program'), body: Buffer.from('program') };
  await keepHostProgram(store.db, program);
  await keepHostProgram(store.db, program);
  expect(await findHostProgram(store.db, program.sha256)).toEqual(program.body);
  expect(await findHostProgram(store.db, hash('other'))).toBeNull();
});
