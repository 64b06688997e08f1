/**
 * Bench: what a thousand agents that wait for work cost one API process and Postgres, how long a call through them takes, what as many
 * calls cost a worker's end while they wait for their answers, and what one real agent costs its host. Prints processor time and memory, and ends with 1 when a target is missed.
 */
import { createHash, randomBytes } from 'node:crypto';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { openDatabase, type Database } from '../db/client.ts';
import { createHostToken } from '../db/host-tokens.ts';
import { createAgentExecutor } from '../drivers/executors/agent.ts';
import { openGuard } from '../stack/guard.ts';
import { cleanEnvironment, nodeService } from '../stack/node-service.ts';
import { freePorts } from '../stack/ports.ts';
import { Supervisor } from '../stack/supervisor.ts';
import { openAgentLine } from '../worker/agent-line.ts';
import type { HostSpec } from '../domain/inventory.ts';
import { startRealAgent } from './agents/real-agent.ts';
import { startSimulatedAgents, type SimulatedAgents, type SimulatedHost } from './agents/simulated.ts';
import { openServers, type BenchServers } from './bench-servers.ts';
import { inLanes } from './executors/lanes.ts';
import { cpuMs, residentBytes } from './processes.ts';
import { median, verdict } from './statistics.ts';

const CLONE = dirname(dirname(fileURLToPath(import.meta.url)));
const HOST_PROGRAM = join(CLONE, 'host', 'signalbox-host');
const CALL_TIMEOUT_MS = 60_000;
const MEGABYTE = 1_048_576;
const SAMPLES = 10;
const TARGETS = { idleCores: 0.2, apiMegabytes: 300, callMs: 100, agentMegabytes: 20, waitingCores: 0.2 };

const { values } = parseArgs({ options: { agents: { type: 'string', default: '1000' }, seconds: { type: 'string', default: '60' }, calls: { type: 'string', default: '5' }, lanes: { type: 'string', default: '20' } } });
const [agents, seconds, calls, lanes] = [values.agents, values.seconds, values.calls, values.lanes].map(Number) as [number, number, number, number];

const guard = openGuard();
const supervisor = new Supervisor({ guard, log: () => undefined });
const servers = await openServers();
const db = openDatabase({ url: servers.databaseUrl, applicationName: 'signalbox-bench', max: 20 });
try {
  process.exitCode = await measure();
} finally {
  await db.close();
  await supervisor.endAll();
  await servers.close();
  guard.close();
}

async function measure(): Promise<number> {
  const [load = 0] = loadavg();
  if (load > 1) console.log(`the machine is busy (load ${load.toFixed(1)}): the figures are worse than they would be`);
  const hosts = await makeHosts(db, agents);
  const api = await startApi(servers);
  const simulated = startSimulatedAgents(api.url, hosts);
  try {
    await untilPolled(simulated, agents);
    const idle = await idleCost(api.pid);
    const latencies = await callAll(hosts);
    const apiMegabytes = residentBytes(api.pid) / MEGABYTE;
    await simulated.end();
    const waiting = await waitingCost(hosts);
    const real = await realAgentCost(api.url);
    console.log(`\n${agents} simulated agents on one API process; ${seconds} s idle, then ${calls} calls to each, ${lanes} at a time (N = ${latencies.length}); failures: ${simulated.failures()}`);
    console.log(`  idle: API ${(idle.apiCores * 100).toFixed(1)} % of a core and ${idle.apiMegabytes.toFixed(0)} MB, Postgres ${(idle.postgresCores * 100).toFixed(1)} % of a core, ${idle.pollsPerSecond.toFixed(1)} polls a second`);
    console.log(`  a call: median ${median(latencies).toFixed(1)} ms, 99th percentile ${quantile(latencies, 0.99).toFixed(1)} ms; API after it ${apiMegabytes.toFixed(0)} MB`);
    console.log(`  ${waiting.calls} calls that wait at once for ${seconds} s: ${(waiting.cores * 100).toFixed(1)} % of a core and ${waiting.megabytes.toFixed(1)} MB at the end that waits, Postgres ${(waiting.postgresCores * 100).toFixed(1)} % of a core`);
    console.log(`  one real agent that waits: ${real.processes} processes, ${real.proportionalMegabytes.toFixed(1)} MB (resident, shared parts counted in each: ${real.residentMegabytes.toFixed(1)} MB), N = ${real.samples}`);
    const verdicts = [
      verdict({ what: 'cores of the API while all agents wait', measured: idle.apiCores, max: TARGETS.idleCores, digits: 3 }),
      verdict({ what: 'megabytes of the API', measured: apiMegabytes, max: TARGETS.apiMegabytes, digits: 0 }),
      verdict({ what: 'median milliseconds of a call', measured: median(latencies), max: TARGETS.callMs, digits: 1 }),
      verdict({ what: 'cores at the end that waits for as many answers', measured: waiting.cores, max: TARGETS.waitingCores, digits: 3 }),
      verdict({ what: 'megabytes of a real agent that waits', measured: real.residentMegabytes, max: TARGETS.agentMegabytes, digits: 1 }),
      verdict({ what: 'polls and answers that failed', measured: simulated.failures(), max: 0, digits: 0 }),
    ];
    for (const { line } of verdicts) console.log(`  ${line}`);
    return verdicts.every(({ holds }) => holds) ? 0 : 1;
  } finally {
    await simulated.end();
  }
}

async function makeHosts(on: Database, count: number): Promise<readonly SimulatedHost[]> {
  const hosts = Array.from({ length: count }, (_, index) => ({ name: `host-${index}`, token: randomBytes(32).toString('hex') }));
  await inLanes(hosts, 10, ({ name, token }) => createHostToken(on, { name, host: name, hash: createHash('sha256').update(token).digest('hex') }));
  return hosts;
}

async function startApi({ databaseUrl, temporalAddress, namespace, folder }: BenchServers): Promise<{ readonly url: string; readonly pid: number }> {
  const [port = 0] = await freePorts(1);
  const url = `http://127.0.0.1:${port}`;
  const env = { ...cleanEnvironment(process.env), SIGNALBOX_DATABASE_URL: databaseUrl, SIGNALBOX_TEMPORAL_ADDRESS: temporalAddress, SIGNALBOX_NAMESPACE: namespace, SIGNALBOX_API_PORT: String(port), SIGNALBOX_DATA: folder };
  await supervisor.start(nodeService({ name: 'api', entry: join(CLONE, 'api', 'main.ts'), cwd: CLONE, env, logFile: join(folder, 'api.log'), readyUrl: `${url}/readyz` }));
  const pid = supervisor.running().find(({ name }) => name === 'api')?.pid;
  if (pid === undefined) throw new Error('The API did not start.');
  return { url, pid };
}

/** Each has asked at least once, and what starting cost is over. */
async function untilPolled(simulated: SimulatedAgents, count: number): Promise<void> {
  while (simulated.polls() < count) await delay(50);
  await delay(5_000);
}

async function idleCost(api: number) {
  const before = { api: cpuMs(api), postgres: cpuMs(servers.pids.postgres), polls: await pollsSoFar(), atMs: performance.now() };
  await delay(seconds * 1000);
  const wallMs = performance.now() - before.atMs;
  return {
    apiCores: (cpuMs(api) - before.api) / wallMs,
    postgresCores: (cpuMs(servers.pids.postgres) - before.postgres) / wallMs,
    apiMegabytes: residentBytes(api) / MEGABYTE,
    pollsPerSecond: ((await pollsSoFar()) - before.polls) / (wallMs / 1000),
  };
}

async function pollsSoFar(): Promise<number> {
  const { rows } = await db.pool.query<{ polls: number }>('select coalesce(sum(poll), 0)::bigint as polls from agents');
  return rows[0]?.polls ?? 0;
}

/** Milliseconds from asking to the answer, of every call. */
async function callAll(hosts: readonly SimulatedHost[]): Promise<readonly number[]> {
  const line = openAgentLine(db);
  const executor = createAgentExecutor({ hostProgram: HOST_PROGRAM, calls: line });
  const { signal } = new AbortController();
  const latencies: number[] = [];
  try {
    await inLanes(hosts, lanes, async ({ name }) => {
      for (let n = 0; n < calls; n += 1) {
        const askedMs = performance.now();
        await executor.run(hostOf(name), 'observe', { applications: '' }, { timeoutMs: CALL_TIMEOUT_MS, signal });
        latencies.push(performance.now() - askedMs);
      }
    });
  } finally {
    await line.close();
  }
  return latencies;
}

/** A call to every host at once, and no agent to take them: what waiting costs whoever waits, and Postgres. */
async function waitingCost(hosts: readonly SimulatedHost[]) {
  const line = openAgentLine(db);
  const executor = createAgentExecutor({ hostProgram: HOST_PROGRAM, calls: line });
  const ending = new AbortController();
  const residentBefore = residentBytes(process.pid);
  const calls = hosts.map(({ name }) => executor.run(hostOf(name), 'observe', { applications: '' }, { timeoutMs: CALL_TIMEOUT_MS + seconds * 1000, signal: ending.signal }));
  const ended = Promise.allSettled(calls);
  try {
    while ((await waitingCalls()) < hosts.length) await delay(50);
    const before = { usage: process.cpuUsage(), postgresMs: cpuMs(servers.pids.postgres), atMs: performance.now() };
    await delay(seconds * 1000);
    const wallMs = performance.now() - before.atMs;
    const { user, system } = process.cpuUsage(before.usage);
    return {
      calls: await waitingCalls(),
      cores: (user + system) / 1000 / wallMs,
      postgresCores: (cpuMs(servers.pids.postgres) - before.postgresMs) / wallMs,
      megabytes: (residentBytes(process.pid) - residentBefore) / MEGABYTE,
    };
  } finally {
    ending.abort(new Error('the bench has seen enough'));
    await ended;
    await line.close();
  }
}

async function waitingCalls(): Promise<number> {
  const { rows } = await db.pool.query<{ calls: number }>('select count(*)::int as calls from agent_calls where answered_at is null');
  return rows[0]?.calls ?? 0;
}

function hostOf(name: string): HostSpec {
  return { name, address: '127.0.0.1', zone: 'a', labels: {}, variables: {}, executor: { driver: 'agent', root: '/srv/signalbox' } };
}

async function realAgentCost(url: string) {
  const host = await makeRealHost();
  const agent = startRealAgent({ url, token: host.token, folder: servers.folder });
  try {
    while ((await db.pool.query('select 1 from agents where host = $1', [host.name])).rowCount === 0) await delay(50);
    const [proportional, resident]: [number[], number[]] = [[], []];
    for (let n = 0; n < SAMPLES; n += 1) {
      await delay(1_000);
      proportional.push(agent.proportionalBytes() / MEGABYTE);
      resident.push(agent.residentBytes() / MEGABYTE);
    }
    return { proportionalMegabytes: median(proportional), residentMegabytes: median(resident), processes: agent.processes(), samples: SAMPLES };
  } finally {
    agent.end();
  }
}

async function makeRealHost(): Promise<SimulatedHost> {
  const host = { name: 'real-host', token: randomBytes(32).toString('hex') };
  await createHostToken(db, { name: host.name, host: host.name, hash: createHash('sha256').update(host.token).digest('hex') });
  return host;
}

function quantile(samples: readonly number[], part: number): number {
  return samples.toSorted((one, other) => one - other)[Math.min(samples.length - 1, Math.floor(samples.length * part))] ?? Number.NaN;
}
