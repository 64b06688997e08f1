/** A real HAProxy on free ports of the loopback, with its runtime API on a unix socket and on TCP. */
import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../../support/until.ts';

export interface RealHaproxy {
  /** of the master, which stays over reloads */
  readonly pid: number | undefined;
  readonly socket: string;
  /** the same API with rights to look only */
  readonly operatorSocket: string;
  readonly address: string;
  /** where users ask */
  readonly port: number;
  /** one line by hand, as an operator at the socket would write it */
  say(line: string): Promise<string>;
  /** reads its configuration again, in a new process; runtime changes are lost */
  reload(): Promise<void>;
  stop(): Promise<void>;
}

export interface ServerLine {
  readonly name: string;
  readonly port: number;
  /** what follows the address, `check` if left out */
  readonly options?: string;
}

/** One backend `web` with these servers, checked every 100 ms, and `extra` sections after it. */
export function startHaproxy(servers: readonly ServerLine[], extra = ''): Promise<RealHaproxy> {
  return startHaproxyWith((at) => configuration({ ...at, servers, extra }));
}

export interface Places {
  readonly socket: string;
  readonly operatorSocket: string;
  readonly port: number;
  readonly runtimePort: number;
}

/** Starts with a configuration of the test's own, which must open at least `socket`. Ends, with its log in the error, if HAProxy refuses it. */
export async function startHaproxyWith(write: (at: Places) => string): Promise<RealHaproxy> {
  const folder = await mkdtemp(join(tmpdir(), 'haproxy-'));
  const [port = 0, runtimePort = 0] = await freePorts(2);
  const socket = join(folder, 'admin.sock');
  const operatorSocket = join(folder, 'operator.sock');
  const file = join(folder, 'haproxy.cfg');
  await writeFile(file, write({ socket, operatorSocket, port, runtimePort }));
  const child = spawn('haproxy', ['-W', '-f', file], { stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (log += text));
  const say = (line: string): Promise<string> => sayTo(socket, line);
  const stop = async (): Promise<void> => {
    await end(child);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await until('HAProxy answers', () => (child.exitCode === null ? pidOf(say) : Promise.reject(new Error(`HAProxy ended: ${log}`))));
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    pid: child.pid,
    socket,
    operatorSocket,
    address: `127.0.0.1:${runtimePort}`,
    port,
    say,
    stop,
    async reload() {
      const before = await pidOf(say);
      const said = log.length;
      let askedMs = Number.NEGATIVE_INFINITY;
      let now: number | null = null;
      // For a moment both processes take turns at the same sockets, so the old one must be gone before anything is expected.
      await until('only the new HAProxy process answers', async () => {
        // A signal that comes before the master's own loop runs is lost; one that was heard is told in the log.
        if (performance.now() - askedMs > ASK_AGAIN_MS && !/Reloading HAProxy|Reexecuting Master/.test(log.slice(said))) {
          askedMs = performance.now();
          child.kill('SIGUSR2');
        }
        now = await pidOf(say);
        return now !== null && now !== before && !isAlive(before);
      }, RELOAD_TIMEOUT_MS).catch((error: Error) => {
        throw new Error(`${error.message}; before ${before} (${isAlive(before) ? 'alive' : 'gone'}), now ${now}. HAProxy says:\n${log}`);
      });
    },
  };
}

/** The old process stays for as long as its last connection. */
const RELOAD_TIMEOUT_MS = 45_000;
const ASK_AGAIN_MS = 3_000;

function configuration(at: Places & { readonly servers: readonly ServerLine[]; readonly extra: string }): string {
  return `
global
  stats socket ${at.socket} mode 600 level admin
  stats socket ${at.operatorSocket} mode 600 level operator
  stats socket ipv4@127.0.0.1:${at.runtimePort} level admin
  stats timeout 10s
defaults
  mode http
  timeout connect 1s
  timeout client 20s
  timeout server 20s
  timeout check 5s
  option redispatch
  retries 3
frontend users
  bind 127.0.0.1:${at.port}
  default_backend web
backend web
  option httpchk GET /health
  default-server inter 100ms fall 2 rise 2
${at.servers.map((server) => `  server ${server.name} 127.0.0.1:${server.port} ${server.options ?? 'check'}`).join('\n')}
${at.extra}
`;
}

/** Ports that were free a moment ago; held at the same time, so that they differ. */
async function freePorts(count: number): Promise<readonly number[]> {
  const holders = await Promise.all(
    Array.from({ length: count }, () => new Promise<ReturnType<typeof createServer>>((resolve) => {
      const holder = createServer().listen(0, '127.0.0.1', () => resolve(holder));
    })),
  );
  const ports = holders.map((holder) => (holder.address() as AddressInfo).port);
  await Promise.all(holders.map((holder) => new Promise((resolve) => holder.close(resolve))));
  return ports;
}

function sayTo(path: string, line: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect({ path }, () => socket.write(`${line}\n`));
    socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    socket.once('error', reject).once('close', () => resolve(text));
  });
}

async function pidOf(say: (line: string) => Promise<string>): Promise<number | null> {
  const text = await say('show info').catch(() => '');
  const pid = /^Pid: ([0-9]+)$/m.exec(text)?.[1];
  return pid === undefined ? null : Number(pid);
}

/** One that has ended but was not collected yet by its master, which just then was starting itself anew, is gone; so is a number that somebody else has by now. */
function isAlive(pid: number | null): boolean {
  try {
    const [, name, state] = /^\d+ \((.*)\) (\S)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
    return name === 'haproxy' && state !== 'Z';
  } catch {
    return false;
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), 5_000);
  await gone;
  clearTimeout(late);
}
