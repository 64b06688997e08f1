import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createHttpStore } from '../../../drivers/packages/http.ts';
import { PackageMissing, PackageSizeWrong, StoreDown } from '../../../drivers/packages/port.ts';
import { PackageRefused } from '../../../drivers/packages/store-prefix.ts';
import { packageAt, packageConformance, signal } from './conformance.ts';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

async function listen(answer: Answer): Promise<{ readonly origin: string; readonly server: Server }> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

async function close(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}

packageConformance('http', async () => {
  const files = new Map<string, Uint8Array>();
  const { origin, server } = await listen((request, response) => {
    const bytes = files.get(request.url ?? '');
    if (bytes === undefined) return void response.writeHead(404).end();
    response.writeHead(200, { 'content-length': bytes.length }).end(request.method === 'HEAD' ? undefined : bytes);
  });
  return {
    prefix: `${origin}/store`,
    put: async (name, bytes) => void files.set(`/store/${name}`, bytes),
    stop: () => close(server),
  };
});

/** One path, one way a store can behave. */
const WAYS: Readonly<Record<string, Answer>> = {
  '/store/no-head': (request, response) => {
    if (request.method === 'HEAD') return void response.writeHead(405).end();
    response.writeHead(206, { 'content-range': 'bytes 0-0/777', 'content-length': 1 }).end('x');
  },
  '/store/head-without-length': (request, response) => {
    if (request.method === 'HEAD') return void response.writeHead(200).end();
    response.writeHead(206, { 'content-range': 'bytes 0-0/778', 'content-length': 1 }).end('x');
  },
  '/store/no-ranges': (request, response) => {
    if (request.method === 'HEAD') return void response.writeHead(501).end();
    response.writeHead(200, { 'content-length': 1_000_000 }).write('the beginning of a long body');
  },
  '/store/empty-range': (request, response) => void (request.method === 'HEAD' ? response.writeHead(403).end() : response.writeHead(416, { 'content-range': 'bytes */0' }).end()),
  '/store/length-unknown': (request, response) => void (request.method === 'HEAD' ? response.writeHead(200).end() : response.writeHead(206, { 'content-range': 'bytes 0-0/*' }).end('x')),
  '/store/gone': (_request, response) => void response.writeHead(410).end(),
  '/store/broken': (_request, response) => void response.writeHead(503).end(),
  '/store/forbidden': (_request, response) => void response.writeHead(403).end(),
  '/store/cut': (request) => void request.socket.destroy(),
  '/store/silent': () => undefined,
  '/store/moved-inside': (_request, response) => void response.writeHead(302, { location: 'final' }).end(),
  '/store/final': (_request, response) => void response.writeHead(200, { 'content-length': 42 }).end(),
  '/store/moved-outside': (_request, response) => void response.writeHead(302, { location: '/private/final' }).end(),
  '/store/moved-to-metadata': (_request, response) => void response.writeHead(307, { location: 'http://169.254.169.254/latest/meta-data' }).end(),
  '/store/moved-to-file': (_request, response) => void response.writeHead(302, { location: 'file:///etc/passwd' }).end(),
  '/store/round': (_request, response) => void response.writeHead(302, { location: '/store/round' }).end(),
};

let server: Server;
let prefix: string;
const asked: string[] = [];
beforeAll(async () => {
  const started = await listen((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    (WAYS[request.url ?? ''] ?? ((_request, missing) => void missing.writeHead(404).end()))(request, response);
  });
  server = started.server;
  prefix = `${started.origin}/store`;
});
afterAll(() => close(server));

const inspect = (name: string, sizeBytes: number | null = null) => createHttpStore([prefix], 1_000).inspect(packageAt(`${prefix}/${name}`, sizeBytes), signal);

for (const [name, sizeBytes] of [['no-head', 777], ['head-without-length', 778], ['no-ranges', 1_000_000], ['empty-range', 0], ['length-unknown', null]] as const) {
  test(`a store of the kind "${name}" tells the size by a ranged GET without a download`, async () => {
    expect(await inspect(name)).toEqual({ sizeBytes });
  });
}

test('a size found by the ranged GET is compared too', async () => {
  await expect(inspect('no-head', 776)).rejects.toThrow(PackageSizeWrong);
});

test('gone is missing and is not asked twice', async () => {
  asked.length = 0;
  await expect(inspect('gone')).rejects.toThrow(PackageMissing);
  expect(asked).toEqual(['HEAD /store/gone']);
});

for (const name of ['broken', 'forbidden', 'cut', 'silent', 'round']) {
  test(`a store of the kind "${name}" is down`, async () => {
    await expect(inspect(name)).rejects.toThrow(StoreDown);
  });
}

test('a store that nobody listens for is down, and the message says why', async () => {
  const away = await listen(() => undefined);
  await close(away.server);
  await expect(createHttpStore([away.origin]).inspect(packageAt(`${away.origin}/a.tar.gz`), signal)).rejects.toThrow(/does not answer.*ECONNREFUSED/);
});

test('a redirect inside the store is followed', async () => {
  expect(await inspect('moved-inside')).toEqual({ sizeBytes: 42 });
});

for (const name of ['moved-outside', 'moved-to-metadata', 'moved-to-file']) {
  test(`a redirect of the kind "${name}" is refused and nothing is asked there`, async () => {
    asked.length = 0;
    await expect(inspect(name)).rejects.toThrow(PackageRefused);
    expect(asked).toEqual([`HEAD /store/${name}`]);
  });
}
