/** Does anything answer where Temporal should be. A connection is enough: no request is answered by asking Temporal. */
import { connect } from 'node:net';

const TIMEOUT_MS = 1000;

/** `address` is host:port. Never throws. */
export function canReach(address: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const colon = address.lastIndexOf(':');
  const socket = connect({ host: address.slice(0, colon).replace(/^\[(.*)\]$/, '$1'), port: Number(address.slice(colon + 1)) });
  socket.setTimeout(TIMEOUT_MS);
  socket.once('connect', () => resolve(true));
  for (const sign of ['error', 'timeout'] as const) socket.once(sign, () => resolve(false));
  return promise.finally(() => socket.destroy());
}
