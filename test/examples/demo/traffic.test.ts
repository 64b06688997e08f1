import { createServer, type RequestListener, type Server } from 'node:http';
import { afterEach, expect, test } from 'vitest';
import { Traffic } from '../../../examples/demo/traffic.ts';
import { until } from '../../support/until.ts';

const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

function serve(listener: RequestListener): Promise<string> {
  return new Promise((resolve) => {
    const server = createServer(listener);
    servers.push(server);
    server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${(server.address() as { port: number }).port}`));
  });
}

test('answers are counted by version and refused ones as failures, none of them repeated', async () => {
  let asked = 0;
  const url = await serve((_request, response) => {
    asked += 1;
    if (asked % 5 === 0) response.writeHead(503).end('away');
    else response.end(JSON.stringify({ version: asked % 2 === 0 ? 'even' : 'odd' }));
  });
  const traffic = new Traffic({ url, perSecond: 200 });
  await until('enough requests', () => traffic.counts().total >= 50);
  const counts = await traffic.stop();
  expect(counts.total).toBe(asked);
  expect(counts.failed).toBe(Math.floor(asked / 5));
  expect((counts.byVersion['even'] ?? 0) + (counts.byVersion['odd'] ?? 0) + counts.failed).toBe(asked);
  expect(counts.failures[0]).toContain('503');
});

test('slow answers do not slow the sending, and one that never comes is a failure', async () => {
  let asked = 0;
  const url = await serve(() => { asked += 1; });
  const traffic = new Traffic({ url, perSecond: 100, timeoutMs: 400 });
  await until('requests while none is answered', () => asked >= 20, 1_500);
  const counts = await traffic.stop();
  expect(counts.failed).toBe(counts.total);
  expect(counts.byVersion).toEqual({});
});

test('a server that is not there fails every request', async () => {
  const url = await serve(() => {});
  servers.splice(0).forEach((server) => server.close());
  const traffic = new Traffic({ url, perSecond: 100 });
  await until('a failure', () => traffic.counts().failed > 0);
  expect((await traffic.stop()).failures[0]).toContain('ECONNREFUSED');
});
