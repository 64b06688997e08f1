/** A release over two sites, one of which is cut off in the middle of it: real site workers, the hosts of each reached by its own alone. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { askHosts } from '../../examples/demo/fleet.ts';
import { Traffic } from '../../examples/demo/traffic.ts';
import { freePorts } from '../../stack/ports.ts';
import { OwnNetwork } from '../chaos/own-network.ts';
import { until } from '../support/until.ts';
import { newSiteKey, startSite, type SiteProcess } from '../worker/site-process.ts';
import { openWholeStack, type WholeStack } from './whole-stack.ts';
import type { ReleaseAnswer } from '../../examples/demo/story.ts';

const RELEASE_TIMEOUT_MS = 120_000;
/** A poll that was open when the line was cut counts for another minute. */
const FINDING_TIMEOUT_MS = 110_000;
const ENDED = new Set(['succeeded', 'rolled-back', 'rollback-incomplete', 'failed', 'aborted', 'rejected']);
const LINE = 'west';
/** The bastion is at east; the batch after it has one host of each site, and waits for a person before it begins. */
const STRATEGY = { kind: 'Strategy', name: 'two-sites', bastion: { hosts: ['demo-01'], bakeSeconds: 0, promote: 'manual' }, batches: { percent: [25], order: 'list', bakeSeconds: 0 }, postRelease: { watchSeconds: 0 } };
const WEST = new Set(['demo-02', 'demo-04', 'demo-06', 'demo-08']);

const key = newSiteKey();
const network = new OwnNetwork();
const sites: SiteProcess[] = [];
let folder: string;
let stack: WholeStack;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sites-'));
  stack = await openWholeStack(atSites, { siteKey: key });
  const [port = 0] = await freePorts(1);
  await network.link(LINE, port, stack.temporal);
  const worker = { taskQueue: 'signalbox', keys: [key], folder };
  sites.push(await startSite({ ...worker, site: 'east', address: stack.temporal }), await startSite({ ...worker, site: 'west', address: `127.0.0.1:${port}` }));
  for (const version of ['1.0.0', '2.0.0']) await stack.publish(version);
  await stack.api.post('/v1/apply', { documents: [STRATEGY] });
}, 180_000);
afterAll(async () => {
  for (const site of sites) await site.end('SIGKILL');
  await network.close();
  await stack?.end();
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

function atSites(document: object): object {
  const { kind, name } = document as { readonly kind: string; readonly name: string };
  return kind === 'Host' ? { ...document, site: WEST.has(name) ? 'west' : 'east' } : document;
}

const read = (id: string): Promise<ReleaseAnswer> => stack.api.get<ReleaseAnswer>(`/v1/releases/${id}`);

async function reached(id: string, what: string, is: (release: ReleaseAnswer) => boolean | Promise<boolean>): Promise<ReleaseAnswer> {
  let seen: ReleaseAnswer | null = null;
  await until(what, async () => is((seen = await read(id))), RELEASE_TIMEOUT_MS).catch((error: unknown) => {
    throw new Error(`${String(error)}: ${JSON.stringify(seen).slice(0, 3000)}`);
  });
  return seen as unknown as ReleaseAnswer;
}

const ended = (id: string): Promise<ReleaseAnswer> => reached(id, `the end of ${id}`, ({ status }) => ENDED.has(status));
const versionOf = async (host: string): Promise<string | undefined> => (await askHosts(stack.fleet))[host]?.version;
const findings = async (): Promise<readonly { readonly id: string; readonly repair: string }[]> => (await stack.api.get<{ items: readonly { id: string; repair: string }[] }>('/v1/findings?kind=site-silent')).items;

test('a site that is cut off in the middle of a release stops nobody else: its hosts wait and nothing is judged, that is a finding, and once it is back the release goes on by itself', { timeout: 600_000 }, async () => {
  expect(await ended(await stack.release('1.0.0', 'demo'))).toMatchObject({ status: 'succeeded' });
  const traffic = new Traffic({ url: stack.url, perSecond: 20 });
  const id = await stack.release('2.0.0', 'two-sites');
  await reached(id, 'the bastion is proven', ({ waiting }) => waiting?.sentence?.includes('promote') === true);
  expect(await findings()).toEqual([]);
  await network.spoil(LINE, 'cut');
  await stack.api.post(`/v1/releases/${id}/commands`, { type: 'promote', reason: 'on with it' });
  const waiting = await reached(id, 'it waits for the site', ({ waiting: why }) => why?.sentence?.includes('waits for site west') === true);
  expect(waiting.waiting?.sentence).toMatch(/^demo-02 waits for site west: .*(nobody took up|was lost).*\. Nothing is judged meanwhile; it goes on by itself when site west is back\.$/);
  // It is looked at before it is taken out, so it goes on serving as it did.
  expect((await stack.server('demo-02')).isDrained).toBe(false);
  await until('the host of the other site is released', async () => (await versionOf('demo-03')) === '2.0.0', RELEASE_TIMEOUT_MS);
  const [silent] = await until('the finding', async () => (await findings())[0] !== undefined && findings(), FINDING_TIMEOUT_MS);
  expect(silent).toMatchObject({ id: 'site-silent/west', repair: 'signalbox site-worker --site west' });
  const meanwhile = await read(id);
  expect(meanwhile.status).toBe('releasing');
  expect(meanwhile.batches.flatMap(({ targets }) => targets).filter(({ error }) => error !== null)).toEqual([]);
  expect(await versionOf('demo-02')).toBe('1.0.0');

  await network.heal();
  expect(await ended(id)).toMatchObject({ status: 'succeeded', failure: null });
  for (const { name } of stack.fleet.hosts) expect(stack.starts(name), name).toEqual(['1.0.0', '2.0.0']);
  await until('the finding is cleared', async () => (await findings()).length === 0, FINDING_TIMEOUT_MS);
  const { failed, failures } = await traffic.stop();
  expect({ failed, failures }).toEqual({ failed: 0, failures: [] });
});
