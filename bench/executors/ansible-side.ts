/** Ansible's side: the same program with the same input on the same hosts, as somebody who knows it well writes it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand } from '../../stack/command.ts';
import { inLanes } from './lanes.ts';
import type { SshHosts } from './hosts.ts';

const TIMEOUT_MS = 600_000;

export interface AnsibleCalls {
  readonly playbook: string;
  readonly folder: string;
  readonly hosts: SshHosts;
  readonly lanes: number;
  readonly calls: number;
  /** argv and standard input of one call on a host, by its name */
  readonly command: readonly string[];
  readonly input: (host: string) => string;
}

/** One run of ansible-playbook with connections of its own: each host does its calls one after the other, and waits for no other host (strategy free). */
export async function runCalls({ playbook, folder, hosts, lanes, calls, command, input }: AnsibleCalls): Promise<void> {
  const tasks = Array.from({ length: calls }, (_, index) => ({ name: `Call ${index + 1}`, 'ansible.builtin.command': { argv: command, stdin: '{{ input }}', stdin_add_newline: false }, changed_when: false }));
  const file = join(folder, 'calls.json');
  writeFileSync(file, JSON.stringify([{ hosts: 'all', gather_facts: false, strategy: 'free', tasks }]));
  writeFileSync(join(folder, 'inventory.json'), JSON.stringify({ all: { hosts: Object.fromEntries(hosts.hosts.map(({ name, address }) => [name, { ansible_host: address, input: input(name) }])) } }));
  // Sockets have short names, and each run opens connections of its own.
  const sockets = mkdtempSync(join(tmpdir(), 'ab-'));
  const ssh = `-o ControlMaster=auto -o ControlPersist=60s -o StrictHostKeyChecking=yes -o UserKnownHostsFile=${hosts.knownHostsFile}`;
  try {
    const result = await runCommand(playbook, ['-i', join(folder, 'inventory.json'), '--private-key', hosts.identityFile, file], {
      timeoutMs: TIMEOUT_MS,
      env: {
        ...process.env, ANSIBLE_FORKS: String(lanes), ANSIBLE_PIPELINING: 'true', ANSIBLE_SSH_ARGS: ssh, ANSIBLE_SSH_CONTROL_PATH_DIR: sockets, ANSIBLE_SSH_CONTROL_PATH: '%(directory)s/%%h',
        ANSIBLE_PYTHON_INTERPRETER: '/usr/bin/python3', ANSIBLE_HOME: join(folder, 'home'), ANSIBLE_LOCAL_TEMP: join(folder, 'tmp'), ANSIBLE_DISPLAY_SKIPPED_HOSTS: 'false', LC_ALL: 'C.UTF-8',
      },
    });
    if (result.code !== 0) throw new Error(`ansible-playbook ended with ${result.code}:\n${result.output.slice(-2_000)}`);
    const done = result.output.split('\n').filter((line) => /^(?:ok|changed): \[/.test(line)).length;
    if (done !== calls * hosts.hosts.length) throw new Error(`ansible-playbook made ${done} calls, not ${calls * hosts.hosts.length}`);
  } finally {
    await inLanes(hosts.hosts, 5, async ({ address }) => void (await runCommand('ssh', ['-F', 'none', '-o', `ControlPath=${join(sockets, address)}`, '-O', 'exit', '--', 'x'], { timeoutMs: 5_000 })));
    rmSync(sockets, { recursive: true, force: true });
  }
}
