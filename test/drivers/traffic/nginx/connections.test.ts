import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { countConnections, endOf, remoteEnds } from '../../../../drivers/traffic/nginx/connections.ts';
import { until } from '../../../support/until.ts';

const us = { pid: process.pid, user: process.getuid?.() ?? 0 };

for (const host of ['127.0.0.1', '::1'] as const) {
  test(`connections to ${host} are counted while they are open, and only those of the user asked about`, async () => {
    const held: Socket[] = [];
    const server = createServer((socket) => void held.push(socket)).listen(0, host);
    await until('it listens', () => server.listening);
    const { port } = server.address() as AddressInfo;
    const address = host === '::1' ? `[::1]:${port}` : `${host}:${port}`;
    expect(await countConnections([address], us)).toEqual([0]);
    const open = [connect(port, host), connect(port, host)];
    await until('both are there', () => held.length === 2);
    expect(await countConnections(['127.0.0.1:1', address], us)).toEqual([0, 2]);
    expect(await countConnections([address], { ...us, user: us.user + 1 })).toEqual([0]);
    for (const socket of open) socket.destroy();
    await until('none is left', async () => (await countConnections([address], us))[0] === 0);
    for (const socket of held) socket.destroy();
    server.close();
  });
}

test('a name counts at every address it has, and an unknown one cannot be counted', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await until('it listens', () => server.listening);
  const { port } = server.address() as AddressInfo;
  const socket = connect(port, '127.0.0.1');
  await until('it is counted', async () => (await countConnections([`localhost:${port}`], us))[0] === 1);
  socket.destroy();
  server.close();
  await expect(countConnections(['no-such-name.invalid:80'], us)).rejects.toThrow('no-such-name.invalid');
});

test('addresses are written as the kernel writes them', () => {
  expect([endOf('127.0.0.1', 80), endOf('::1', 8080), endOf('2001:db8::ff00:42:8329', 1), endOf('::ffff:10.0.0.1', 1)]).toEqual([
    '0100007F:0050', '00000000000000000000000001000000:1F90', 'B80D01200000000000FF000029834200:0001', '0000000000000000FFFF00000100000A:0001',
  ]);
});

test('sockets that nobody holds any more are not counted', () => {
  const table = 'heading\n 0: 0100007F:1000 0100007F:0050 01 00000000:00000000 00:00000000 00000000  33 0 4711 1\n 1: 0100007F:1001 0100007F:0050 06 00000000:00000000 03:00000000 00000000  33 0 0 3\n';
  expect(remoteEnds(table, 33)).toEqual(['0100007F:0050']);
});
