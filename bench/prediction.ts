/**
 * Process: does a release take as long as its plan said? The demo fleet is released again and again; before each release the plan is
 * asked for, afterwards its middle estimate is compared with what the release took. Ends with 1 when the target is missed.
 */
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { demoApi } from '../examples/demo/api.ts';
import { prepareBalancer } from '../examples/demo/balancer.ts';
import { APPLICATION, fleetDocuments, openFleet, POOL } from '../examples/demo/fleet.ts';
import { buildPackage } from '../examples/demo/packages.ts';
import { endProcessesIn } from '../stack/children.ts';
import { freePorts } from '../stack/ports.ts';
import { bringUp } from '../stack/stack.ts';
import { awaitSuccess } from './awaited-release.ts';
import { median, verdict } from './statistics.ts';
import type { DemoApi } from '../examples/demo/api.ts';
import type { Balancer } from '../examples/demo/balancer.ts';
import type { Fleet } from '../examples/demo/fleet.ts';
import type { Ending } from '../stack/children.ts';
import type { BeforeServices, Stack } from '../stack/stack.ts';

const ERROR_MAX = 0.2;
const APPLICATION_ENDING: Ending = { signal: 'SIGTERM', timeoutMs: 5_000 };

interface Compared {
  readonly p50Seconds: number;
  readonly p90Seconds: number;
  readonly measuredSeconds: number;
}

const started = Date.now();
const ending = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => ending.abort());

process.exitCode = await main();
process.exit();

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { releases: { type: 'string', default: '20' } } });
  const releases = Number(values.releases);
  if (!Number.isInteger(releases) || releases < 1) throw new Error('--releases must be a whole number from 1');
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-prediction-'));
  // Postgres runs as another user where the bench is root, and has to reach its own folder.
  chmodSync(folder, 0o755);
  const parts: { fleet: Fleet; balancer: Balancer }[] = [];
  try {
    const stack = await bringUp(await argumentsIn(folder), {
      log: say,
      signal: ending.signal,
      beforeServices: async (before) => void parts.push(await openParts(folder, before)),
      beforeEnd: async () => undefined,
      afterServices: async () => {
        for (const { fleet } of parts) await endProcessesIn(fleet.folder, APPLICATION_ENDING);
      },
    });
    try {
      const [first] = parts;
      if (first === undefined) throw new Error('The fleet was not opened.');
      return report(await compareAll(stack, first, releases));
    } finally {
      await stack.end();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Everything on ports of its own, beside whatever runs on this machine. */
async function argumentsIn(folder: string): Promise<Parameters<typeof bringUp>[0]> {
  const [apiPort = 0, temporalPort = 0, uiPort = 0] = await freePorts(3);
  return { dataDir: join(folder, 'data'), apiPort, temporalPort, uiPort, postgresPort: null, databaseUrl: null, temporalAddress: null, demo: false, once: true };
}

async function openParts(folder: string, { supervisor, guard }: BeforeServices): Promise<{ fleet: Fleet; balancer: Balancer }> {
  const place = join(folder, 'demo');
  mkdirSync(place, { recursive: true });
  const fleet = await openFleet(place);
  guard.watchFolder(fleet.folder, APPLICATION_ENDING);
  const balancer = prepareBalancer({ folder: place, port: fleet.balancerPort, servers: fleet.hosts });
  await supervisor.start(balancer.service);
  return { fleet, balancer };
}

/** The first install is not compared: empty machines are no fleet that runs. */
async function compareAll(stack: Stack, { fleet, balancer }: { readonly fleet: Fleet; readonly balancer: Balancer }, releases: number): Promise<readonly Compared[]> {
  const api = demoApi({ url: stack.apiUrl, token: stack.adminToken, signal: ending.signal });
  await api.post('/v1/apply', { documents: fleetDocuments(fleet, balancer.socket) });
  await compare(api, '1.0.0');
  const compared: Compared[] = [];
  for (let count = 1; count <= releases; count++) {
    const one = await compare(api, `${count + 1}.0.0`);
    compared.push(one);
    say(`release ${count}: p50 ${one.p50Seconds.toFixed(1)} s, p90 ${one.p90Seconds.toFixed(1)} s, measured ${one.measuredSeconds.toFixed(1)} s: off by ${(errorOf(one) * 100).toFixed(1)} %`);
  }
  return compared;
}

async function compare(api: DemoApi, version: string): Promise<Compared> {
  const built = buildPackage(version);
  const { uri, sizeBytes } = await api.upload<{ uri: string; sizeBytes: number }>(`/v1/package-files/${built.sha256}`, built.content);
  await api.post('/v1/packages', { application: APPLICATION, version, uri, sha256: built.sha256, sizeBytes });
  const asked = { pool: POOL, changes: [{ application: APPLICATION, version }] };
  const { id: plan, simulation } = await api.post<{ id: string; simulation: { p50Seconds: number; p90Seconds: number } }>('/v1/plans', asked);
  const { id } = await api.post<{ id: string }>('/v1/releases', { ...asked, plan });
  const { createdAtMs, finishedAtMs } = await awaitSuccess(api, id);
  return { ...simulation, measuredSeconds: (finishedAtMs - createdAtMs) / 1000 };
}

function report(compared: readonly Compared[]): number {
  const { holds, line } = verdict({ what: `|p50 − measured| / measured, median of ${compared.length} releases`, measured: median(compared.map(errorOf)), max: ERROR_MAX, digits: 3 });
  const within = compared.filter(({ p90Seconds, measuredSeconds }) => measuredSeconds <= p90Seconds).length;
  console.log(`\n  ${line}\n  ${within} of ${compared.length} releases took no longer than their p90`);
  return holds ? 0 : 1;
}

function errorOf({ p50Seconds, measuredSeconds }: Compared): number {
  return Math.abs(p50Seconds - measuredSeconds) / measuredSeconds;
}

function say(line: string): void {
  console.log(`[${((Date.now() - started) / 1000).toFixed(1).padStart(6)} s] ${line}`);
}
