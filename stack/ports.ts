/** Ports on loopback: which are free, and what to say when a wanted one is not. */
import { createServer } from 'node:net';
import { randomInt } from 'node:crypto';

/**
 * Below the range from which the system takes the near ends of outgoing connections (32768 and up on Linux), so that a port found
 * free here is not taken by somebody's client socket a moment later.
 */
const FREE_PORT_MIN = 20_000;
const FREE_PORT_MAX = 32_000;
const TRIES_MAX = 200;
/** Handed out by this process, also where nobody listens yet: an application may be installed long after its port was chosen. */
const handedOut = new Set<number>();

/** A default port that somebody else has: names the port, what it is for and the flag that chooses another. */
export class PortBusy extends Error {
  override readonly name = 'PortBusy';
  readonly port: number;
  constructor(options: { readonly port: number; readonly use: string; readonly flag: string }) {
    super(
      `Port ${options.port} on 127.0.0.1, wanted for ${options.use}, is already in use by another program. ` +
        `Choose another with ${options.flag} N, or end the program that has it.`,
    );
    this.port = options.port;
  }
}

/** True when a listener could be opened on 127.0.0.1 (and closed again). */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/** A port nobody listens on now, outside the system's own range, and never one that was handed out before; `taken` are left out. Throws when none is found. */
export async function freePort(taken: ReadonlySet<number> = new Set()): Promise<number> {
  for (let attempt = 0; attempt < TRIES_MAX; attempt += 1) {
    const port = randomInt(FREE_PORT_MIN, FREE_PORT_MAX);
    if (taken.has(port) || handedOut.has(port)) continue;
    handedOut.add(port);
    if (await isFree(port)) return port;
  }
  throw new Error(`No free port was found on 127.0.0.1 between ${FREE_PORT_MIN} and ${FREE_PORT_MAX} in ${TRIES_MAX} tries. End some programs and try again.`);
}

/** `count` different free ports. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const ports: number[] = [];
  while (ports.length < count) ports.push(await freePort());
  return ports;
}

/** Throws PortBusy unless the port can be listened on. */
export async function demandFree(options: { readonly port: number; readonly use: string; readonly flag: string }): Promise<void> {
  if (!(await isFree(options.port))) throw new PortBusy(options);
}
