/**
 * A real sshd that lets this account in by one key, on a port of the loopback or inside a network namespace. Nothing outside its folder
 * is read or written but /run/sshd, which sshd insists on where it is run by root.
 */
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { programOnPath } from '../../../examples/demo/balancer.ts';
import { freePorts } from '../../../stack/ports.ts';
import { endApplications } from '../../host/host-bench.ts';
import { until } from '../../support/until.ts';
import type { SshExecutorSpec } from '../../../domain/executor-spec.ts';
import type { HostSpec } from '../../../domain/inventory.ts';

/** The client's side of some hosts: key, certificate authority, known hosts. An empty ssh_config keeps the machine's own out. */
export interface Keys {
  readonly folder: string;
  readonly identityFile: string;
  readonly configFile: string;
  readonly knownHostsFile: string;
  /** vouches for clients and for hosts */
  readonly authority: string;
  dispose(): void;
}

export interface RealSshd {
  readonly pid: number;
  readonly address: string;
  readonly port: number;
  /** folder for roots of hosts; removed at the end, with the applications that were started in it */
  readonly folder: string;
  /** public half of its host key, as it stands in known_hosts */
  readonly publicKey: string;
  /** its log so far */
  log(): string;
  /** a host with an own root that is reached by this sshd */
  host(name?: string, change?: Partial<SshExecutorSpec>): HostSpec;
  /** ends it, and every session */
  stop(): Promise<void>;
}

export interface SshdOptions {
  /** where it listens; absent: a free port of the loopback */
  readonly at?: { readonly address: string; readonly port: number };
  /** words that start it somewhere else, such as `ip netns exec NAME` */
  readonly inside?: readonly string[];
  /** lines of sshd_config, before all others */
  readonly config?: string;
  /** absent: its key is known */
  readonly known?: false;
}

export function makeKeys(): Keys {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'signalbox-keys-')));
  const keys = { folder, identityFile: join(folder, 'id'), configFile: join(folder, 'config'), knownHostsFile: join(folder, 'known_hosts'), authority: join(folder, 'authority') };
  makeKey(keys.identityFile);
  makeKey(keys.authority);
  writeFileSync(keys.configFile, '');
  writeFileSync(keys.knownHostsFile, '');
  return { ...keys, dispose: () => rmSync(folder, { recursive: true, force: true }) };
}

export function makeKey(file: string): void {
  keygen('-q', '-t', 'ed25519', '-N', '', '-C', 'test', '-f', file);
}

/** @throws with what ssh-keygen said */
export function keygen(...words: readonly string[]): void {
  const { status, stderr } = spawnSync('ssh-keygen', words, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`ssh-keygen ${words.join(' ')}: ${stderr}`);
}

export async function startSshd(keys: Keys, options: SshdOptions = {}): Promise<RealSshd> {
  const { address, port } = options.at ?? { address: '127.0.0.1', port: (await freePorts(1))[0] ?? 0 };
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'signalbox-sshd-')));
  const hostKey = join(folder, 'host-key');
  makeKey(hostKey);
  const publicKey = readFileSync(`${hostKey}.pub`, 'utf8').trim();
  if (options.known !== false) know(keys, address, port, publicKey);
  writeFileSync(join(folder, 'config'), configuration({ keys, address, port, hostKey, extra: options.config ?? '' }));
  if (userInfo().uid === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  const child = run([...(options.inside ?? []), programOnPath('sshd') ?? 'sshd', '-D', '-e', '-f', join(folder, 'config')]);
  const roots = new Set<string>();
  let log = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (log += text));
  const stop = async (): Promise<void> => {
    await endTree(child);
    for (const root of roots) if (existsSync(root)) endApplications(root);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await until('sshd listens', () => (child.exitCode === null ? log.includes('Server listening') && (options.inside !== undefined || answers(address, port)) : Promise.reject(new Error(`sshd ended: ${log}`))));
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    pid: child.pid ?? 0, address, port, folder, publicKey, stop,
    log: () => log,
    host(name = 'host-1', change = {}) {
      const root = join(folder, name);
      mkdirSync(root, { recursive: true });
      roots.add(root);
      const executor: SshExecutorSpec = { driver: 'ssh', root, user: null, port, identityFile: keys.identityFile, certificateFile: null, configFile: keys.configFile, knownHostsFile: keys.knownHostsFile, jump: [], ...change };
      return { name, address, zone: 'a', labels: {}, executor, variables: {} };
    },
  };
}

/** Adds a line to known_hosts. */
export function know(keys: Keys, address: string, port: number, publicKey: string): void {
  writeFileSync(keys.knownHostsFile, `${port === 22 ? address : `[${address}]:${port}`} ${publicKey}\n`, { flag: 'a' });
}

function configuration({ keys, address, port, hostKey, extra }: { readonly keys: Keys; readonly address: string; readonly port: number; readonly hostKey: string; readonly extra: string }): string {
  return `${extra}
ListenAddress ${address}
Port ${port}
HostKey ${hostKey}
AuthorizedKeysFile ${keys.identityFile}.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
LogLevel VERBOSE
MaxStartups 100
`;
}

/** In a group of its own, so that sessions can be found by it. */
function run([command = '', ...words]: readonly string[]): ChildProcess {
  return spawn(command, words, { stdio: ['ignore', 'ignore', 'pipe'], detached: true });
}

function answers(address: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port }, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

/** sshd and what it serves sessions with; what runs in the sessions themselves is left alone. */
export async function endTree(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  for (const pid of [child.pid, ...servantsOf(child.pid)]) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended by itself in the meantime.
    }
  }
  await gone;
}

/** Processes named sshd below this one, looked up before any is killed. */
export function servantsOf(pid: number): readonly number[] {
  const { stdout } = spawnSync('ps', ['-e', '-o', 'pid=,ppid=,comm='], { encoding: 'utf8' });
  const all = stdout.trim().split('\n').map((line) => line.trim().split(/\s+/)).map(([own, parent, name]) => ({ pid: Number(own), parent: Number(parent), name }));
  const below = (parent: number): readonly number[] => all.filter((one) => one.parent === parent && one.name === 'sshd').flatMap((one) => [one.pid, ...below(one.pid)]);
  return below(pid);
}
