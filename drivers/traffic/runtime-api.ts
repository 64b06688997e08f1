/** The wire of HAProxy's runtime API: one line out, one text back, over a unix socket or TCP. Knows nothing of servers. */
import { connect, type Socket } from 'node:net';
import { BalancerDown, BalancerMisconfigured, type Fence } from './port.ts';

/** Where the runtime API listens: a unix socket path, or a host and port of the same API over TCP. */
export type RuntimeAddress = { readonly path: string } | { readonly host: string; readonly port: number };

export interface RuntimeApi {
  /** for messages: what a person would call this socket */
  readonly place: string;
  /** Sends one line of read-only commands (`;` between them) and returns the whole answer. Throws BalancerDown. */
  ask(line: string, signal: AbortSignal): Promise<string>;
  /**
   * Sends one write. The connection is open before `fence` is entered, so that a balancer which closes idle connections also ends
   * the late write of a thawed process. Throws BalancerDown when no answer came (the write may or may not have happened),
   * BalancerMisconfigured with the balancer's own words when it refused, and whatever `fence` throws.
   */
  write(command: string, fence: Fence, signal: AbortSignal): Promise<void>;
}

/** HAProxy says nothing but an empty line when a write was accepted; errors have no code, only text. */
const ACCEPTED = '\n';
const ANSWER_MAX = 16 * 1024 * 1024;

/**
 * @param timeoutMs how long connecting, and each answer, may take. Short on purpose: a write holds the target's row lock meanwhile.
 */
export function createRuntimeApi(address: RuntimeAddress, timeoutMs: number): RuntimeApi {
  const place = 'path' in address ? address.path : `${address.host}:${address.port}`;
  return {
    place,
    async ask(line, signal) {
      const connection = await open(address, place, timeoutMs, signal);
      const text = await exchange(connection, line, place, timeoutMs, signal);
      if (!text.endsWith('\n\n')) throw new BalancerDown(`HAProxy at ${place} closed the connection in the middle of its answer; it may be reloading. It will be asked again.`);
      return text;
    },
    async write(command, fence, signal) {
      const connection = await open(address, place, timeoutMs, signal);
      try {
        const reply = await fence(() => exchange(connection, command, place, timeoutMs, signal));
        if (reply !== ACCEPTED) throw refusedWrite(command, reply, place);
      } finally {
        connection.destroy();
      }
    },
  };
}

/** `host:port` or `[ipv6]:port` as written in a pool. Throws BalancerMisconfigured. */
export function parseRuntimeAddress(text: string): RuntimeAddress {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9][A-Za-z0-9.-]*)):([0-9]{1,5})$/.exec(text);
  const port = Number(match?.[3] ?? 0);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined || port < 1 || port > 65535) throw new BalancerMisconfigured(`"${text}" is not host:port; correct traffic.address of the pool.`);
  return { host, port };
}

function refusedWrite(command: string, reply: string, place: string): Error {
  const said = reply.trim().split('\n')[0] ?? '';
  if (said === '') return new BalancerDown(`HAProxy at ${place} closed the connection without answering "${command}". Its state will be read before anything is tried again.`);
  const hint = /permission denied/i.test(said) ? ' The socket needs "level admin" in the balancer\'s global section.' : '';
  return new BalancerMisconfigured(`HAProxy at ${place} refused "${command}": ${said}${hint}`);
}

function open(address: RuntimeAddress, place: string, timeoutMs: number, signal: AbortSignal): Promise<Socket> {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const socket = connect(address);
    const timer = setTimeout(() => fail(new Error(`no connection within ${timeoutMs} ms`)), timeoutMs);
    const settle = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      socket.off('error', fail);
    };
    const fail = (cause: Error): void => {
      settle();
      socket.destroy();
      reject(new BalancerDown(`HAProxy's runtime API at ${place} cannot be reached: ${cause.message}. Check that HAProxy runs and that this socket is in its configuration.`, { cause }));
    };
    const abort = (): void => {
      settle();
      socket.destroy();
      reject(signal.reason);
    };
    signal.addEventListener('abort', abort);
    socket.on('error', fail);
    socket.once('connect', () => {
      settle();
      // Between connecting and writing the caller may wait for a lock: an error that comes meanwhile is met again by the exchange.
      socket.on('error', () => undefined);
      resolve(socket);
    });
  });
}

/** One line, then everything until the balancer closes. */
function exchange(socket: Socket, line: string, place: string, timeoutMs: number, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const finish = (act: () => void): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      socket.destroy();
      act();
    };
    const down = (why: string): void => finish(() => reject(new BalancerDown(`HAProxy's runtime API at ${place} ${why}. Its state will be read before anything is tried again.`)));
    const abort = (): void => finish(() => reject(signal.reason));
    const timer = setTimeout(() => down(`did not answer within ${timeoutMs} ms`), timeoutMs);
    signal.addEventListener('abort', abort);
    if (signal.aborted) return abort();
    if (socket.destroyed || socket.readableEnded) return down('closed the connection before the command was sent');
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      text += chunk;
      if (text.length > ANSWER_MAX) down(`answered more than ${ANSWER_MAX} bytes`);
    });
    socket.once('error', (cause) => down(`broke off: ${cause.message}`));
    socket.once('close', () => finish(() => resolve(text)));
    socket.write(`${line}\n`);
  });
}
