import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Client } from '../../cli/client.ts';
import { EXIT } from '../../cli/exit-codes.ts';
import { RecordedServer, sendJson, sendProblem } from './recorded-server.ts';

let server: RecordedServer;
beforeEach(async () => {
  server = await new RecordedServer().start();
});
afterEach(() => server.stop());

function client(retryMs: number): Client {
  return new Client({ url: server.url, token: null, retryMs });
}

describe('the HTTP client', () => {
  test('a server that never answers is told as no answer in time, with code 9', async () => {
    server.on('GET /v1/slow', () => undefined);
    await expect(client(0).get('/v1/slow', { timeoutMs: 50 })).rejects.toMatchObject({ exitCode: EXIT.unreachable, message: expect.stringContaining('no answer in time') as unknown });
  });

  test('a connection cut in the middle of an answer is repeated', async () => {
    let calls = 0;
    server.on('GET /v1/cut', (_seen, response) => {
      calls += 1;
      if (calls > 1) return sendJson(response, 200, { whole: true });
      response.writeHead(200, { 'content-length': '100' });
      response.write('{"whole":');
      response.destroy();
    });
    expect(await client(5000).get('/v1/cut')).toEqual({ whole: true });
  });

  test('Retry-After is waited for, and when that is longer than allowed the answer is told at once', async () => {
    server.on('GET /v1/busy', (_seen, response) => {
      response.setHeader('retry-after', '30');
      sendProblem(response, 503, { detail: 'shutting down' });
    });
    const startedMs = Date.now();
    await expect(client(2000).get('/v1/busy')).rejects.toThrow('shutting down');
    expect(Date.now() - startedMs).toBeLessThan(1500);
    expect(server.seen.length).toBe(1);
  });

  test.each([400, 401, 404, 409, 412, 422, 500])('an answer %i is not repeated', async (status) => {
    server.on('GET /v1/no', (_seen, response) => sendProblem(response, status, { detail: 'no' }));
    await expect(client(5000).get('/v1/no')).rejects.toThrow('no');
    expect(server.seen.length).toBe(1);
  });

  test('a call that was given up ends at once, with the reason of who gave it up', async () => {
    server.on('GET /v1/slow', () => undefined);
    const stop = new AbortController();
    const asked = client(5000).get('/v1/slow', { signal: stop.signal });
    stop.abort(new Error('enough'));
    await expect(asked).rejects.toThrow('enough');
  });
});
