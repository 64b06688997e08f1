/** Health in earnest: a real balancer, real users, a bastion that nobody outside may reach before it joins, and a host that fails once it has. */
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Traffic } from '../../examples/demo/traffic.ts';
import { until } from '../support/until.ts';
import { openWholeStack, type WholeStack } from './whole-stack.ts';

let stack: WholeStack;

const ENDED = ['succeeded', 'failed', 'rolled-back', 'rollback-incomplete', 'aborted', 'rejected'];

interface Release {
  readonly status: string;
  readonly paused: { readonly cause: string } | null;
  readonly waiting: { readonly for: string } | null;
  readonly batches: readonly { readonly targets: readonly { readonly host: string; readonly status: string; readonly error: { readonly code: string; readonly step: string; readonly message: string } | null }[] }[];
}

/** After admit a command of the package's own decides: a build that carries a BEHAVIOUR is one that does not stand the traffic. */
function withLists(document: object): object {
  const { kind, health } = document as { readonly kind: string; readonly health?: readonly object[] };
  if (kind === 'Application') {
    return { ...document, health: [...(health ?? []), { process: {}, passes: 1 }, { tcp: { port: '${port}' }, passes: 1 }, { command: { command: ['/usr/bin/test', '!', '-e', 'BEHAVIOUR'], timeoutSeconds: 5 }, passes: 1, timeoutSeconds: 1, when: 'after-admit' }] };
  }
  if (kind !== 'Strategy') return document;
  const bastion = { count: 1, bakeSeconds: 0, promote: 'manual', health: [{ http: { path: '/', port: '${port}', version: { json: 'version' } }, passes: 3, intervalMs: 100, healthySeconds: 1 }] };
  return { ...document, bastion, onFailure: 'hold' };
}

beforeAll(async () => {
  stack = await openWholeStack(withLists);
}, 120_000);
afterAll(() => stack?.end());

const read = (id: string): Promise<Release> => stack.api.get<Release>(`/v1/releases/${id}`);
const command = (id: string, type: string, more: object = {}): Promise<unknown> => stack.api.post(`/v1/releases/${id}/commands?waitSeconds=30`, { type, reason: 'scenario', ...more }, `${id}-${type}`);
const reached = (id: string, what: string, done: (release: Release) => boolean): Promise<Release> =>
  until(what, async () => {
    const release = await read(id);
    return done(release) && release;
  }, 60_000);
const ended = (id: string): Promise<Release> => reached(id, 'the end', ({ status }) => ENDED.includes(status));

interface Server {
  /** sessions since the balancer began */
  readonly sessions: number;
  readonly current: number;
  readonly status: string;
}

/** What the balancer itself has counted, by server. */
async function servers(): Promise<ReadonlyMap<string, Server>> {
  const text = await say('show stat');
  const lines = text.split('\n').filter((line) => line !== '').map((line) => line.replace(/^# /, '').split(','));
  const [names = [], ...rows] = lines;
  const at = (row: readonly string[], name: string): string => row[names.indexOf(name)] ?? '';
  return new Map(rows.filter((row) => at(row, 'pxname') === 'web').map((row) => [at(row, 'svname'), { sessions: Number(at(row, 'stot')), current: Number(at(row, 'scur')), status: at(row, 'status') }]));
}

function say(line: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect({ path: stack.socket }, () => socket.write(`${line}\n`));
    socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    socket.once('error', reject).once('close', () => resolve(text));
  });
}

/** Promotes whatever waits for it until the release has ended. */
async function promoted(id: string): Promise<Release> {
  await reached(id, 'the proven bastion', ({ waiting }) => waiting?.for === 'promote');
  await command(id, 'promote');
  return ended(id);
}

test('the bastion is tested without one request from outside, joins, and a build that fails after admit is taken out of traffic again until somebody says ignore', async () => {
  await stack.publish('1.0.0');
  expect((await promoted(await stack.release('1.0.0'))).status).toBe('succeeded');
  const users = new Traffic({ url: stack.url, perSecond: 60 });

  await stack.publish('2.0.0');
  const good = await stack.release('2.0.0');
  const bastion = (await reached(good, 'the bastion in work', ({ batches }) => batches[0]?.targets[0]?.status === 'in-work')).batches[0]?.targets[0]?.host ?? '';
  const drained = await until('the bastion is out of traffic', async () => {
    const server = (await servers()).get(bastion);
    return server?.status.startsWith('DRAIN') && server.current === 0 && server;
  });
  const proven = await reached(good, 'the proven bastion', ({ waiting }) => waiting?.for === 'promote');
  expect(proven.batches[0]?.targets[0]).toMatchObject({ status: 'installed' });
  await until('users have asked the others a hundred times', () => users.counts().total > 100);
  const before = await servers();
  expect(before.get(bastion)).toMatchObject({ sessions: drained.sessions, current: 0 });
  expect(users.counts().byVersion['2.0.0']).toBeUndefined();
  await command(good, 'promote');
  expect((await ended(good)).status).toBe('succeeded');
  expect((await servers()).get(bastion)?.sessions).toBeGreaterThan(drained.sessions);

  await stack.publish('3.0.0', 'does not stand the traffic');
  const bad = await stack.release('3.0.0');
  await reached(bad, 'the proven bastion', ({ waiting }) => waiting?.for === 'promote');
  await command(bad, 'promote');
  const held = await reached(bad, 'the brake', ({ paused }) => paused?.cause === 'brake');
  const failed = held.batches[0]?.targets[0];
  expect(failed).toMatchObject({ host: bastion, status: 'failed', error: { step: 'admit', code: 'health-timeout', message: expect.stringContaining('health/3: command /usr/bin/test ! -e BEHAVIOUR') } });
  const out = (await servers()).get(bastion);
  expect(out).toMatchObject({ status: expect.stringMatching(/^DRAIN/), current: 0 });
  const asked = users.counts().total;
  await until('users have asked the others a hundred times more', () => users.counts().total > asked + 100);
  expect((await servers()).get(bastion)?.sessions).toBe(out?.sessions);

  // A person takes the answer of that list as no reason to keep it out: it serves again, and the next host is asked about for itself.
  await command(bad, 'answer', { choices: { [bastion]: 'ignore' } });
  const heldAgain = await reached(bad, 'the brake of the first batch', ({ paused, batches }) => paused?.cause === 'brake' && batches[1]?.targets.some(({ error }) => error?.step === 'admit') === true);
  expect(heldAgain.batches[0]?.targets[0]).toMatchObject({ host: bastion, status: 'succeeded', error: null });
  expect((await servers()).get(bastion)?.status).toBe('UP');
  await until('users reach the bastion', async () => ((await servers()).get(bastion)?.sessions ?? 0) > (out?.sessions ?? 0));
  expect(users.counts().byVersion['3.0.0']).toBeGreaterThan(0);

  await command(bad, 'rollback');
  expect((await ended(bad)).status).toBe('rolled-back');
  expect((await servers()).get(bastion)?.status).toBe('UP');
  const counts = await users.stop();
  expect(counts.failures).toEqual([]);
}, 180_000);
