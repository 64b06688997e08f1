/** The balancer before the demo fleet: HAProxy where it is installed, else the demo's own. Both listen to the same runtime API. */
import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Service } from '../../stack/supervisor.ts';
import { CHECK_PACE } from '../../domain/traffic-rules/haproxy.ts';
import { BACKEND, HEALTH_PATH, haproxyConfig } from './haproxy.ts';

export interface BalancedServer {
  readonly name: string;
  readonly address: string;
  readonly port: number;
}

export interface Balancer {
  readonly kind: 'HAProxy' | "the demo's own balancer";
  /** where requests go */
  readonly url: string;
  /** runtime API */
  readonly socket: string;
  readonly service: Service;
}

export interface BalancerOptions {
  /** configuration and log are written here */
  readonly folder: string;
  readonly port: number;
  readonly servers: readonly BalancedServer[];
  /** path of haproxy, null = the demo's own; left out = looked for on PATH */
  readonly haproxy?: string | null;
}

const OWN = fileURLToPath(new URL('own-balancer.mjs', import.meta.url));
const READY_TIMEOUT_MS = 10_000;
/** the system's limit for the path of a unix socket is 107 characters */
const SOCKET_PATH_MAX = 100;

/** Writes the configuration; the service starts it. */
export function prepareBalancer(options: BalancerOptions): Balancer {
  mkdirSync(options.folder, { recursive: true });
  const haproxy = options.haproxy === undefined ? programOnPath('haproxy') : options.haproxy;
  const socket = socketIn(options.folder);
  const logFile = join(options.folder, 'balancer.log');
  const command = haproxy === null ? ownCommand(options, socket) : haproxyCommand(haproxy, options, socket);
  const service: Service = {
    name: 'balancer',
    ending: { signal: 'SIGTERM', timeoutMs: 5_000 },
    spawn: () => spawnLogged(command, logFile),
    ready: (child) => untilBothListen({ child, port: options.port, socket, logFile }),
  };
  return { kind: haproxy === null ? "the demo's own balancer" : 'HAProxy', url: `http://127.0.0.1:${options.port}`, socket, service };
}

function haproxyCommand(haproxy: string, options: BalancerOptions, socket: string): readonly string[] {
  const file = join(options.folder, 'haproxy.cfg');
  writeFileSync(file, haproxyConfig({ port: options.port, socket, servers: options.servers }));
  return [haproxy, '-db', '-f', file];
}

function ownCommand(options: BalancerOptions, socket: string): readonly string[] {
  const file = join(options.folder, 'own-balancer.json');
  // It knows one interval only.
  const { doubtIntervalMs, rise, fall } = CHECK_PACE;
  writeFileSync(file, JSON.stringify({ port: options.port, socket, backend: BACKEND, check: { path: HEALTH_PATH, intervalMs: doubtIntervalMs, rise, fall }, servers: options.servers }));
  return [process.execPath, OWN, file];
}

function spawnLogged([program = '', ...args]: readonly string[], logFile: string): ChildProcess {
  const log = openSync(logFile, 'a');
  try {
    return spawn(program, args, { detached: true, stdio: ['ignore', log, log] });
  } finally {
    closeSync(log);
  }
}

async function untilBothListen(options: { readonly child: ChildProcess; readonly port: number; readonly socket: string; readonly logFile: string }): Promise<void> {
  const deadline = Date.now() + READY_TIMEOUT_MS;
  while (Date.now() < deadline && options.child.exitCode === null && options.child.signalCode === null) {
    if ((await listens({ host: '127.0.0.1', port: options.port })) && (await listens({ path: options.socket }))) return;
    await delay(25);
  }
  const log = existsSync(options.logFile) ? readFileSync(options.logFile, 'utf8').trimEnd().split('\n').slice(-5).join('\n') : '';
  throw new Error(`The balancer did not come up on port ${options.port}.\n${log}`);
}

function listens(address: { readonly path: string } | { readonly host: string; readonly port: number }): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(address);
    socket.once('connect', () => { socket.destroy(); resolve(true); });
    socket.once('error', () => resolve(false));
  });
}

function socketIn(folder: string): string {
  const path = join(folder, 'balancer.sock');
  if (path.length <= SOCKET_PATH_MAX) return path;
  const short = join('/tmp', `signalbox-${process.getuid?.() ?? 0}-${createHash('sha256').update(folder).digest('hex').slice(0, 12)}`);
  rmSync(short, { recursive: true, force: true });
  // Not `recursive`: a folder that somebody else makes there in between is an error, not a place to put our socket.
  mkdirSync(short, { mode: 0o700 });
  return join(short, 'balancer.sock');
}

/** Path of a program, looked for on PATH and where system programs stand; null when there is none. */
export function programOnPath(name: string): string | null {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin'];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path)) ?? null;
}
