/** What only hosts that ask for their work can get wrong: lost and doubled messages, dead agents, an API that goes and comes, false tokens. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { startApi } from '../../../api/main.ts';
import { ExecutorDown, HostUnreachable } from '../../../drivers/executors/port.ts';
import { freePorts } from '../../../stack/ports.ts';
import { SHELLS } from '../../host/host-bench.ts';
import { until } from '../../support/until.ts';
import { openRoad } from './agent-road.ts';
import { processesNaming } from './processes.ts';
import { linesOf, openAgentLand, polls } from './real-agent.ts';
import type { RunningApi } from '../../../api/main.ts';
import type { HostAnswer, HostInput, HostVerb } from '../../../drivers/executors/port.ts';
import type { AgentRoad, Mishap } from './agent-road.ts';
import type { AgentHost, AgentLand, RunningAgent } from './real-agent.ts';

let land: AgentLand;
const roads: AgentRoad[] = [];
const agents: RunningAgent[] = [];
beforeAll(async () => {
  land = await openAgentLand();
});
afterEach(async () => {
  for (const agent of agents.splice(0)) await agent.kill();
  for (const road of roads.splice(0)) await road.end();
});
afterAll(() => land?.close());

const run = ({ host }: AgentHost, verb: HostVerb, input: HostInput, timeoutMs = 30_000): Promise<HostAnswer> => land.executor.run(host, verb, input, { timeoutMs, signal: new AbortController().signal });

/** A hook that notes each run of itself, and then lasts until the file `go` is there. */
const hook = ({ root }: AgentHost, idempotent = 'false', epoch = '1'): HostInput => ({
  opId: 'r-1/0/web-1/web/hook/forward/0', epoch, application: 'web', at: 'x', idempotent, timeoutSeconds: '60',
  'command.0': '/bin/sh', 'command.1': '-c', 'command.2': `echo once >> ${root}/mark; until [ -e ${root}/go ]; do sleep 0.05; done; echo done`,
});
const marks = ({ root }: AgentHost): readonly string[] => linesOf(join(root, 'mark'));
const go = ({ root }: AgentHost): void => writeFileSync(join(root, 'go'), '');
const begun = (host: AgentHost): Promise<true> => until('the hook runs', () => marks(host).length > 0 || null).then(() => true);

async function onRoad(): Promise<{ readonly host: AgentHost; readonly road: AgentRoad; readonly agent: RunningAgent }> {
  const [host, road] = await Promise.all([land.makeHost(), openRoad(land.api.url)]);
  roads.push(road);
  return { host, road, agent: started(host, { url: road.url }) };
}

function started(host: AgentHost, options: Parameters<AgentLand['startAgent']>[1] = {}): RunningAgent {
  const agent = land.startAgent(host, options);
  agents.push(agent);
  return agent;
}

describe('messages between an agent and the API', () => {
  test.each<[string, string, Mishap]>([
    ['a call that is lost on its way to the host is handed out again', '/poll', 'lose-answer'],
    ['a call of which half arrives is not begun, and is handed out again', '/poll', 'half-answer'],
    ['an answer that is lost on its way to the API is sent again', '/answer', 'lose-request'],
    ['an answer whose receipt is lost counts once', '/answer', 'lose-answer'],
    ['an answer that arrives twice counts once', '/answer', 'double'],
    ['a host program that is lost on its way is fetched again', '/programs/', 'lose-answer'],
    ['a host program of which half arrives is fetched again', '/programs/', 'half-answer'],
  ])('%s, and the effect happens once', async (_, path, mishap) => {
    const { host, road } = await onRoad();
    road.next(path, mishap);
    go(host);
    expect(await run(host, 'hook', hook(host))).toMatchObject({ ok: true, result: { status: 0, log: expect.stringContaining('done') } });
    await until('the mishap is over', () => road.happened.length === 1);
    expect(marks(host)).toEqual(['once']);
    expect(await run(host, 'hook', hook(host))).toMatchObject({ ok: true, repeated: true });
    await until('no call of the host is left', async () => (await land.api.db.pool.query('select 1 from agent_calls where host = $1', [host.host.name])).rowCount === 0);
  });

  test('a line that is cut in the middle of a call leaves the call at work, and its answer comes when the line is back', async () => {
    const { host, road } = await onRoad();
    const call = run(host, 'hook', hook(host));
    await begun(host);
    road.close();
    go(host);
    await until('the hook has ended', () => processesNaming(`${host.root}/mark`).length === 0);
    road.open();
    expect(await call).toMatchObject({ ok: true, repeated: false });
    expect(marks(host)).toEqual(['once']);
  });

  test('over TLS an agent answers to the authority it was given, and without it sends its token to nobody', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'signalbox-tls-'));
    const [keyFile, certFile] = [join(folder, 'key'), join(folder, 'cert')];
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=signalbox', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', keyFile, '-out', certFile], { stdio: 'ignore' });
    const [host, road] = await Promise.all([land.makeHost(), openRoad(land.api.url, { key: readFileSync(keyFile, 'utf8'), cert: readFileSync(certFile, 'utf8') })]);
    roads.push(road);
    const stranger = started(host, { url: road.url });
    await until('it says that it trusts nobody', () => /does not answer \(.*(certificate|SSL)/i.test(stranger.said()));
    await stranger.stop();
    expect(await polls(land.api, host.host.name)).toBe(0);
    started(host, { url: road.url, more: ['--cacert', certFile] });
    expect(await run(host, 'observe', { applications: '' })).toMatchObject({ ok: true });
    rmSync(folder, { recursive: true });
  });
});

describe('an agent that dies', () => {
  test('in the middle of a call leaves it at work, and the call answers by itself', async () => {
    const { host, agent } = await onRoad();
    const call = run(host, 'hook', hook(host));
    await begun(host);
    await agent.kill();
    go(host);
    expect(await call).toMatchObject({ ok: true, repeated: false });
    expect(marks(host)).toEqual(['once']);
  });

  test('in the middle of a call makes room for the next one on its folder, which does nothing twice', async () => {
    const { host, agent, road } = await onRoad();
    const call = run(host, 'hook', hook(host));
    await begun(host);
    await agent.kill();
    const before = await polls(land.api, host.host.name);
    started(host, { url: road.url });
    // The first poll brings the call once more, the second waits beside it.
    await until('the next one asks', async () => (await polls(land.api, host.host.name)) >= before + 2);
    go(host);
    expect(await call).toMatchObject({ ok: true, result: { status: 0 } });
    await until('nothing is in work', () => processesNaming('signalbox-host-').every(({ command }) => !command.includes(host.root)));
    expect(marks(host)).toEqual(['once']);
  });

  test('with all it had in work is given the call again when it is back, and the journal tells what the first one did', async () => {
    const { host, road } = await onRoad();
    const call = run(host, 'hook', hook(host));
    await begun(host);
    // The agent and the process that would have answered; the host program itself goes on.
    for (const { pid } of processesNaming('signalbox-agent').filter(({ command }) => command.includes(host.root))) process.kill(pid, 'SIGKILL');
    await until('nobody would answer', () => !processesNaming('signalbox-agent').some(({ command }) => command.includes(host.root)));
    started(host, { url: road.url });
    go(host);
    expect(await call).toMatchObject({ ok: true, repeated: true, result: { status: 0 } });
    expect(marks(host)).toEqual(['once']);
  });

  test('by SIGTERM ends at once with 0, and its call goes on to its end and answers', async () => {
    const { host, agent } = await onRoad();
    const call = run(host, 'hook', hook(host));
    await begun(host);
    expect(await agent.stop()).toBe(0);
    go(host);
    expect(await call).toMatchObject({ ok: true, repeated: false });
  });

  test('for good leaves its host unreachable, and the failure says since when and whether it had the call', async () => {
    const { host, agent } = await onRoad();
    await run(host, 'observe', { applications: '' });
    await agent.stop();
    await expect(run(host, 'observe', { applications: '' }, 300)).rejects.toThrow(/^web-\d+ did not answer observe within 300 ms: its agent last asked for work \d+\.\d s ago\./);
    const other = await land.makeHost();
    await expect(run(other, 'observe', { applications: '' }, 300)).rejects.toThrow(/no agent ever asked for its work\. Make a token \(signalbox host-token create web-\d+ NAME\)/);
    started(other);
    await land.asks(other);
    const call = run(other, 'hook', hook(other), 3_000);
    await expect(call).rejects.toThrow(/its agent took the call \d+\.\d s ago and has not answered yet/);
    await expect(call).rejects.toBeInstanceOf(HostUnreachable);
    go(other);
    expect(await run(other, 'hook', hook(other))).toMatchObject({ ok: true });
    expect(marks(other)).toEqual(['once']);
  });
});

describe('an API that goes', () => {
  async function ownApi(port: number): Promise<RunningApi> {
    const quiet = { error: () => {}, warn: () => {}, info: () => {}, debug: () => {} };
    return startApi({
      databaseUrl: land.api.db.url, migrateUrl: null, temporalAddress: '127.0.0.1:1', namespace: 'default', taskQueue: 'signalbox', apiHost: '127.0.0.1', apiPort: port, publicUrl: `http://127.0.0.1:${port}`,
      temporalUiUrl: null, dataDir: land.api.dataDir, stores: [], logLevel: 'silent', workerPort: 0, fetchesMax: 1, fleetCheckSeconds: 0, keepAlive: false, workflowBundle: null, build: null, sshAgent: null, siteKeys: [],
    }, quiet);
  }

  test('and comes back in the middle of a call costs nothing but time', async () => {
    const [port = 0] = await freePorts(1);
    const first = await ownApi(port);
    const host = await land.makeHost();
    started(host, { url: first.url });
    const call = run(host, 'hook', hook(host));
    await begun(host);
    await first.stop();
    go(host);
    const second = await ownApi(port);
    try {
      expect(await call).toMatchObject({ ok: true, repeated: false });
      expect(await run(host, 'hook', hook(host))).toMatchObject({ ok: true, repeated: true });
      expect(marks(host)).toEqual(['once']);
    } finally {
      await second.stop();
    }
  });

  test('is the executor being down and not the host, at once and also in the middle of a call', async () => {
    const apart = await openAgentLand();
    try {
      const host = await apart.makeHost();
      started(host, { url: apart.api.url });
      const call = apart.executor.run(host.host, 'hook', hook(host), { timeoutMs: 60_000, signal: new AbortController().signal });
      const closing = begun(host).then(() => apart.api.closeDesk());
      await expect(call).rejects.toThrow(/No API process is there for agents, so web-1 cannot be reached/);
      await closing;
      await expect(call).rejects.toBeInstanceOf(ExecutorDown);
      await expect(apart.executor.run(host.host, 'observe', { applications: '' }, { timeoutMs: 60_000, signal: new AbortController().signal })).rejects.toBeInstanceOf(ExecutorDown);
    } finally {
      await apart.close();
    }
  });

  test('and only just came back is the executor being down until the agent has come again', async () => {
    const apart = await openAgentLand({ isNew: true });
    try {
      const host = await apart.makeHost();
      const observe = (): Promise<HostAnswer> => apart.executor.run(host.host, 'observe', { applications: '' }, { timeoutMs: 60_000, signal: new AbortController().signal });
      await expect(observe()).rejects.toThrow(/The API came back \d+\.\d s ago, and the agent of web-1 has yet to come again/);
      await expect(observe()).rejects.toBeInstanceOf(ExecutorDown);
      started(host, { url: apart.api.url });
      await apart.asks(host);
      expect(await observe()).toMatchObject({ ok: true });
    } finally {
      await apart.close();
    }
  });
});

describe('tokens and second agents', () => {
  test('a revoked token ends the poll under way, no further call goes to the host, and a new token in the same file is enough', async () => {
    const { host, agent } = await onRoad();
    await land.asks(host);
    expect((await land.api.ask('DELETE', `/v1/host-tokens/${host.host.name}`)).status).toBe(204);
    await until('the agent says it', () => agent.said().includes('does not take this token'));
    await expect(run(host, 'hook', hook(host), 500)).rejects.toBeInstanceOf(HostUnreachable);
    expect(marks(host)).toEqual([]);
    const { token } = (await land.api.ask('POST', '/v1/host-tokens', { body: { name: `${host.host.name}-new`, host: host.host.name } })).body;
    writeFileSync(host.tokenFile, `${token}\n`, { mode: 0o600 });
    expect(await run(host, 'observe', { applications: '' })).toMatchObject({ ok: true });
  });

  test('a token that was carried to another machine gets no work while the first agent is there', async () => {
    const { host } = await onRoad();
    await land.asks(host);
    const root = `${host.root}-elsewhere`;
    mkdirSync(root);
    const thief = started(host, { root });
    await until('it is told', () => thief.said().includes('Another agent asks for the work of this host'));
    go(host);
    for (const name of ['one', 'two', 'three']) expect(await run(host, 'stop', { opId: name, epoch: '1', application: 'web' })).toMatchObject({ ok: true });
    expect(readdirSync(root).filter((entry) => entry !== 'program' && entry !== '.agent')).toEqual([]);
  });

  test('a second agent on the same folder does not start, and says why', async () => {
    const { host } = await onRoad();
    await land.asks(host);
    const second = started(host);
    expect(await new Promise((resolve) => second.child.once('exit', resolve))).toBe(1);
    expect(second.said()).toContain(`Another agent works with ${host.root}.`);
  });

  test.each([
    ['a token file that others may read', (host: AgentHost) => execFileSync('chmod', ['644', host.tokenFile]), {}, /may be read by others: chmod 600/, 1],
    ['an address over http that is not this machine', () => undefined, { url: 'http://signalbox.example' }, /Over http the token could be read on its way/, 2],
    ['a folder that a shell would take apart', () => undefined, { root: '/tmp/a b' }, /--root must be an absolute path/, 2],
  ])('%s is refused at the start', async (_, spoil, options, sentence, status) => {
    const host = await land.makeHost();
    spoil(host);
    const agent = started(host, options);
    expect(await new Promise((resolve) => agent.child.once('exit', resolve))).toBe(status);
    expect(agent.said()).toMatch(sentence);
    expect(await polls(land.api, host.host.name)).toBe(0);
  });
});

describe('work on a host', () => {
  test('a call that its caller gave up before it was taken is never begun', async () => {
    const host = await land.makeHost();
    const ending = new AbortController();
    const call = land.executor.run(host.host, 'hook', hook(host), { timeoutMs: 60_000, signal: ending.signal });
    await until('it waits', async () => (await land.api.db.pool.query('select 1 from agent_calls where host = $1', [host.host.name])).rowCount);
    ending.abort(new Error('given up by test'));
    await expect(call).rejects.toThrow('given up by test');
    started(host);
    expect(await run(host, 'observe', { applications: '' })).toMatchObject({ ok: true });
    expect(marks(host)).toEqual([]);
  });

  test('a fence comes through while an operation runs, ends it, and voids its epoch', async () => {
    const { host } = await onRoad();
    const call = run(host, 'hook', hook(host, 'true'));
    const broken = call.catch((error: unknown) => error);
    await begun(host);
    expect(await run(host, 'fence', { opId: 'fence', epoch: '2', applications: 'web' })).toMatchObject({ ok: true, result: { maxEpoch: 2 } });
    expect(String(await broken)).toContain('broke in hook');
    expect(await run(host, 'hook', hook(host, 'true'))).toMatchObject({ ok: false, error: 'stale-epoch' });
    expect(marks(host)).toEqual(['once']);
  });

  test('applications and hooks of several accounts run as these accounts', async () => {
    const { host } = await onRoad();
    const accounts = process.getuid?.() === 0 ? ['nobody', 'daemon'] : [execFileSync('id', ['-un'], { encoding: 'utf8' }).trim()];
    for (const account of accounts) {
      const who = { opId: `who-${account}`, epoch: '1', application: 'web', at: 'x', idempotent: 'true', timeoutSeconds: '10', account, 'command.0': '/usr/bin/id', 'command.1': '-un' };
      expect(await run(host, 'hook', who)).toMatchObject({ ok: true, result: { status: 0, log: expect.stringMatching(new RegExp(`^${account}\n?$`)) } });
    }
  });

  test('a host that is declared with another folder than its agent has is not touched, and the failure names both', async () => {
    const { host } = await onRoad();
    const elsewhere = { ...host, host: { ...host.host, executor: { ...host.host.executor, root: `${host.root}-other` } } };
    await expect(run(elsewhere, 'observe', { applications: '' })).rejects.toThrow(`declared with the root ${host.root}-other, and its agent was started with --root ${host.root}`);
    expect(existsSync(`${host.root}-other`)).toBe(false);
  });

  test('a host program that was changed on the host is not run, but fetched again', async () => {
    const { host } = await onRoad();
    await run(host, 'observe', { applications: '' });
    const [program = ''] = readdirSync(join(host.root, 'program'));
    const file = join(host.root, 'program', program);
    const good = readFileSync(file, 'utf8');
    writeFileSync(file, `: > ${host.root}/evil\n${good}`);
    expect(await run(host, 'observe', { applications: '' })).toMatchObject({ ok: true });
    expect(existsSync(join(host.root, 'evil'))).toBe(false);
    expect(readFileSync(file, 'utf8')).toBe(good);
  });

  test.each(SHELLS)('the agent works under %s with nothing but the tools that its page names', async (shell) => {
    const host = await land.makeHost();
    go(host);
    started(host, { shell });
    expect(await run(host, 'hook', hook(host))).toMatchObject({ ok: true, repeated: false });
    expect(await run(host, 'hook', hook(host))).toMatchObject({ ok: true, repeated: true });
  });

  test('the token stands in no argument and in no environment of any process', async () => {
    const { host } = await onRoad();
    await land.asks(host);
    const found = await until('its poll is under way', () => {
      const all = processesNaming(host.root);
      return all.some(({ command }) => command.includes('curl')) && all;
    });
    for (const { pid, command } of found) {
      expect(command).not.toContain(host.token);
      expect(readFileSync(`/proc/${pid}/environ`, 'utf8')).not.toContain(host.token);
    }
  });

  test('an agent asks once and waits, and asks again as soon as it has begun a call', async () => {
    const { host } = await onRoad();
    await land.asks(host);
    const before = await polls(land.api, host.host.name);
    expect(await run(host, 'observe', { applications: '' })).toMatchObject({ ok: true });
    await until('it asks again', async () => (await polls(land.api, host.host.name)) > before);
    // One poll brought the call, and one waits now.
    expect(await polls(land.api, host.host.name)).toBe(before + 1);
  });
});
