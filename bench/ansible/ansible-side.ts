/** Ansible's side: ansible-core in a virtual environment of its own, the committed playbook, one call of ansible-playbook per release. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { lastLine, runCommand } from '../../stack/command.ts';
import { DRAIN_TIMEOUT_SECONDS, type Fleet } from './fleet.ts';
import { waitedForMs } from './processor-time.ts';
import type { PackageStore, PublishedPackage } from './package-store.ts';
import type { MeasuredRelease, SideResult } from './side.ts';

export const ANSIBLE_CORE_VERSION = '2.19.14';

const FOLDER = dirname(fileURLToPath(import.meta.url));
const INSTALL_TIMEOUT_MS = 300_000;
const PLAYBOOK_TIMEOUT_MS = 900_000;

/** Path of ansible-playbook, installed into the cache by pip when missing. Throws with pip's last line. */
export async function ansiblePlaybook(cacheDir: string, log: (line: string) => void): Promise<string> {
  const folder = join(cacheDir, `ansible-core-${ANSIBLE_CORE_VERSION}`);
  const program = join(folder, 'bin', 'ansible-playbook');
  if (existsSync(program)) return program;
  log(`installing ansible-core ${ANSIBLE_CORE_VERSION} into ${folder} (once)`);
  const steps = [
    ['python3', '-m', 'venv', folder],
    [join(folder, 'bin', 'python3'), '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', `ansible-core==${ANSIBLE_CORE_VERSION}`],
  ] as const;
  for (const [command, ...args] of steps) {
    const result = await runCommand(command, args, { timeoutMs: INSTALL_TIMEOUT_MS });
    if (result.code !== 0) throw new Error(`ansible-core ${ANSIBLE_CORE_VERSION} could not be installed: ${lastLine(result.output)}. It needs Python 3.11 or newer.`);
  }
  return program;
}

export interface AnsibleSideOptions {
  readonly fleet: Fleet;
  readonly folder: string;
  readonly store: PackageStore;
  readonly playbook: string;
  readonly runs: number;
  readonly log: (line: string) => void;
}

/** The first install is not measured; then `runs` releases one after the other under load. */
export async function runAnsible(options: AnsibleSideOptions): Promise<SideResult> {
  const { fleet, store, log } = options;
  const inventory = writeInventory(options);
  const release = async (published: PublishedPackage): Promise<MeasuredRelease> => {
    const startedMs = performance.now();
    const beforeMs = waitedForMs();
    await play(options, inventory, published);
    const measured = { version: published.version, wallMs: performance.now() - startedMs, processor: [{ label: 'ansible-playbook', ms: waitedForMs() - beforeMs }] };
    await fleet.runs(published.version);
    return measured;
  };
  await release(store.publish('1.0.0'));
  const traffic = fleet.startTraffic();
  const releases: MeasuredRelease[] = [];
  for (let run = 1; run <= options.runs; run += 1) {
    const measured = await release(store.publish(`${run + 1}.0.0`));
    log(`Ansible ${run} of ${options.runs}: ${(measured.wallMs / 1000).toFixed(1)} s wall`);
    releases.push(measured);
  }
  return { releases, traffic: await traffic.stop() };
}

function writeInventory({ fleet, folder }: AnsibleSideOptions): string {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'inventory.json');
  const hosts = Object.fromEntries(fleet.hosts.map(({ name, address, port, root }) => [name, { ansible_host: address, port, root }]));
  const vars = {
    ansible_connection: 'local',
    node: process.execPath,
    balancer_socket: fleet.balancer.socket,
    balancer_backend: fleet.backend,
    drain_timeout_seconds: DRAIN_TIMEOUT_SECONDS,
  };
  writeFileSync(file, JSON.stringify({ fleet: { hosts, vars } }, null, 2));
  return file;
}

async function play({ playbook, folder }: AnsibleSideOptions, inventory: string, { version, uri, sha256 }: PublishedPackage): Promise<void> {
  const variables = JSON.stringify({ version, package_url: uri, package_sha256: sha256 });
  const result = await runCommand(playbook, ['-i', inventory, '-e', variables, join(FOLDER, 'site.yml')], {
    timeoutMs: PLAYBOOK_TIMEOUT_MS,
    cwd: FOLDER,
    env: { ...process.env, ANSIBLE_CONFIG: join(FOLDER, 'ansible.cfg'), ANSIBLE_HOME: join(folder, 'home'), ANSIBLE_LOCAL_TEMP: join(folder, 'tmp'), ANSIBLE_REMOTE_TEMP: join(folder, 'tmp'), PYTHONDONTWRITEBYTECODE: undefined, LC_ALL: 'C.UTF-8' },
  });
  writeFileSync(join(folder, `playbook-${version}.log`), result.output);
  if (result.code !== 0) throw new Error(`ansible-playbook ended with ${result.code} while releasing ${version}:\n${complaintsIn(result.output)}`);
}

/** What failed, without the tasks that went well and the table of all hosts at the end. */
function complaintsIn(output: string): string {
  const [tasks = ''] = output.split('PLAY RECAP');
  return tasks.trimEnd().split('\n').filter((line) => !/^(ok|changed|skipping): /.test(line)).slice(-15).join('\n');
}
