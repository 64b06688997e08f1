/** Hosts of a site, through a real worker process inside it and a real Temporal: the conformance suite, and what only this way can get wrong. */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { dependencyOf, verdictOn } from '../../activities/failures.ts';
import { siteKeys } from '../../activities/sealed-call.ts';
import { siteCallId } from '../../domain/site.ts';
import { ExecutorDown, HostUnreachable } from '../../drivers/executors/port.ts';
import { openExecutors } from '../../worker/release-worker.ts';
import { createSiteExecutor } from '../../worker/site-executor.ts';
import { freePorts } from '../../stack/ports.ts';
import { OwnNetwork } from '../chaos/own-network.ts';
import { executorConformance } from '../drivers/executors/conformance.ts';
import { devServer } from '../support/temporal.ts';
import { until } from '../support/until.ts';
import { makeSiteHosts, newSiteKey, startSite } from './site-process.ts';
import type { HostSpec } from '../../domain/inventory.ts';
import type { Executor, HostInput, HostVerb } from '../../drivers/executors/port.ts';
import type { SiteHosts, SiteProcess } from './site-process.ts';

const taskQueue = `test-sites-${randomBytes(4).toString('hex')}`;
const key = newSiteKey();
const network = new OwnNetwork();
const others: SiteProcess[] = [];
let connection: Connection;
let client: Client;
let hosts: SiteHosts;
let east: SiteProcess;
let executor: Executor;

const reach = (keys: readonly string[] = [key]): Executor => createSiteExecutor({ client, taskQueue, keys: keys.length === 0 ? null : siteKeys(keys) });

async function another(site: string, change: { readonly address?: string; readonly keys?: readonly string[] } = {}): Promise<SiteProcess> {
  const made = await startSite({ site, taskQueue, keys: [key], folder: hosts.folder, ...change });
  others.push(made);
  return made;
}

beforeAll(async () => {
  const { address, namespace } = devServer();
  connection = await Connection.connect({ address });
  client = new Client({ connection, namespace });
  hosts = makeSiteHosts();
  east = await startSite({ site: 'east', taskQueue, keys: [key], folder: hosts.folder });
  executor = reach();
});
afterEach(async () => {
  await network.heal();
  for (const one of others.splice(0)) await one.end('SIGKILL');
});
afterAll(async () => {
  await east?.end();
  await network.close();
  hosts?.dispose();
  await connection?.close();
});

executorConformance('through a site', async () => ({ executor, host: hosts.host('east'), dispose: () => undefined }));

const run = (host: HostSpec, verb: HostVerb, input: HostInput, more: { readonly timeoutMs?: number; readonly signal?: AbortSignal; readonly by?: Executor } = {}) =>
  (more.by ?? executor).run(host, verb, input, { timeoutMs: more.timeoutMs ?? 20_000, signal: more.signal ?? new AbortController().signal });
const step = (name: string): HostInput => ({ opId: `r-1/1/host-1/web/${name}/forward/0`, epoch: '1', application: 'web' });
const hook = (host: HostSpec, name: string, script: string): HostInput => ({ ...step(`${host.executor.root}/${name}`), at: 'x', 'command.0': '/bin/sh', 'command.1': '-c', 'command.2': script, timeoutSeconds: '30', idempotent: 'false' });
const mark = (host: HostSpec, name: string): string => join(host.executor.root, name);
const linesOf = (host: HostSpec, name: string): string => (existsSync(mark(host, name)) ? readFileSync(mark(host, name), 'utf8') : '');
/** A hook that counts its runs in `mark`, and ends once it is told to. */
const onceUntilTold = (host: HostSpec): HostInput => hook(host, 'told', `echo once >> ${mark(host, 'mark')}; while [ ! -e ${mark(host, 'go')} ]; do sleep 0.05; done; echo end > ${mark(host, 'end')}`);
const tell = (host: HostSpec): void => writeFileSync(mark(host, 'go'), '');
const failureOf = (call: Promise<unknown>): Promise<unknown> => call.then(() => null, (error: unknown) => error);
const downAt = (site: string, message: RegExp) => expect.objectContaining({ name: 'ExecutorDown', plane: `site ${site}`, message: expect.stringMatching(message) });

test('hosts that name a site go through it, whatever their executor, and all others never do', async () => {
  const executors = openExecutors({ sshAgent: null }, { site: executor });
  const { site: _site, ...here } = hosts.host('east');
  expect(executors.executorFor(hosts.host('east'))).toBe(executor);
  expect(executors.executorFor(here).driver).toBe('local');
  const unreachable = openExecutors({ sshAgent: null });
  expect(await failureOf(run(hosts.host('east'), 'observe', {}, { by: unreachable.executorFor(hosts.host('east')) }))).toEqual(downAt('east', /cannot reach sites/));
  await Promise.all([executors.close(), unreachable.close()]);
});

describe('a site that is away', () => {
  test('nobody works there: ExecutorDown that names the site and how to start a worker, however short the time of the host', async () => {
    const error = await failureOf(run(hosts.host('nowhere'), 'observe', { applications: 'web' }, { timeoutMs: 1_500 }));
    expect(error).toBeInstanceOf(ExecutorDown);
    expect(dependencyOf(error)).toMatchObject({ dependency: 'site nowhere' });
    expect(verdictOn(error, 'host-1')).toBeNull();
    expect(error).toEqual(downAt('nowhere', /nobody took up observe on host-1 .* signalbox site-worker --site nowhere$/));
  });

  test('its worker is killed in the middle of a call: ExecutorDown, and the next one of the same step finds it done once', async () => {
    const host = hosts.host('killed');
    const site = await another('killed');
    const call = failureOf(run(host, 'hook', onceUntilTold(host)));
    await until('the hook runs', () => linesOf(host, 'mark') !== '');
    await site.end('SIGKILL');
    expect(await call).toEqual(downAt('killed', /was lost, or its line is cut/));
    tell(host);
    await another('killed');
    expect(await run(host, 'hook', onceUntilTold(host))).toMatchObject({ ok: true, result: { status: 0 } });
    expect(linesOf(host, 'mark')).toBe('once\n');
  });

  test.each(['cut', 'hang'] as const)('its line to Temporal is spoilt (%s) and the answer of a call is lost: other sites work on, and once the line is back the step is found done once', async (toxic) => {
    const [port = 0] = await freePorts(1);
    await network.link(toxic, port, devServer().address);
    const host = hosts.host(toxic);
    await another(toxic, { address: `127.0.0.1:${port}` });
    const call = failureOf(run(host, 'hook', onceUntilTold(host)));
    await until('the hook runs', () => linesOf(host, 'mark') !== '');
    await network.spoil(toxic, toxic);
    tell(host);
    await until('the hook has ended', () => linesOf(host, 'end') !== '');
    expect(await call).toEqual(downAt(toxic, /was lost, or its line is cut/));
    expect(await failureOf(run(host, 'hook', onceUntilTold(host)))).toEqual(downAt(toxic, /nobody took up|was lost/));
    expect(await run(hosts.host('east'), 'observe', { applications: 'web' })).toMatchObject({ ok: true });
    await network.heal();
    const back = await until('the site is back', () => run(host, 'hook', onceUntilTold(host)).catch(() => null), 40_000);
    expect(back).toMatchObject({ ok: true, repeated: true, result: { status: 0 } });
    expect(linesOf(host, 'mark')).toBe('once\n');
  });
});

describe('a call to a site', () => {
  test('asked for again while it runs is the same call: both get its one answer', async () => {
    const host = hosts.host('east');
    const first = run(host, 'hook', onceUntilTold(host));
    await until('the hook runs', () => linesOf(host, 'mark') !== '');
    const second = run(host, 'hook', onceUntilTold(host));
    const id = siteCallId({ host: host.name, verb: 'hook', input: onceUntilTold(host) }, '');
    const { activityRunId } = await client.activity.getHandle(id).describe();
    tell(host);
    expect(await first).toMatchObject({ ok: true, repeated: false });
    expect(await second).toMatchObject({ ok: true, repeated: true });
    expect((await client.activity.getHandle(id).describe()).activityRunId).toBe(activityRunId);
    expect(await run(host, 'hook', onceUntilTold(host))).toMatchObject({ ok: true, repeated: true });
    expect(linesOf(host, 'mark')).toBe('once\n');
  });

  test('that nobody waits for any more is cancelled at the site, and one that waits for the same goes on', async () => {
    const host = hosts.host('east');
    const leaving = new AbortController();
    const left = failureOf(run(host, 'hook', onceUntilTold(host), { signal: leaving.signal }));
    await until('the hook runs', () => linesOf(host, 'mark') !== '');
    const handle = client.activity.getHandle(siteCallId({ host: host.name, verb: 'hook', input: onceUntilTold(host) }, ''));
    const { activityRunId } = await handle.describe();
    const staying = run(host, 'hook', onceUntilTold(host));
    leaving.abort(new Error('aborted by test'));
    expect(await left).toMatchObject({ message: 'aborted by test' });
    await until('the first run is cancelled', async () => (await client.activity.getHandle(handle.activityId, activityRunId).describe()).status === 'CANCELED');
    tell(host);
    expect(await staying).toMatchObject({ ok: true, result: { status: 0 } });
    expect(linesOf(host, 'mark')).toBe('once\n');
  });

  test('brings what the executor there says in its own words: a host that does not answer, what the site lacks, and what no host takes', async () => {
    const ssh = { driver: 'ssh', root: '/srv/x', user: null, port: 1, identityFile: null, certificateFile: null, configFile: null, knownHostsFile: null, jump: [] } as const;
    const away = await failureOf(run({ ...hosts.host('east'), executor: ssh }, 'observe', { applications: 'web' }));
    expect(away).toBeInstanceOf(HostUnreachable);
    expect(away).toMatchObject({ host: 'host-1', message: expect.stringContaining('refused the connection') });
    const keyless = await failureOf(run({ ...hosts.host('east'), executor: { ...ssh, identityFile: '/nowhere/id' } }, 'observe', { applications: 'web' }));
    expect(keyless).toBeInstanceOf(ExecutorDown);
    expect(keyless).toEqual(downAt('east', /^\/nowhere\/id, which executor.identityFile of host-1 names, cannot be read/));
    const wrong = await failureOf(run(hosts.host('east'), 'stop', { 'no name': 'x' }));
    expect(wrong).toBeInstanceOf(TypeError);
    expect(wrong).toMatchObject({ message: expect.stringContaining('"no name" is not a name') });
  });
});

describe('what Temporal keeps of a call', () => {
  test('holds neither the environment of an application nor its log, going or coming', async () => {
    const host = hosts.host('east');
    const secret = `pa55-${randomBytes(8).toString('hex')}`;
    const configure = { ...step('configure'), opId: `${host.executor.root}/configure`, version: '1.0.0', 'command.0': '/bin/true', 'env.PASSWORD': secret, stopTimeoutSeconds: '2' };
    const told = hook(host, 'tell', `echo ${secret}`);
    await run(host, 'configure', configure);
    expect(await run(host, 'hook', told)).toMatchObject({ ok: true, result: { log: `${secret}\n` } });
    for (const [verb, input] of [['configure', configure], ['hook', told]] as const) {
      const activityId = siteCallId({ host: host.name, verb, input }, '');
      const kept = await client.workflowService.describeActivityExecution({ namespace: devServer().namespace, activityId, includeInput: true, includeOutcome: true, includeHeartbeatDetails: true, includeLastFailure: true });
      const bytes = Buffer.concat([...(kept.input?.payloads ?? []), ...(kept.outcome?.result?.payloads ?? [])].map(({ data }) => Buffer.from(data ?? [])));
      expect(kept.outcome?.result?.payloads, `${verb} ended well`).toHaveLength(1);
      expect(bytes.length).toBeGreaterThan(300);
      for (const text of [secret, 'PASSWORD', Buffer.from(secret).toString('base64').slice(0, 16)]) {
        expect(bytes.includes(text), `${verb} holds ${text}`).toBe(false);
        expect(JSON.stringify(kept), `${verb} holds ${text}`).not.toContain(text);
      }
    }
  });

  test('is of no use at another site, and is opened by no other key: the site that has another one is waited for', async () => {
    const host = hosts.host('foreign');
    await another('foreign', { keys: [newSiteKey()] });
    expect(await failureOf(run(host, 'observe', { applications: 'web' }))).toEqual(downAt('foreign', /cannot open what it is sent: it was closed with key [0-9a-f]{8}, and here are only [0-9a-f]{8}\. Give both sides/));
    const none = await failureOf(run(host, 'observe', { applications: 'web' }, { by: reach([]) }));
    expect(none).toEqual(downAt('foreign', /has no key for sites; give it SIGNALBOX_SITE_KEY_FILE/));
  });

  test('keys are exchanged one side after the other without a call lost', async () => {
    const [old, young] = [newSiteKey(), newSiteKey()];
    const host = hosts.host('exchange');
    await another('exchange', { keys: [old, young] });
    for (const keys of [[old], [old, young], [young, old], [young]]) {
      const answer = run(host, 'observe', { applications: 'web' }, { by: reach(keys) });
      if (keys.includes(old)) expect(await answer).toMatchObject({ ok: true });
      else expect(await failureOf(answer)).toEqual(downAt('exchange', /cannot open|closed with key/));
    }
  });
});

describe('the process', () => {
  test('without a key, or without the name of its site, says so and ends', async () => {
    await expect(startSite({ site: 'east', taskQueue, keys: [], folder: hosts.folder })).rejects.toThrow('SIGNALBOX_SITE_KEY is missing');
    await expect(startSite({ site: 'No Name', taskQueue, keys: [key], folder: hosts.folder })).rejects.toThrow('usage: signalbox site-worker --site NAME');
    await expect(startSite({ site: 'east', taskQueue, keys: ['short'], folder: hosts.folder })).rejects.toThrow('SIGNALBOX_SITE_KEY must be 32 bytes in base64');
  });

  test('ends in order on SIGTERM', async () => {
    const site = await another('short-lived');
    expect(await site.end('SIGTERM')).toBe(0);
  });
});
