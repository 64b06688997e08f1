/** A wire to Temporal that can be cut and mended: while it is cut, nobody listens at its address. */
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export interface TemporalLine {
  readonly address: string;
  cut(): Promise<void>;
  mend(): Promise<void>;
}

/** @param target host:port of the server behind it */
export async function startTemporalLine(target: string): Promise<TemporalLine> {
  const [host = '', port = ''] = target.split(':');
  const open = new Set<Socket>();
  let own = 0;
  let server: Server | null = null;
  const join = (near: Socket): void => {
    const far = connect({ host, port: Number(port) });
    for (const [one, other] of [[near, far], [far, near]] as const) {
      open.add(one);
      one.on('error', () => undefined).once('close', () => {
        open.delete(one);
        other.destroy();
      });
    }
    near.pipe(far).pipe(near);
  };
  const mend = async (): Promise<void> => {
    const fresh = createServer(join);
    await new Promise<void>((resolve, reject) => fresh.once('error', reject).listen(own, '127.0.0.1', resolve));
    own = (fresh.address() as AddressInfo).port;
    server = fresh;
  };
  const cut = async (): Promise<void> => {
    const closing = server;
    server = null;
    const closed = new Promise((resolve) => (closing === null ? resolve(null) : closing.close(resolve)));
    for (const socket of open) socket.destroy();
    await closed;
  };
  await mend();
  return { address: `127.0.0.1:${own}`, cut, mend };
}
