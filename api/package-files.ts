/** Files that people hand to the API: kept under their SHA-256, given out to hosts under an address nobody can guess. */
import { createHash, createHmac, randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { constants, createWriteStream } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { access, chmod, link, mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import type { Response } from 'express';
import { sameText } from './auth.ts';
import { mediaType } from './body.ts';
import { PACKAGE_FILES } from './package-uri.ts';
import { Problem, invalid, notFound } from './problem.ts';
import { ANSWERED, operation } from './route.ts';
import { Sha256 } from './schemas/text.ts';
import type { ApiDeps } from './deps.ts';
import type { Operation } from './route.ts';

const BYTES_MAX = 4 * 1024 ** 3;
const MEDIA_TYPES = ['application/octet-stream', 'application/gzip', 'application/zip'];
const FileAnswer = z.strictObject({ uri: z.string(), sha256: Sha256, sizeBytes: z.int() }).meta({ id: 'PackageFile' });
const FileKey = z.string().max(128).regex(/^[0-9a-f]{64}(?:\.tar\.gz|\.zip)$/, 'must be the key of a kept file');

export function putPackageFile(deps: ApiDeps): Operation {
  const folder = packageFolder(deps);
  return {
    summary: 'Keep a package file for hosts to fetch',
    description: 'The body is the file. Answers the URI to register with POST /v1/packages. The same file again answers 200.',
    tag: 'packages',
    path: { sha256: Sha256 },
    headers: { 'Content-Type': MEDIA_TYPES.join(', ') },
    body: { kind: 'bytes' },
    answers: { 200: { description: 'kept already', schema: FileAnswer }, 201: { description: 'kept', schema: FileAnswer } },
    problems: [413, 415, 422],
    async handle(call) {
      const sha256 = call.path['sha256'] ?? '';
      if (!MEDIA_TYPES.includes(mediaType(call.request))) throw new Problem('media-type', `The body must be ${MEDIA_TYPES.join(' or ')}.`);
      const file = join(folder, sha256);
      const known = await exists(file);
      const received = await receive(call.request, folder, deps.packageFileBytesMax ?? BYTES_MAX).catch(diskFull);
      try {
        refuseWrongFile(received, sha256);
        await rename(received.path, file);
      } finally {
        await rm(received.path, { force: true });
      }
      const uri = `${deps.config.publicUrl.replace(/\/$/, '')}${PACKAGE_FILES}${sha256}/${await keyOf(deps, sha256)}${received.format}`;
      return { status: known ? 200 : 201, body: { uri, sha256, sizeBytes: received.bytes } };
    },
  };
}

/** No token: hosts hold none. The key in the path is an HMAC of the digest, so only who was given the address can read the file. */
export function getPackageFile(deps: ApiDeps): Operation {
  const folder = packageFolder(deps);
  return operation({
    summary: 'Fetch a kept package file (hosts do)',
    description: 'The key stands for a token. Ranges and conditional requests are answered.',
    tag: 'packages',
    path: { sha256: Sha256, key: FileKey },
    headers: { Range: 'bytes' },
    answers: {
      200: { description: 'the file', schema: z.string(), contentTypes: ['application/octet-stream'] },
      206: { description: 'the range asked for', schema: z.string(), contentTypes: ['application/octet-stream'] },
      304: { description: 'unchanged' },
    },
    problems: [404, 412, 416],
    async handle(call) {
      const sha256 = call.path['sha256'] ?? '';
      const given = (call.path['key'] ?? '').slice(0, 64);
      if (!sameText(given, await keyOf(deps, sha256)) || !(await exists(join(folder, sha256)))) throw notFound('kept file', sha256);
      await sendKept(call.response as Response, folder, sha256);
      return ANSWERED;
    },
  });
}

interface Received {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly format: '.tar.gz' | '.zip' | null;
}

/** Streams the body to a file of its own, synced before it counts. Throws a 413 Problem over the limit; leaves nothing behind then. */
async function receive(request: IncomingMessage, folder: string, bytesMax: number): Promise<Received> {
  if (Number(request.headers['content-length'] ?? 0) > bytesMax) throw tooLarge(bytesMax);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, `.incoming-${randomUUID()}`);
  const hash = createHash('sha256');
  const out = createWriteStream(path, { mode: 0o600, flush: true });
  let bytes = 0;
  let head = Buffer.alloc(0);
  try {
    await once(out, 'open');
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > bytesMax) throw tooLarge(bytesMax);
      if (head.length < 4) head = Buffer.concat([head, chunk.subarray(0, 4)]);
      hash.update(chunk);
      if (!out.write(chunk)) await once(out, 'drain');
    }
    if (request.complete === false) throw new Problem('unparsable', 'The request ended before its body did.');
    out.end();
    await once(out, 'close');
    if (out.errored) throw out.errored;
    return { path, bytes, sha256: hash.digest('hex'), format: formatOf(head) };
  } catch (error) {
    out.destroy();
    await rm(path, { force: true });
    throw error;
  }
}

function formatOf(head: Buffer): Received['format'] {
  if (head[0] === 0x1f && head[1] === 0x8b) return '.tar.gz';
  return head.subarray(0, 2).toString('latin1') === 'PK' ? '.zip' : null;
}

function refuseWrongFile(received: Received, expected: string): void {
  if (received.sha256 !== expected) throw invalid([{ in: 'path', pointer: '/sha256', message: `expected ${expected}, got ${received.sha256} over ${received.bytes} bytes` }]);
  if (received.format === null) throw invalid([{ in: 'body', pointer: '', message: 'must be a .tar.gz or a .zip file' }]);
}

function tooLarge(bytesMax: number): Problem {
  return new Problem('too-large', { detail: `A package file must be at most ${bytesMax} bytes.`, headers: { Connection: 'close' } });
}

function diskFull(error: unknown): never {
  const code = error instanceof Error && 'code' in error ? error.code : null;
  if (code === 'ENOSPC' || code === 'EDQUOT') throw new Problem('unavailable', 'The data folder of the API is full; nothing was kept. Free some space or set SIGNALBOX_DATA to another place.');
  throw error;
}

function sendKept(response: Response, folder: string, sha256: string): Promise<void> {
  const { promise, resolve: done, reject } = Promise.withResolvers<void>();
  const headers = { 'Content-Type': 'application/octet-stream', ETag: `"${sha256}"`, 'Cache-Control': 'private, max-age=31536000, immutable' };
  response.sendFile(sha256, { root: folder, headers, cacheControl: false }, (error?: Error & { status?: number; code?: string }) => {
    if (error === undefined || error.code === 'ECONNABORTED' || error.code === 'EPIPE') done();
    else if (error.status === 416) reject(new Problem('range-not-satisfiable', 'The file is shorter than the range asked for.'));
    else if (error.status === 412) reject(new Problem('version-mismatch', 'The file does not meet the conditions of the request.'));
    else reject(error.status === 404 ? notFound('kept file', sha256) : error);
  });
  return promise;
}

function packageFolder(deps: ApiDeps): string {
  return resolve(deps.config.dataDir, 'packages');
}

async function exists(path: string): Promise<boolean> {
  return access(path, constants.R_OK).then(
    () => true,
    () => false,
  );
}

async function keyOf(deps: ApiDeps, sha256: string): Promise<string> {
  return createHmac('sha256', await secretOf(resolve(deps.config.dataDir))).update(sha256).digest('hex');
}

/** Made once, by whoever comes first; several API processes on one data folder share it. */
async function secretOf(folder: string): Promise<Buffer> {
  const file = join(folder, 'package-key');
  const known = await readFile(file).catch(() => null);
  if (known !== null && known.length === 32) return known;
  await mkdir(folder, { recursive: true });
  const fresh = join(folder, `.package-key-${randomUUID()}`);
  await writeFile(fresh, randomBytes(32), { mode: 0o600, flush: true });
  await chmod(fresh, 0o600);
  await linkOrKeep(fresh, file);
  return readFile(file);
}

/** `link` fails when the name is taken, so two processes cannot both win. */
async function linkOrKeep(fresh: string, file: string): Promise<void> {
  try {
    await link(fresh, file);
    const folder = await open(resolve(file, '..'), 'r');
    await folder.sync().finally(() => folder.close());
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  } finally {
    await rm(fresh, { force: true });
  }
}
