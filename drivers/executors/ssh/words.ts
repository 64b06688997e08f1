/** What the ssh client is told: the options that no ssh_config can weaken, and those of one host. Pure. */
import { isAddress, isHop, isLogin, isPlainPath } from '../../../domain/names.ts';
import type { SshExecutorSpec } from '../../../domain/executor-spec.ts';
import type { HostSpec } from '../../../domain/inventory.ts';

/**
 * First come, first served: ssh takes the first value it is given, so these stand before any file. Nothing is ever asked of a person,
 * no host key is taken on trust or written down, nothing of this machine is forwarded.
 */
const ALWAYS: Readonly<Record<string, string>> = {
  BatchMode: 'yes',
  StrictHostKeyChecking: 'yes',
  UpdateHostKeys: 'no',
  LogLevel: 'ERROR',
  ConnectTimeout: '10',
  ServerAliveInterval: '5',
  ServerAliveCountMax: '3',
  ControlMaster: 'auto',
  ControlPersist: '60',
  RemoteCommand: 'none',
  ClearAllForwardings: 'yes',
  ForwardAgent: 'no',
  ForwardX11: 'no',
  PermitLocalCommand: 'no',
};

export interface Sharing {
  /** with ssh's own tokens */
  readonly controlPath: string;
  /** the file for `-F`; null: what ssh reads by itself */
  readonly configFile: string | null;
}

/** Words for `ssh` up to the destination, `--` before it; the remote line follows. */
export function destinationWords(host: HostSpec, spec: SshExecutorSpec, { controlPath, configFile }: Sharing): readonly string[] {
  return [
    '-T',
    ...(configFile === null ? [] : ['-F', configFile]),
    ...Object.entries({ ...ALWAYS, ControlPath: controlPath, ...filesOf(spec) }).flatMap(([name, value]) => ['-o', `${name}=${value}`]),
    ...(spec.user === null ? [] : ['-l', spec.user]),
    ...(spec.port === null ? [] : ['-p', String(spec.port)]),
    ...(spec.jump.length === 0 ? [] : ['-J', spec.jump.join(',')]),
    '--',
    host.address,
  ];
}

/** The same, on a connection of its own that ends with it. */
export function unsharedWords(host: HostSpec, spec: SshExecutorSpec, configFile: string | null): readonly string[] {
  return ['-o', 'ControlMaster=no', '-o', 'ControlPersist=no', ...destinationWords(host, spec, { controlPath: 'none', configFile })];
}

/**
 * For hosts behind others: an ssh_config that holds for every hop, because ssh hands `-F` on to the ssh of a hop, and no `-o`. What
 * the machine says otherwise follows after it.
 */
export function configForHops(spec: SshExecutorSpec, controlPath: string): string {
  const options = Object.entries({ ...ALWAYS, ControlPath: controlPath, ...filesOf(spec) }).map(([name, value]) => `${name} ${value}`);
  const files = spec.configFile === null ? ['~/.ssh/config', '/etc/ssh/ssh_config'] : [spec.configFile];
  return `${[...options, ...files.map((file) => `Include ${file}`)].join('\n')}\n`;
}

/** Two hosts may share a connection only if all of this is equal: an address alone may be another host behind another jump. */
export function settingsOf({ identityFile, certificateFile, configFile, knownHostsFile, jump }: SshExecutorSpec): string {
  return JSON.stringify([identityFile, certificateFile, configFile, knownHostsFile, jump]);
}

/** The words that may not become part of a command line, all of them, as `executor.user "-x"`. The API refuses them first. */
export function badWords(host: HostSpec, spec: SshExecutorSpec): readonly string[] {
  const isPort = (port: number): boolean => Number.isInteger(port) && port >= 1 && port <= 65535;
  const paths = (['root', 'identityFile', 'certificateFile', 'configFile', 'knownHostsFile'] as const).filter((name) => spec[name] !== null && !isPlainPath(spec[name]));
  return [
    ...(isAddress(host.address) ? [] : [`address ${JSON.stringify(host.address)}`]),
    ...paths.map((name) => `executor.${name} ${JSON.stringify(spec[name])}`),
    ...(spec.user === null || isLogin(spec.user) ? [] : [`executor.user ${JSON.stringify(spec.user)}`]),
    ...(spec.port === null || isPort(spec.port) ? [] : [`executor.port ${JSON.stringify(spec.port)}`]),
    ...spec.jump.filter((hop) => !isHop(hop)).map((hop) => `executor.jump ${JSON.stringify(hop)}`),
  ];
}

/** An agent with many keys would have the host hang up before the right one comes. */
function filesOf({ identityFile, certificateFile, knownHostsFile }: SshExecutorSpec): Readonly<Record<string, string>> {
  return {
    ...(identityFile === null ? {} : { IdentityFile: identityFile, IdentitiesOnly: 'yes' }),
    ...(certificateFile === null ? {} : { CertificateFile: certificateFile }),
    ...(knownHostsFile === null ? {} : { UserKnownHostsFile: knownHostsFile }),
  };
}
