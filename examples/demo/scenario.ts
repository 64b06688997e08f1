/** The demo: real processes behind a real balancer under steady traffic, released four times through the HTTP API. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createHaproxy } from '../../drivers/traffic/haproxy.ts';
import { endProcessesIn, type Ending } from '../../stack/children.ts';
import type { Guard } from '../../stack/guard.ts';
import type { Supervisor } from '../../stack/supervisor.ts';
import { demoApi, type DemoApi } from './api.ts';
import { prepareBalancer, type Balancer } from './balancer.ts';
import { bootFleet } from './boot.ts';
import { APPLICATION, askHosts, fleetDocuments, openFleet, POOL, type Fleet } from './fleet.ts';
import { BACKEND } from './haproxy.ts';
import { buildPackage } from './packages.ts';
import { CHAPTERS, complaintsAbout, FAILING_BATCH, touchedHosts, type Chapter, type ReleaseAnswer } from './story.ts';
import { Traffic } from './traffic.ts';

export interface DemoOptions {
  readonly dataDir: string;
  readonly supervisor: Pick<Supervisor, 'start'>;
  readonly guard: Pick<Guard, 'watchFolder'>;
  readonly log: (line: string) => void;
  readonly signal: AbortSignal;
  /** path of haproxy, null = the demo's own balancer; left out = looked for */
  readonly haproxy?: string | null;
}

export interface Demo {
  /** Tells the story; true when every chapter ended as it should and no request failed. Chapters of an earlier start are not told again. */
  readonly run: (api: { readonly url: string; readonly token: string }) => Promise<boolean>;
  readonly endTraffic: () => Promise<void>;
  /** only when no worker is left, which would start the applications again; the balancer belongs to the supervisor */
  readonly endHosts: () => Promise<void>;
}

/** Everything a chapter needs. */
interface Stage {
  readonly options: DemoOptions;
  readonly folder: string;
  readonly fleet: Fleet;
  readonly balancer: Balancer;
  readonly api: DemoApi;
}

const REQUESTS_PER_SECOND = 100;
const APPLICATION_ENDING: Ending = { signal: 'SIGTERM', timeoutMs: 5_000 };
const CHAPTER_TIMEOUT_MS = 300_000;
const TERMINAL: ReadonlySet<string> = new Set(['succeeded', 'rolled-back', 'rollback-incomplete', 'failed', 'aborted', 'rejected']);

/** Brings up machines and balancer, before the services: a release in flight finds its hosts as it left them. */
export async function openDemo(options: DemoOptions): Promise<Demo> {
  const folder = join(options.dataDir, 'demo');
  mkdirSync(folder, { recursive: true });
  const fleet = await openFleet(folder);
  options.guard.watchFolder(fleet.folder, APPLICATION_ENDING);
  // What a killed launcher and a killed guard left behind.
  await endProcessesIn(fleet.folder, APPLICATION_ENDING);
  const balancer = prepareBalancer({ folder, port: fleet.balancerPort, servers: fleet.hosts, ...(options.haproxy === undefined ? {} : { haproxy: options.haproxy }) });
  const booted = await bootFleet(fleet, options.log);
  try {
    await options.supervisor.start(balancer.service);
  } catch (error) {
    await endProcessesIn(fleet.folder, APPLICATION_ENDING);
    throw error;
  }
  options.log(`demo fleet: ${fleet.hosts.length} hosts behind ${balancer.kind} at ${balancer.url}${booted > 0 ? `, ${booted} applications started again` : ''}`);
  let traffic: Traffic | null = null;
  return {
    run: async ({ url, token }) => {
      const stage: Stage = { options, folder, fleet, balancer, api: demoApi({ url, token, signal: options.signal }) };
      return tellStory(stage, () => (traffic ??= new Traffic({ url: balancer.url, perSecond: REQUESTS_PER_SECOND })));
    },
    endTraffic: async () => {
      await traffic?.stop();
    },
    endHosts: async () => {
      await endProcessesIn(fleet.folder, APPLICATION_ENDING);
    },
  };
}

async function tellStory(stage: Stage, startTraffic: () => Traffic): Promise<boolean> {
  const { api, fleet, balancer, options } = stage;
  await api.post('/v1/apply', { documents: fleetDocuments(fleet, balancer.socket) });
  const memory = openMemory(stage.folder);
  const startedAt = new Date().toISOString();
  let isWell = true;
  for (const chapter of CHAPTERS) {
    // The next chapter takes the end of this one for granted.
    if (!isWell) break;
    await balancerAgrees(stage);
    // Before the first install there is nobody to answer.
    const traffic = Object.values(await askHosts(fleet)).some((answer) => answer !== null) ? startTraffic() : null;
    const complaints = await tellChapter({ stage, chapter, memory, startedAt, traffic });
    for (const complaint of complaints) options.log(`  ✖ ${complaint}`);
    isWell = complaints.length === 0;
  }
  const { total, failed, byVersion, failures } = startTraffic().counts();
  for (const failure of failures) options.log(`  ✖ ${failure}`);
  options.log(`demo: ${isWell && failed === 0 ? 'everything ended as it should' : 'not everything ended as it should'}; ${total} requests, ${failed} failed (${countsOf(byVersion)})`);
  return isWell && failed === 0;
}

interface Telling {
  readonly stage: Stage;
  readonly chapter: Chapter;
  readonly memory: Memory;
  readonly startedAt: string;
  readonly traffic: Traffic | null;
}

/** One release from its package to its end, with what was wrong with it. */
async function tellChapter({ stage, chapter, memory, startedAt, traffic }: Telling): Promise<readonly string[]> {
  const { api, fleet, options } = stage;
  const failingHost = chapter.behaviour === 'fail-on' ? (memory.failingHost() ?? memory.keepFailingHost(await hostOfFailingBatch(stage))) : null;
  await registerPackage(api, chapter, failingHost);
  const failedBefore = traffic?.counts().failed ?? 0;
  const before = await askHosts(fleet);
  const reason = `demo: ${chapter.title}`;
  const body = { pool: POOL, changes: [{ application: APPLICATION, version: chapter.version }], reason };
  const { id } = await api.post<{ id: string }>('/v1/releases', body, `demo-${memory.id}-${chapter.version}`);
  options.log(`release ${id}: ${chapter.title}`);
  const release = await untilEnded(stage, id);
  const isNew = release.createdAt >= startedAt;
  const witnesses = isNew ? { before, after: await askHosts(fleet) } : null;
  const complaints = complaintsAbout({ chapter, release, witnesses, failingHost, failedRequests: (traffic?.counts().failed ?? 0) - failedBefore });
  options.log(`  ${complaints.length === 0 ? '✔' : '✖'} ${release.status}${isNew ? ` after ${secondsOf(release)} s` : ' in an earlier start'}; touched: ${touchedHosts(release).join(', ')}${traffic === null ? '' : `; so far ${countsOf(traffic.counts().byVersion)}`}`);
  return complaints;
}

/** The API keeps the file and serves it to the hosts. */
async function registerPackage(api: DemoApi, chapter: Chapter, failingHost: string | null): Promise<void> {
  const built = buildPackage(chapter.version, chapter.behaviour === 'fail-on' ? `fail-on:${failingHost}` : chapter.behaviour);
  const { uri, sizeBytes } = await api.upload<{ uri: string; sizeBytes: number }>(`/v1/package-files/${built.sha256}`, built.content);
  await api.post('/v1/packages', { application: APPLICATION, version: chapter.version, uri, sha256: built.sha256, sizeBytes });
}

/** The plan says who will be in batch 2. */
async function hostOfFailingBatch({ api }: Stage): Promise<string> {
  const changes = [{ application: APPLICATION, version: '2.0.0' }];
  const { plan } = await api.post<{ plan: { batches: readonly { index: number; hosts: readonly string[] }[] } }>('/v1/plans', { pool: POOL, changes });
  const host = plan.batches.find(({ index }) => index === FAILING_BATCH)?.hosts[0];
  if (host === undefined) throw new Error(`The plan of ${POOL} has no batch ${FAILING_BATCH}.`);
  return host;
}

/** Reads the release until it has ended, telling each change of where it stands. */
async function untilEnded({ api, options }: Stage, id: string): Promise<ReleaseAnswer> {
  const deadline = Date.now() + CHAPTER_TIMEOUT_MS;
  let told = '';
  while (Date.now() < deadline) {
    const release = await api.get<ReleaseAnswer>(`/v1/releases/${id}`);
    const line = whereItStands(release);
    if (line !== told) options.log(`    ${line}`);
    told = line;
    if (TERMINAL.has(release.status)) return release;
    await delay(200, undefined, { signal: options.signal });
  }
  throw new Error(`Release ${id} has not ended within ${CHAPTER_TIMEOUT_MS / 1000} s; last seen: ${told}.`);
}

function whereItStands(release: ReleaseAnswer): string {
  const batch = release.batches.find(({ status }) => status === 'rolling' || status === 'baking');
  const failed = release.batches.flatMap(({ targets }) => targets).find(({ error }) => error !== null);
  const where = batch === undefined ? '' : ` · ${batch.kind === 'bastion' ? 'bastion' : `batch ${batch.index}`} ${batch.status} (${batch.targets.map(({ host }) => host).join(', ')})`;
  return `${release.status}${where}${failed?.error ? ` · ${failed.host}: ${failed.error.message}` : ''}`;
}

/** The balancer's first checks need a moment: until it sees the hosts as they are, a plan would count wrongly. */
async function balancerAgrees({ fleet, balancer, options }: Stage): Promise<void> {
  const driver = createHaproxy({ driver: 'haproxy', socket: balancer.socket, address: null, backend: BACKEND, server: '${host.name}', drainTimeoutSeconds: 1 });
  const names = fleet.hosts.map((host) => host.name);
  const deadline = Date.now() + 20_000;
  for (;;) {
    const [seen, answers] = await Promise.all([driver.observe(names, options.signal), askHosts(fleet)]);
    const differing = names.filter((name, index) => (seen[index]?.operational === 'up') !== (answers[name] !== null));
    if (differing.length === 0) return;
    if (Date.now() > deadline) throw new Error(`The balancer and the hosts ${differing.join(', ')} disagree about who is up. Look at ${balancer.url} and at the balancer's log.`);
    await delay(50, undefined, { signal: options.signal });
  }
}

/** What a second start must know again: keys that make its requests the same ones. */
interface Memory {
  readonly id: string;
  readonly failingHost: () => string | null;
  readonly keepFailingHost: (host: string) => string;
}

function openMemory(folder: string): Memory {
  const file = join(folder, 'story.json');
  const kept: { id: string; failingHost: string | null } = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : { id: randomBytes(8).toString('hex'), failingHost: null };
  const write = (): void => {
    writeFileSync(`${file}.new`, JSON.stringify(kept));
    renameSync(`${file}.new`, file);
  };
  write();
  return {
    id: kept.id,
    failingHost: () => kept.failingHost,
    keepFailingHost: (host) => {
      kept.failingHost = host;
      write();
      return host;
    },
  };
}

function secondsOf(release: ReleaseAnswer): string {
  return ((Date.parse(release.finishedAt ?? release.createdAt) - Date.parse(release.createdAt)) / 1000).toFixed(1);
}

function countsOf(byVersion: Readonly<Record<string, number>>): string {
  return Object.entries(byVersion).sort().map(([version, count]) => `${count} × ${version}`).join(', ') || 'no answers';
}
