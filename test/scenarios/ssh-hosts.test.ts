/** A whole release on hosts that are reached over ssh alone: ten network namespaces, each with its sshd (real-sshd.ts, namespaces.ts), behind HAProxy. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { askHosts } from '../../examples/demo/fleet.ts';
import { Traffic } from '../../examples/demo/traffic.ts';
import { makeKeys, startSshd, type Keys, type RealSshd } from '../drivers/executors/real-sshd.ts';
import { openNetwork, type Network } from '../../stack/namespaces.ts';
import { until } from '../support/until.ts';
import { openWholeStack, type WholeStack } from './whole-stack.ts';
import type { ReleaseAnswer } from '../../examples/demo/story.ts';

const HOSTS = 10;
const RELEASE_TIMEOUT_MS = 240_000;
const ENDED = new Set(['succeeded', 'rolled-back', 'rollback-incomplete', 'failed', 'aborted', 'rejected']);

let network: Network;
let keys: Keys;
let sshd: readonly RealSshd[] = [];
let stack: WholeStack;

beforeAll(async () => {
  network = openNetwork(HOSTS);
  keys = makeKeys();
  sshd = await Promise.all(network.hosts.map(({ address, inside }) => startSshd(keys, { at: { address, port: 22 }, inside })));
  stack = await openWholeStack(overSsh, { addresses: network.hosts.map(({ address }) => address) });
  for (const version of ['1.0.0', '2.0.0']) await stack.publish(version);
  await stack.publish('3.0.0', 'never-answer');
}, 240_000);
afterAll(async () => {
  await stack?.end();
  for (const one of sshd) await one.stop();
  network?.dispose();
  keys?.dispose();
}, 120_000);

/** The demo's documents, for hosts that have nothing in common with this machine but its disk. */
function overSsh(document: object): object {
  const { kind, name, address, run } = document as { readonly kind: string; readonly name: string; readonly address?: string; readonly run?: { readonly env: object } };
  if (kind === 'Application') return { ...document, run: { ...run, env: { ...run?.env, ADDRESS: '${host.address}' } } };
  const far = sshd.find((one) => one.address === address);
  if (kind !== 'Host' || far === undefined) return document;
  const { driver, root, identityFile, configFile, knownHostsFile } = far.host(name).executor as Extract<ReturnType<RealSshd['host']>['executor'], { driver: 'ssh' }>;
  return { ...document, executor: { driver, root, identityFile, configFile, knownHostsFile } };
}

async function ended(id: string): Promise<ReleaseAnswer> {
  let seen: ReleaseAnswer | null = null;
  await until(`the end of release ${id}`, async () => ENDED.has((seen = await stack.api.get<ReleaseAnswer>(`/v1/releases/${id}`)).status), RELEASE_TIMEOUT_MS).catch((error: unknown) => {
    throw new Error(`${String(error)}: ${JSON.stringify(seen).slice(0, 3000)}`);
  });
  return seen as unknown as ReleaseAnswer;
}

async function everybodyAnswers(version: string): Promise<void> {
  const answers = await askHosts(stack.fleet);
  expect(Object.values(answers).map((answer) => answer?.version)).toEqual(stack.fleet.hosts.map(() => version));
}

test('ten hosts over ssh: installed, released, a bad version taken back from the bastion, and rolled back, while users notice nothing', { timeout: 900_000 }, async () => {
  expect(await ended(await stack.release('1.0.0'))).toMatchObject({ status: 'succeeded' });
  await everybodyAnswers('1.0.0');
  for (const [index, far] of sshd.entries()) expect(readdirSync(join(far.folder, stack.fleet.hosts[index]?.name ?? '', 'program')), `programs of host ${index}`).toHaveLength(1);
  const traffic = new Traffic({ url: stack.url, perSecond: 20 });
  const second = await stack.release('2.0.0');
  expect(await ended(second)).toMatchObject({ status: 'succeeded' });
  await everybodyAnswers('2.0.0');
  expect(await ended(await stack.release('3.0.0'))).toMatchObject({ status: 'rolled-back' });
  await everybodyAnswers('2.0.0');
  const { release: back } = await stack.api.post<{ release: string }>(`/v1/releases/${second}/commands`, { type: 'rollback', to: '1.0.0', reason: 'it smells' });
  expect(await ended(back)).toMatchObject({ status: 'rolled-back' });
  await everybodyAnswers('1.0.0');
  const { failed, failures } = await traffic.stop();
  expect({ failed, failures }).toEqual({ failed: 0, failures: [] });
});
