/** Many hosts on one machine: network namespaces, each with an sshd of its own that lets us in by one key. Needs root, iproute2, openssh. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openNetwork, type Network } from '../../stack/namespaces.ts';
import type { HostSpec } from '../../domain/inventory.ts';

export interface SshHosts {
  readonly hosts: readonly HostSpec[];
  readonly identityFile: string;
  readonly knownHostsFile: string;
  /** ends every sshd with its sessions, and removes the network */
  end(): void;
}

/** Throws with what the missing program said. `folder` holds keys, settings and the hosts' roots. */
export async function openSshHosts(folder: string, count: number): Promise<SshHosts> {
  const [identityFile, hostKey, knownHostsFile, configFile] = ['id', 'host-key', 'known_hosts', 'ssh_config'].map((name) => join(folder, name)) as [string, string, string, string];
  for (const key of [identityFile, hostKey]) keygen(key);
  mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  const network = openNetwork(count);
  writeFileSync(knownHostsFile, network.hosts.map(({ address }) => `${address} ${readFileSync(`${hostKey}.pub`, 'utf8')}`).join(''));
  writeFileSync(configFile, '');
  const servers: ChildProcess[] = [];
  const end = (): void => endAll(servers, network);
  try {
    const hosts: HostSpec[] = [];
    for (const { address, inside } of network.hosts) {
      const name = `host-${String(hosts.length + 1).padStart(2, '0')}`;
      const root = join(folder, name);
      mkdirSync(root);
      servers.push(await startServer(join(folder, `${name}.sshd`), { address, inside, hostKey, identityFile }));
      hosts.push({ name, address, zone: 'a', labels: {}, variables: {}, executor: { driver: 'ssh', root, user: null, port: null, identityFile, certificateFile: null, configFile, knownHostsFile, jump: [] } });
    }
    return { hosts, identityFile, knownHostsFile, end };
  } catch (error) {
    end();
    throw error;
  }
}

function keygen(file: string): void {
  const { status, stderr, error } = spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`ssh-keygen: ${error?.message ?? stderr}`);
}

interface Server {
  readonly address: string;
  readonly inside: readonly string[];
  readonly hostKey: string;
  readonly identityFile: string;
}

/** Settings that cost nothing but what a login needs anyway; both sides meet the same. */
async function startServer(config: string, { address, inside, hostKey, identityFile }: Server): Promise<ChildProcess> {
  const lines = [`ListenAddress ${address}`, 'Port 22', `HostKey ${hostKey}`, `AuthorizedKeysFile ${identityFile}.pub`, 'PidFile none', 'StrictModes no', 'UsePAM no', 'PasswordAuthentication no', 'KbdInteractiveAuthentication no', 'PermitRootLogin prohibit-password', 'UseDNS no', 'MaxStartups 100', 'Subsystem sftp internal-sftp'];
  writeFileSync(config, `${lines.join('\n')}\n`);
  const [command = '', ...words] = [...inside, '/usr/sbin/sshd', '-D', '-e', '-f', config];
  const child = spawn(command, words, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`sshd ended: ${said}`)));
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (said.includes('Server listening')) resolve();
    });
  });
  return child;
}

function endAll(servers: readonly ChildProcess[], network: Network): void {
  for (const server of servers) server.kill('SIGTERM');
  network.dispose();
}
