/** Hosts of a network of their own on this machine: Linux network namespaces, each with one line to us. Needs root, iproute2 and iptables. */
import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';

export interface NetworkHost {
  /** of the host, on its line to us */
  readonly address: string;
  /** words before a command that is to run there */
  readonly inside: readonly string[];
  /** drops every packet, both ways: nothing arrives and nothing is said about it */
  cut(): void;
  heal(): void;
}

export interface Network {
  readonly hosts: readonly NetworkHost[];
  /** removes namespaces and lines; what runs in them must have ended */
  dispose(): void;
}

/** @throws with what `ip` said, for instance that only root may do this */
export function openNetwork(count: number): Network {
  // Other runs on this machine have networks too.
  const id = randomInt(1, 250);
  const made: string[] = [];
  const dispose = (): void => {
    for (const name of made.splice(0)) ip('netns', 'delete', name);
  };
  try {
    return { hosts: Array.from({ length: count }, (_, index) => openHost(id, index, made)), dispose };
  } catch (error) {
    dispose();
    throw error;
  }
}

function openHost(id: number, index: number, made: string[]): NetworkHost {
  const name = `sbx${id}-${index}`;
  const line = `sbx${id}h${index}`;
  const subnet = `10.${200 + (index >> 6)}.${id}.${(index & 63) * 4}`;
  const [ours, address] = [1, 2].map((last) => subnet.replace(/\d+$/, (first) => String(Number(first) + last))) as [string, string];
  ip('netns', 'add', name);
  made.push(name);
  // A line goes with its end inside the namespace.
  ip('link', 'add', line, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
  ip('address', 'add', `${ours}/30`, 'dev', line);
  ip('link', 'set', line, 'up');
  ip('-n', name, 'address', 'add', `${address}/30`, 'dev', 'eth0');
  ip('-n', name, 'link', 'set', 'eth0', 'up');
  ip('-n', name, 'link', 'set', 'lo', 'up');
  return {
    address,
    inside: ['ip', 'netns', 'exec', name],
    cut: () => filter(name, '-I'),
    heal: () => filter(name, '-D'),
  };
}

function filter(namespace: string, change: '-I' | '-D'): void {
  for (const chain of ['INPUT', 'OUTPUT']) ip('netns', 'exec', namespace, 'iptables', '-w', change, chain, '-j', 'DROP');
}

function ip(...words: readonly string[]): void {
  const { status, stderr, error } = spawnSync('ip', words, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`ip ${words.join(' ')}: ${error?.message ?? stderr.trim()}. Such networks need root and the Debian packages iproute2 and iptables.`);
}
