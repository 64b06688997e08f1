/**
 * Bench: what a call on a host over ssh costs beyond what the host itself does, by the executor `ssh` and by Ansible. Fifty hosts, ten at a
 * time, each called some times one after the other, as a release does; both sides begin without a connection. Prints wall and processor
 * time of the machine per host, and ends with 1 when a target is missed.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { encodeHostInput } from '../drivers/executors/host-protocol.ts';
import { createSshExecutor } from '../drivers/executors/ssh.ts';
import { cacheFolder } from '../stack/place.ts';
import { ansiblePlaybook } from './ansible/ansible-side.ts';
import { runCalls } from './executors/ansible-side.ts';
import { openSshHosts, type SshHosts } from './executors/hosts.ts';
import { inLanes } from './executors/lanes.ts';
import { spentBy, type Spent } from './executors/machine-time.ts';
import { median, verdict, withSpread } from './statistics.ts';

const CLONE = dirname(dirname(fileURLToPath(import.meta.url)));
const HOST_PROGRAM = join(CLONE, 'host', 'signalbox-host');
const CALL_TIMEOUT_MS = 60_000;
const RATIO_MAX = 0.2;

const { values } = parseArgs({ options: { hosts: { type: 'string', default: '50' }, lanes: { type: 'string', default: '10' }, calls: { type: 'string', default: '6' }, runs: { type: 'string', default: '5' } } });
const [count, lanes, calls, runs] = [values.hosts, values.lanes, values.calls, values.runs].map(wholeNumber) as [number, number, number, number];

const folder = mkdtempSync(join(tmpdir(), 'sbx-bench-'));
let hosts: SshHosts | null = null;
try {
  const playbook = await ansiblePlaybook(cacheFolder(CLONE), (line) => console.log(line));
  hosts = await openSshHosts(folder, count);
  process.exitCode = await measure(hosts, playbook);
} finally {
  hosts?.end();
  rmSync(folder, { recursive: true, force: true });
}

async function measure(on: SshHosts, playbook: string): Promise<number> {
  const [load = 0] = loadavg();
  if (load > 1) console.log(`the machine is busy (load ${load.toFixed(1)}): both sides will look too slow`);
  const sides: Readonly<Record<'own' | 'signalbox' | 'ansible', () => Promise<void>>> = {
    own: () => inLanes(on.hosts, lanes, async ({ executor: { root } }) => {
      for (let n = 0; n < calls; n += 1) await run(['sh', HOST_PROGRAM, 'observe'], inputOf(root));
    }),
    signalbox: () => bySignalbox(on),
    ansible: () => runCalls({ playbook, folder, hosts: on, lanes, calls, command: ['sh', HOST_PROGRAM, 'observe'], input: (name) => inputOf(join(folder, name)) }),
  };
  // The program is brought to the hosts, and Ansible fills its caches, before anything is measured.
  await sides.signalbox();
  await sides.ansible();
  const spent = { own: [] as Spent[], signalbox: [] as Spent[], ansible: [] as Spent[] };
  for (let n = 1; n <= runs; n += 1) {
    for (const side of ['own', 'signalbox', 'ansible'] as const) spent[side].push(await spentBy(sides[side]));
    console.log(`run ${n} of ${runs}: ${(['own', 'signalbox', 'ansible'] as const).map((side) => `${side} ${((spent[side].at(-1)?.wallMs ?? 0) / 1000).toFixed(1)} s`).join(', ')}`);
  }
  return report(spent);
}

async function bySignalbox(on: SshHosts): Promise<void> {
  const executor = createSshExecutor({ hostProgram: HOST_PROGRAM });
  const { signal } = new AbortController();
  try {
    await inLanes(on.hosts, lanes, async (host) => {
      for (let n = 0; n < calls; n += 1) {
        const answer = await executor.run(host, 'observe', { applications: '' }, { timeoutMs: CALL_TIMEOUT_MS, signal });
        if (!answer.ok) throw new Error(`${host.name}: ${answer.message}`);
      }
    });
  } finally {
    await executor.close();
  }
}

/** What a call costs is what is spent beyond the command's own time, which is measured on this machine in the same way. */
function report(spent: Readonly<Record<'own' | 'signalbox' | 'ansible', readonly Spent[]>>): number {
  const own = { wallMs: median(spent.own.map(({ wallMs }) => wallMs)), processorMs: median(spent.own.map(({ processorMs }) => processorMs)) };
  const beyond = (side: 'signalbox' | 'ansible', what: 'wallMs' | 'processorMs'): readonly number[] => spent[side].map((one) => (one[what] - own[what]) / count);
  console.log(`\n${count} hosts, ${lanes} at a time, ${calls} calls each, N = ${runs}; the command itself takes ${(own.wallMs / count).toFixed(0)} ms wall and ${(own.processorMs / count).toFixed(0)} ms processor time per host`);
  for (const side of ['signalbox', 'ansible'] as const) console.log(`  ${side.padEnd(9)} beyond it, per host: ${withSpread(beyond(side, 'wallMs'), 1)} ms wall, ${withSpread(beyond(side, 'processorMs'), 1)} ms processor`);
  const verdicts = (['wallMs', 'processorMs'] as const).map((what) =>
    verdict({ what: `overhead per host as a part of Ansible's, ${what === 'wallMs' ? 'wall time' : 'processor time'}`, measured: median(beyond('signalbox', what)) / median(beyond('ansible', what)), max: RATIO_MAX, digits: 3 }),
  );
  for (const { line } of verdicts) console.log(`  ${line}`);
  return verdicts.every(({ holds }) => holds) ? 0 : 1;
}

function inputOf(root: string): string {
  return encodeHostInput({ root, applications: '' });
}

function run([command = '', ...words]: readonly string[], input: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, words, { stdio: ['pipe', 'ignore', 'inherit'] });
    child.once('error', reject);
    child.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`${command} ended with ${code}`))));
    child.stdin.end(input);
  });
}

function wholeNumber(text: string | undefined): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1) throw new Error(`${text ?? ''} is no whole number from 1`);
  return number;
}

