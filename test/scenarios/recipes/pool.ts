/** A pool of two hosts for an application of one recipe, beside the stack's own fleet, and what a release leaves on them. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { tar } from '../../../examples/demo/tar.ts';
import { freePorts } from '../../../stack/ports.ts';
import { until } from '../../support/until.ts';
import type { TarFile } from '../../../examples/demo/tar.ts';
import type { WholeStack } from '../whole-stack.ts';

export interface PoolHost {
  readonly name: string;
  /** what its executor calls root */
  readonly root: string;
  readonly port: number;
}

/** Content by name; a name that ends with `*` may be run. */
export type Files = Readonly<Record<string, string | Buffer>>;

export interface Release {
  readonly id: string;
  readonly status: string;
  readonly failure: { readonly message: string } | null;
  readonly paused: { readonly cause: string; readonly reason: string } | null;
  readonly batches: readonly { readonly targets: readonly { readonly host: string; readonly status: string; readonly error: { readonly code: string; readonly step: string; readonly class: string; readonly message: string } | null }[] }[];
}

export interface RecipePool {
  readonly application: string;
  readonly hosts: readonly PoolHost[];
  publish: (version: string, files: Files) => Promise<void>;
  /** asks for a release and waits for its end, or until it is paused */
  release: (version: string) => Promise<Release>;
  /** waits until that is so of a release */
  reached: (id: string, what: string, done: (release: Release) => boolean) => Promise<Release>;
  /** what is in force on each host by its own files: the link and the bytes of its configuration */
  inForce: () => readonly (readonly [string, string | null, string | null])[];
  errors: (release: Release) => readonly string[];
}

const ENDED = ['succeeded', 'failed', 'rolled-back', 'rollback-incomplete', 'aborted', 'rejected'];

export interface PoolAsked {
  /** of the application, without its kind and name */
  readonly application: object;
  /** variables of each host besides its port */
  readonly variables?: (host: PoolHost) => Readonly<Record<string, string>>;
  readonly strategy?: object;
  /** how the hosts are reached; absent: local */
  readonly driver?: 'local' | 'agent';
}

export async function openRecipePool(stack: WholeStack, name: string, { application, variables = () => ({}), strategy = {}, driver = 'local' }: PoolAsked): Promise<RecipePool> {
  const ports = await freePorts(2);
  const hosts = ports.map((port, index): PoolHost => ({ name: `${name}-${index + 1}`, root: join(stack.fleet.folder, `${name}-${index + 1}`), port }));
  for (const host of hosts) mkdirSync(host.root, { recursive: true });
  await stack.api.post('/v1/apply', {
    documents: [
      { kind: 'Application', name, ...application },
      ...hosts.map((host) => ({ kind: 'Host', name: host.name, address: '127.0.0.1', zone: 'z', executor: { driver, root: host.root }, variables: { port: String(host.port), ...variables(host) } })),
      { kind: 'Strategy', name, bastion: { count: 1, bakeSeconds: 0 }, batches: { percent: [33], bakeSeconds: 0 }, postRelease: { watchSeconds: 0 }, ...strategy },
      { kind: 'Pool', name, environment: 'prod', applications: [name], hosts: hosts.map((host) => host.name), capacity: { minInServicePercent: 50 }, traffic: { driver: 'none' }, strategy: name, busy: 'queue' },
    ],
  });
  const reached = async (id: string, what: string, done: (release: Release) => boolean): Promise<Release> => {
    let seen: Release | null = null;
    return until(what, async () => {
      seen = await stack.api.get<Release>(`/v1/releases/${id}`);
      return done(seen) && seen;
    }, 120_000).catch((error: unknown) => {
      throw new Error(`${String(error)}: ${JSON.stringify(seen).slice(0, 3_000)}`);
    });
  };
  return {
    application: name,
    hosts,
    reached,
    publish: async (version, files) => {
      const content = packed(files);
      const sha256 = createHash('sha256').update(content).digest('hex');
      const { uri, sizeBytes } = await stack.api.upload<{ uri: string; sizeBytes: number }>(`/v1/package-files/${sha256}`, content);
      await stack.api.post('/v1/packages', { application: name, version, uri, sha256, sizeBytes });
    },
    release: async (version) => {
      const { id } = await stack.api.post<{ id: string }>('/v1/releases', { pool: name, changes: [{ application: name, version }], reason: 'scenario' }, `${name}-${version}`);
      return reached(id, `${name} ${version} has ended`, (release) => ENDED.includes(release.status) || release.paused !== null);
    },
    inForce: () => hosts.map(({ name: host, root }) => {
      const home = join(root, name);
      return [host, existsSync(join(home, 'current')) ? readlinkSync(join(home, 'current')) : null, existsSync(join(home, 'config')) ? readFileSync(join(home, 'config'), 'utf8') : null];
    }),
    errors: ({ batches }) => batches.flatMap(({ targets }) => targets.flatMap(({ host, error }) => (error === null ? [] : [`${host} ${error.step} ${error.code}`]))),
  };
}

function packed(files: Files): Buffer {
  const entries = Object.entries(files).map(([name, content]): TarFile => ({ name: name.replace(/\*$/, ''), content: Buffer.from(content as string), mode: name.endsWith('*') ? 0o755 : 0o644 }));
  return gzipSync(tar(entries));
}
