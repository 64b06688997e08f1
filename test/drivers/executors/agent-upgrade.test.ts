/** Agents that make room for another version of themselves: what they hand over, and what keeps a version out. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { SHELLS } from '../../host/host-bench.ts';
import { until } from '../../support/until.ts';
import { openRoad } from './agent-road.ts';
import { AGENT_PROGRAM, linesOf, openAgentLand, polls } from './real-agent.ts';
import type { HostAnswer, HostInput, HostVerb } from '../../../drivers/executors/port.ts';
import type { AgentRoad } from './agent-road.ts';
import type { AgentHost, AgentLand, AgentOptions, RunningAgent } from './real-agent.ts';

let land: AgentLand;
const agents: RunningAgent[] = [];
const roads: AgentRoad[] = [];
beforeAll(async () => {
  land = await openAgentLand();
});
afterEach(async () => {
  for (const agent of agents.splice(0)) await agent.kill();
  for (const road of roads.splice(0)) await road.end();
});
afterAll(() => land?.close());

const run = ({ host }: AgentHost, verb: HostVerb, input: HostInput): Promise<HostAnswer> => land.executor.run(host, verb, input, { timeoutMs: 60_000, signal: new AbortController().signal });
const look = (host: AgentHost): Promise<HostAnswer> => run(host, 'observe', { applications: '' });

function started(host: AgentHost, options: AgentOptions = {}): RunningAgent {
  const agent = land.startAgent(host, options);
  agents.push(agent);
  return agent;
}

/** A version of the agent that says its name when it begins. */
function versionOf(name: string): string {
  const text = readFileSync(AGENT_PROGRAM, 'utf8');
  const changed = text.replace('say "asks $url', `say "${name} asks $url`);
  expect(changed).not.toBe(text);
  return changed;
}

/** As a switch does: the files are there, then one rename. */
function link({ root }: AgentHost, release: string, program: string): void {
  const home = join(root, 'signalbox-agent');
  const file = join(home, 'releases', release, 'signalbox-agent');
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, program, { mode: 0o755 });
  symlinkSync(join('releases', release), join(home, 'next'));
  renameSync(join(home, 'next'), join(home, 'current'));
}

const unlink = ({ root }: AgentHost): void => rmSync(join(root, 'signalbox-agent/current'));

/** What its own question answers in the folder of a release: '' where it is in force, else its complaint. */
function inForce({ root }: AgentHost, release: string): string {
  const cwd = join(root, 'signalbox-agent/releases', release);
  try {
    execFileSync('sh', [AGENT_PROGRAM, '--in-force'], { cwd, stdio: 'pipe' });
    return '';
  } catch (error) {
    return (error as { readonly stderr: Buffer }).stderr.toString('utf8');
  }
}

/** Calls wake the agent, and between two of them it looks at the link. */
async function settled(host: AgentHost, release: string): Promise<void> {
  await until(`${release} is in force`, async () => {
    await look(host);
    return inForce(host, release) === '';
  });
}

describe.each(SHELLS)('an agent under %s', (shell) => {
  test('makes room for the version that is linked, with process id, lock and calls in work, and for the one of before when the link goes', async () => {
    const host = await land.makeHost();
    const agent = started(host, { shell });
    const call = run(host, 'hook', {
      opId: 'r-1/0/web-1/web/hook/forward/0', epoch: '1', application: 'web', at: 'x', idempotent: 'false', timeoutSeconds: '60',
      'command.0': '/bin/sh', 'command.1': '-c', 'command.2': `echo once >> ${host.root}/mark; until [ -e ${host.root}/go ]; do sleep 0.05; done`,
    });
    await until('the hook runs', () => linesOf(join(host.root, 'mark')).length > 0);
    link(host, 'b', versionOf('version b'));
    await settled(host, 'b');
    expect(agent.said()).toContain('version b asks');
    expect(readFileSync(`/proc/${agent.child.pid}/cmdline`, 'utf8')).toContain('/signalbox-agent/releases/b/signalbox-agent\0--url');
    expect(await started(host, { shell }).ended()).toBe(1);
    writeFileSync(join(host.root, 'go'), '');
    expect(await call).toMatchObject({ ok: true, repeated: false });
    expect(linesOf(join(host.root, 'mark'))).toEqual(['once']);
    unlink(host);
    await until('the version of before asks again', async () => (await look(host)).ok && /makes room for the version that was started first[^]*agent: asks/.test(agent.said()));
    expect(inForce(host, 'b')).toContain('The agent in force is none.');
    expect(agent.child.exitCode).toBeNull();
  });
});

describe('a version that does not work', () => {
  test('is not let in, is not tried again, and is told of by its check, until another one was linked', async () => {
    const host = await land.makeHost();
    const agent = started(host);
    expect(await look(host)).toMatchObject({ ok: true });
    link(host, 'broken', 'echo "no such option" >&2\nexit 3\n');
    await until('it was tried', async () => (await look(host)).ok && inForce(host, 'broken').includes('was tried and got no answer: no such option'));
    const tries = (): number => agent.said().split('does not make room for releases/broken: no such option').length - 1;
    for (let calls = 0; calls < 3; calls += 1) expect(await look(host)).toMatchObject({ ok: true });
    expect(tries()).toBe(1);
    link(host, 'mended', versionOf('mended'));
    await settled(host, 'mended');
    expect(agent.said()).toContain('mended asks');
    link(host, 'broken', 'exit 3\n');
    await until('it was tried by the new one', async () => (await look(host)).ok && inForce(host, 'broken').includes('was tried'));
    expect(inForce(host, 'mended')).toBe('');
    link(host, 'mended', versionOf('mended'));
    await until('what was refused is forgotten', async () => (await look(host)).ok && !existsSync(join(host.root, '.agent/refused')));
    link(host, 'broken', versionOf('broken no more'));
    await settled(host, 'broken');
    expect(agent.said()).toContain('broken no more asks');
  });

  test('and never ends is ended, and the agent of before goes on; what it leaves behind keeps no agent out', async () => {
    const host = await land.makeHost();
    const agent = started(host);
    expect(await look(host)).toMatchObject({ ok: true });
    link(host, 'stuck', 'trap "" TERM\nsleep 40\nsleep 40\n');
    await until('it was tried', async () => (await look(host)).ok && inForce(host, 'stuck').includes('was tried'), 60_000);
    await agent.kill();
    unlink(host);
    started(host);
    expect(await look(host)).toMatchObject({ ok: true });
  }, 90_000);

  test('is not what a good one is taken for while the API is away', async () => {
    const host = await land.makeHost();
    const road = await openRoad(land.api.url);
    roads.push(road);
    const agent = started(host, { url: road.url });
    await land.asks(host);
    road.close();
    link(host, 'later', versionOf('later'));
    await until('it does not reach the API', () => agent.said().includes('does not answer'));
    const asked = await polls(land.api, host.host.name);
    road.open();
    await settled(host, 'later');
    expect(await polls(land.api, host.host.name)).toBeGreaterThan(asked);
    expect(agent.said()).not.toContain('does not make room');
  });
});
