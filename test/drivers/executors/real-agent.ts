/** Hosts with the real agent program, an API they ask over HTTP and the worker's end of the line, all over one real database. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAgentExecutor } from '../../../drivers/executors/agent.ts';
import { openAgentLine } from '../../../worker/agent-line.ts';
import { startApiUnderTest } from '../../api/api-under-test.ts';
import { HOST_PROGRAM, endApplications, makeTools } from '../../host/host-bench.ts';
import { until } from '../../support/until.ts';
import { processesNaming } from './processes.ts';
import type { HostSpec } from '../../../domain/inventory.ts';
import type { Executor } from '../../../drivers/executors/port.ts';
import type { AgentLine } from '../../../worker/agent-line.ts';
import type { ApiUnderTest } from '../../api/api-under-test.ts';
import type { Shell } from '../../host/host-bench.ts';

export const AGENT_PROGRAM = new URL('../../../agent/signalbox-agent', import.meta.url).pathname;

export interface AgentHost {
  readonly host: HostSpec;
  readonly root: string;
  readonly token: string;
  readonly tokenFile: string;
}

export interface RunningAgent {
  readonly child: ChildProcess;
  /** all it has said */
  readonly said: () => string;
  /** SIGKILL to the agent alone: calls under way are processes of their own */
  kill(): Promise<void>;
  /** its exit status, once it has ended by itself */
  ended(): Promise<number | null>;
  /** SIGTERM; answers its exit status */
  stop(): Promise<number | null>;
}

export interface AgentOptions {
  /** where it asks; default: the API itself */
  readonly url?: string;
  readonly root?: string;
  readonly shell?: Shell;
  readonly more?: readonly string[];
}

export interface AgentLand {
  readonly api: ApiUnderTest;
  readonly line: AgentLine;
  readonly executor: Executor;
  /** a declared host with a folder and a token of its own */
  makeHost(): Promise<AgentHost>;
  startAgent(host: AgentHost, options?: AgentOptions): RunningAgent;
  /** ends when the agent has asked for work */
  asks(host: AgentHost): Promise<void>;
  close(): Promise<void>;
}

/** @param isNew the API has only just come up, as far as agents are concerned; absent: it has long been there */
export async function openAgentLand({ isNew = false }: { readonly isNew?: boolean } = {}): Promise<AgentLand> {
  const api = await startApiUnderTest();
  await until('the API is there for agents', async () => (await api.db.pool.query('update agent_desks set started_at = started_at - $1 * interval \'1 hour\'', [isNew ? 0 : 1])).rowCount === 1);
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'sbx-land-')));
  // Other accounts run applications and hooks in it.
  chmodSync(folder, 0o755);
  const line = openAgentLine(api.db);
  const agents: RunningAgent[] = [];
  const roots: string[] = [];
  const land: AgentLand = {
    api, line,
    executor: createAgentExecutor({ hostProgram: HOST_PROGRAM, calls: line }),
    async makeHost() {
      const name = `web-${roots.length + 1}`;
      const root = join(folder, name);
      mkdirSync(root);
      roots.push(root);
      const host: HostSpec = { name, address: '127.0.0.1', zone: 'a', labels: {}, executor: { driver: 'agent', root }, variables: {} };
      await expectStatus(api.ask('PUT', `/v1/hosts/${name}`, { body: host }), 201);
      const { token } = (await expectStatus(api.ask('POST', '/v1/host-tokens', { body: { name, host: name } }), 201)).body;
      const tokenFile = join(folder, `${name}.token`);
      writeFileSync(tokenFile, `${token}\n`, { mode: 0o600 });
      return { host, root, token, tokenFile };
    },
    startAgent({ root, tokenFile }, options = {}) {
      const agent = spawnAgent({ url: api.url, root, ...options, tokenFile }, folder);
      agents.push(agent);
      return agent;
    },
    asks: async ({ host }) => void (await until(`the agent of ${host.name} asks`, async () => (await polls(api, host.name)) > 0)),
    async close() {
      for (const agent of agents) await agent.kill();
      await until('no process of an agent is left', () => endAll(folder));
      for (const root of roots) endApplications(root);
      await line.close();
      await api.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return land;
}

/** How often the agent of a host has asked. */
export async function polls(api: ApiUnderTest, host: string): Promise<number> {
  const { rows } = await api.db.pool.query<{ poll: number }>('select poll from agents where host = $1', [host]);
  return rows[0]?.poll ?? 0;
}

/** The real program as a process; tools of a chosen shell are put into `folder`. */
export function spawnAgent({ url, root, tokenFile, shell, more = [] }: AgentOptions & { readonly url: string; readonly root: string; readonly tokenFile: string }, folder: string): RunningAgent {
  const words = [AGENT_PROGRAM, '--url', url, '--token-file', tokenFile, '--root', root, ...more];
  const child = spawn('sh', words, { cwd: '/', env: { PATH: pathOf(shell, folder), HOME: '/' }, stdio: ['ignore', 'ignore', 'pipe'] });
  let text = '';
  child.stderr?.on('data', (chunk: Buffer) => (text += chunk.toString('utf8')));
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    return ended;
  };
  return { child, said: () => text, ended: () => ended, kill: async () => void (await end('SIGKILL')), stop: () => end('SIGTERM') };
}

/** Tools of one shell alone, among them the shell itself as `sh`; without one, those of this machine. */
function pathOf(shell: Shell | undefined, folder: string): string {
  if (shell === undefined) return process.env['PATH'] ?? '';
  const tools = join(folder, `tools-${shell}`);
  if (!existsSync(tools)) makeTools(tools, shell, 'curl');
  return tools;
}

/** Every process whose words name the folder: agents, what they wait with, and host programs. True once there is none. */
function endAll(folder: string): boolean {
  const found = processesNaming(folder);
  for (const { pid } of found) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It is gone already.
    }
  }
  return found.length === 0;
}

async function expectStatus<T extends { readonly status: number; readonly text: string }>(asked: Promise<T>, status: number): Promise<T> {
  const answer = await asked;
  if (answer.status !== status) throw new Error(`answered ${answer.status}: ${answer.text}`);
  return answer;
}

/** Lines of a file, none while it is not there. */
export function linesOf(file: string): readonly string[] {
  try {
    return readFileSync(file, 'utf8').split('\n').filter((line) => line !== '');
  } catch {
    return [];
  }
}
