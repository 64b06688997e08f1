/** The agents of hosts, released like any other application: let in one host after the other, kept out when they are bad, and taken back. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { AGENT_PROGRAM, spawnAgent, type RunningAgent } from '../drivers/executors/real-agent.ts';
import { openRecipePool, type Files, type RecipePool } from './recipes/pool.ts';
import { openWholeStack, type WholeStack } from './whole-stack.ts';

const NAME = 'signalbox-agent';

let stack: WholeStack;
let folder: string;
let pool: RecipePool;
const agents: RunningAgent[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'agent-upgrade-'));
  stack = await openWholeStack(undefined, { hosts: 1 });
  const { kind: _, name, health: [check], ...application } = parse(readFileSync(new URL('../../examples/agent/upgrade.yml', import.meta.url), 'utf8')) as { kind: string; name: string; health: readonly object[] };
  expect(name).toBe(NAME);
  pool = await openRecipePool(stack, NAME, { application: { ...application, health: [{ ...check, intervalMs: 200, timeoutSeconds: 10 }] }, driver: 'agent' });
  for (const host of pool.hosts) {
    const { token } = await stack.api.post<{ token: string }>('/v1/host-tokens', { name: host.name, host: host.name });
    const tokenFile = join(folder, host.name);
    writeFileSync(tokenFile, `${token}\n`, { mode: 0o600 });
    agents.push(spawnAgent({ url: stack.apiUrl, root: host.root, tokenFile }, folder));
  }
}, 240_000);
afterAll(async () => {
  for (const agent of agents) await agent.kill();
  await stack?.end();
  rmSync(folder, { recursive: true, force: true });
}, 120_000);

const good = readFileSync(AGENT_PROGRAM, 'utf8');
const version = (name: string): Files => ({ 'signalbox-agent*': good.replace('say "asks $url', `say "${name} asks $url`) });
/** Works on the first host of the pool, so that it is found out late, and asks at a wrong address on the second. */
const bad = (): Files => ({ 'signalbox-agent*': good.replace('"$url/v1/agent/poll"', '"$url/v1/agent/poll${root##*-1}"') });

/** The program that each agent is by its process, the same process as in the beginning. */
const programs = (): readonly string[] => agents.map(({ child }) => readFileSync(`/proc/${child.pid}/cmdline`, 'utf8').split('\0')[1] ?? '');
/** What is linked on each host, as its agent should run it. */
const linked = (): readonly string[] => pool.inForce().map(([, current], index) => join(pool.hosts[index]?.root ?? '', NAME, String(current), NAME));

test('agents are released as an application of their own: each makes room in its turn, a bad one is kept out and every host put back, and a rollback brings back the one of before', { timeout: 600_000 }, async () => {
  await pool.publish('1.0.0', version('one'));
  await pool.publish('2.0.0', version('two'));
  await pool.publish('3.0.0', bad());
  expect(programs()).toEqual([AGENT_PROGRAM, AGENT_PROGRAM]);
  expect(await pool.release('1.0.0')).toMatchObject({ status: 'succeeded' });
  expect(programs()).toEqual(linked());
  const second = await pool.release('2.0.0');
  expect(second).toMatchObject({ status: 'succeeded' });
  expect(programs()).toEqual(linked());
  for (const agent of agents) expect(agent.said()).toMatch(/one asks[^]*two asks/);
  const before = pool.inForce();
  const failed = await pool.release('3.0.0');
  expect([failed.status, pool.errors(failed)]).toEqual(['rolled-back', [`${NAME}-2 verify health-timeout`]]);
  expect(failed.batches.flatMap(({ targets }) => targets.flatMap(({ error }) => error?.message ?? [])).join()).toContain('ended with 1');
  expect(pool.inForce()).toEqual(before);
  expect(programs()).toEqual(linked());
  const { release } = await stack.api.post<{ release: string }>(`/v1/releases/${second.id}/commands`, { type: 'rollback', reason: 'the one of before' });
  expect(await pool.reached(release, 'the way back has ended', ({ status }) => status === 'rolled-back')).toMatchObject({ status: 'rolled-back' });
  expect(programs()).toEqual(linked());
  for (const agent of agents) expect(agent.said()).toMatch(/two asks[^]*one asks/);
});
