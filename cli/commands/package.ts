/** `signalbox package add APP VERSION FILE|URI` registers an immutable version; a file is kept by the server and served to the hosts. */
import { createHash } from 'node:crypto';
import { createReadStream, openAsBlob } from 'node:fs';
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { Client } from '../client.ts';
import { Complaint } from '../complaint.ts';
import { EXIT } from '../exit-codes.ts';
import { addQuarantine } from './lift.ts';
import { remote } from '../shell.ts';
import type { RemoteFlags, Shell } from '../shell.ts';

interface PackageFlags extends RemoteFlags {
  readonly sha256?: string;
  readonly commit?: string;
  readonly build?: string;
  readonly branch?: string;
  readonly output?: string;
}

interface Stored {
  readonly uri: string;
  readonly sizeBytes: number | null;
  readonly sha256: string;
}

const UPLOAD_TIMEOUT_MS = 30 * 60_000;

export function addPackage(program: Command, shell: Shell): void {
  const packages = program.command('package').helpGroup('Inventory:').description('packages: immutable versions of applications');
  remote(
    packages
      .command('add <application> <version> <file-or-uri>')
      .description('register a version from a .tar.gz or .zip file (uploaded) or a URI (fetched once here to compute its sha256, unless --sha256 is given)')
      .option('--sha256 <digest>', 'the expected digest; a file must have it, a URI is then not fetched')
      .option('--commit <commit>', 'source commit it was built from')
      .option('--build <build>', 'CI build that made it')
      .option('--branch <branch>', 'source branch')
      .option('-o, --output <format>', 'json, or name for the package id alone'),
  ).action(shell.run((application: string, version: string, source: string, flags: PackageFlags) => addVersion({ application, version, source }, flags, shell)));
  addQuarantine(packages, shell);
}

async function addVersion(asked: { application: string; version: string; source: string }, flags: PackageFlags, shell: Shell): Promise<void> {
  const client = shell.client(flags);
  const { application, version, source } = asked;
  const stored = isUri(source) ? await fromUri(source, flags.sha256, shell) : await fromFile(source, flags.sha256, client, shell);
  const { commit, build, branch } = flags;
  const body = {
    application,
    version,
    uri: stored.uri,
    sha256: stored.sha256,
    ...(stored.sizeBytes === null ? {} : { sizeBytes: stored.sizeBytes }),
    source: { ...(commit === undefined ? {} : { commit }), ...(build === undefined ? {} : { build }), ...(branch === undefined ? {} : { branch }) },
  };
  const { body: answer, status } = await client.request<unknown>('POST', '/v1/packages', { body });
  if (flags.output === 'json') return shell.say(JSON.stringify(answer, null, 2));
  if (flags.output === 'name') return shell.say(`${application}@${version}`);
  shell.say(`package ${application}@${version} ${status === 200 ? 'was registered before, unchanged' : 'registered'}`, `  sha256 ${stored.sha256}`, `  uri    ${stored.uri}`);
}

function isUri(source: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(source);
}

/** The digest is computed before the upload: the server refuses bytes that do not match what was announced. */
async function fromFile(source: string, expected: string | undefined, client: Client, shell: Shell): Promise<Stored> {
  const path = resolve(shell.surroundings.cwd, source);
  const sizeBytes = await fileSize(path);
  const sha256 = await digestOf(createReadStream(path));
  expectDigest(source, expected, sha256);
  const { body } = await client.request<{ uri: string }>('PUT', `/v1/package-files/${sha256}`, { stream: () => openAsBlob(path), timeoutMs: UPLOAD_TIMEOUT_MS });
  return { uri: body.uri, sizeBytes, sha256 };
}

async function fileSize(path: string): Promise<number> {
  const found = await stat(path).catch(() => null);
  if (found === null || !found.isFile()) throw new Complaint(EXIT.usage, `${path} is not a file. Give a .tar.gz or .zip file, or a URI.`);
  if (found.size === 0) throw new Complaint(EXIT.usage, `${path} is empty.`);
  return found.size;
}

async function fromUri(uri: string, expected: string | undefined, shell: Shell): Promise<Stored> {
  if (expected !== undefined) return { uri, sizeBytes: null, sha256: expected };
  const url = new URL(uri);
  if (url.protocol === 'file:') {
    const sizeBytes = await fileSize(url.pathname);
    return { uri, sizeBytes, sha256: await digestOf(createReadStream(url)) };
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw new Complaint(EXIT.usage, `The digest of ${uri} cannot be computed here. Give it with --sha256.`);
  shell.note(`fetching ${uri} to compute its sha256`);
  const response = await fetch(uri, { signal: AbortSignal.timeout(UPLOAD_TIMEOUT_MS) }).catch((error: unknown) => {
    throw new Complaint(EXIT.usage, `${uri} cannot be fetched (${error instanceof Error ? error.message : String(error)}). Check it, or give --sha256.`);
  });
  if (!response.ok || response.body === null) throw new Complaint(EXIT.usage, `${uri} answered ${response.status}. Check it, or give --sha256.`);
  let sizeBytes = 0;
  const counted = async function* (bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of bytes) {
      sizeBytes += chunk.length;
      yield chunk;
    }
  };
  const sha256 = await digestOf(counted(response.body));
  return { uri, sizeBytes, sha256 };
}

async function digestOf(bytes: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of bytes) hash.update(chunk);
  return hash.digest('hex');
}

function expectDigest(source: string, expected: string | undefined, got: string): void {
  if (expected !== undefined && expected !== got) throw new Complaint(EXIT.usage, `${source} is not the expected file; nothing was sent.`, [`expected sha256 ${expected}`, `got             ${got}`]);
}
