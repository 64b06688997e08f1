/** Whole releases on hosts that ask for their work, behind HAProxy, while the API and agents are killed. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { askHosts, rootOf } from '../../examples/demo/fleet.ts';
import { Traffic } from '../../examples/demo/traffic.ts';
import { spawnAgent, type RunningAgent } from '../drivers/executors/real-agent.ts';
import { until } from '../support/until.ts';
import { openWholeStack, type WholeStack } from './whole-stack.ts';
import type { ReleaseAnswer } from '../../examples/demo/story.ts';

const HOSTS = 5;
const RELEASE_TIMEOUT_MS = 240_000;
const ENDED = new Set(['succeeded', 'rolled-back', 'rollback-incomplete', 'failed', 'aborted', 'rejected']);

let stack: WholeStack;
let folder: string;
const agents = new Map<string, RunningAgent>();

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'agent-hosts-'));
  stack = await openWholeStack(byAgents, { hosts: HOSTS });
  for (const { name } of stack.fleet.hosts) {
    const { token } = await stack.api.post<{ token: string }>('/v1/host-tokens', { name, host: name });
    writeFileSync(join(folder, name), `${token}\n`, { mode: 0o600 });
    startAgent(name);
  }
  for (const version of ['1.0.0', '2.0.0']) await stack.publish(version);
  await stack.publish('3.0.0', 'never-answer');
}, 240_000);
afterAll(async () => {
  for (const agent of agents.values()) await agent.kill();
  await stack?.end();
  rmSync(folder, { recursive: true, force: true });
}, 120_000);

function byAgents(document: object): object {
  const { kind, executor } = document as { readonly kind: string; readonly executor?: object };
  return kind === 'Host' ? { ...document, executor: { ...executor, driver: 'agent' } } : document;
}

function startAgent(name: string): void {
  const host = stack.fleet.hosts.find((one) => one.name === name) ?? expect.fail(`there is no host ${name}`);
  agents.set(name, spawnAgent({ url: stack.apiUrl, root: rootOf(stack.fleet, host), tokenFile: join(folder, name) }, folder));
}

/** Waits for the end; another than the wanted one is told with all that was seen of the release and said by the agents. */
async function ends(id: string, status: string): Promise<void> {
  let seen: ReleaseAnswer | null = null;
  const isOver = async (): Promise<boolean> => ENDED.has((seen = await stack.api.get<ReleaseAnswer>(`/v1/releases/${id}`)).status);
  const outcome = await until(`the end of release ${id}`, isOver, RELEASE_TIMEOUT_MS).catch(String);
  const told = seen as ReleaseAnswer | null;
  if (told?.status !== status) expect.fail(`${id} is ${told?.status}, wanted ${status} (${String(outcome)}): ${JSON.stringify(await stack.api.get(`/v1/releases/${id}/events?limit=1000`))} ${[...agents].map(([name, { said }]) => `${name}: ${said()}`).join('')}`);
}

async function everybodyAnswers(version: string): Promise<void> {
  const answers = await askHosts(stack.fleet);
  expect(Object.values(answers).map((answer) => answer?.version)).toEqual(stack.fleet.hosts.map(() => version));
}

/** Waits until so many hosts were started with the version; a release that ended before says how. */
async function reaches(version: string, hosts: number, release: string): Promise<void> {
  await until(`${hosts} hosts run ${version}`, async () => {
    const seen = await stack.api.get<ReleaseAnswer>(`/v1/releases/${release}`).catch(() => null);
    if (reached(version) < hosts && seen !== null && ENDED.has(seen.status)) throw new Error(`The release ended: ${JSON.stringify(seen).slice(0, 3000)}`);
    return reached(version) >= hosts;
  }, RELEASE_TIMEOUT_MS);
}

/** Hosts whose application was started with the version by now. */
const reached = (version: string): number => stack.fleet.hosts.filter(({ name }) => stack.starts(name).includes(version)).length;

test('five hosts by agents: released while the API and an agent are killed, a bad version taken back, and rolled back, each application started once, and users notice nothing', { timeout: 900_000 }, async () => {
  await ends(await stack.release('1.0.0'), 'succeeded');
  await everybodyAnswers('1.0.0');
  const traffic = new Traffic({ url: stack.url, perSecond: 20 });
  const second = await stack.release('2.0.0');
  await reaches('2.0.0', 1, second);
  await stack.kill('api');
  await reaches('2.0.0', 2, second);
  for (const { name } of stack.fleet.hosts) {
    await agents.get(name)?.kill();
    startAgent(name);
  }
  await ends(second, 'succeeded');
  await everybodyAnswers('2.0.0');
  for (const { name } of stack.fleet.hosts) expect(stack.starts(name), name).toEqual(['1.0.0', '2.0.0']);
  await ends(await stack.release('3.0.0'), 'rolled-back');
  await everybodyAnswers('2.0.0');
  const touched = stack.fleet.hosts.filter(({ name }) => stack.starts(name).includes('3.0.0'));
  expect(touched).toHaveLength(1);
  for (const { name } of stack.fleet.hosts) expect(stack.starts(name), name).toEqual(['1.0.0', '2.0.0', ...(touched[0]?.name === name ? ['3.0.0', '2.0.0'] : [])]);
  const { release: back } = await stack.api.post<{ release: string }>(`/v1/releases/${second}/commands`, { type: 'rollback', to: '1.0.0', reason: 'it smells' });
  await ends(back, 'rolled-back');
  await everybodyAnswers('1.0.0');
  const { failed, failures } = await traffic.stop();
  expect({ failed, failures }).toEqual({ failed: 0, failures: [] });
});
