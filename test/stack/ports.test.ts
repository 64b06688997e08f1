import { createServer, type Server } from 'node:net';
import { expect, test } from 'vitest';
import { demandFree, freePorts, isFree, PortBusy } from '../../stack/ports.ts';

test('free ports are different from one another and can be listened on', async () => {
  const ports = await freePorts(5);
  expect(new Set(ports).size).toBe(5);
  expect(await Promise.all(ports.map(isFree))).toEqual([true, true, true, true, true]);
});

test('a port is handed out once, also while nobody listens on it yet', async () => {
  const [some, more] = [await freePorts(400), await freePorts(400)];
  expect(more.filter((port) => some.includes(port))).toEqual([]);
});

test('a busy port is refused with its number and the flag that chooses another', async () => {
  const server = await listening();
  const { port } = server.address() as { port: number };
  try {
    const refusal = await demandFree({ port, use: 'the API', flag: '--api-port' }).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(PortBusy);
    expect((refusal as Error).message).toContain(String(port));
    expect((refusal as Error).message).toContain('--api-port');
  } finally {
    server.close();
  }
});

function listening(): Promise<Server> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => resolve(server));
  });
}
