/**
 * nginx's processes as Linux shows them: the master of the pid file, and its workers. nginx tells in the title of a worker whether it
 * still accepts connections; a reload has happened when no worker from before it does.
 */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { BalancerDown, BalancerMisconfigured, type BalancerIdentity } from '../port.ts';

export interface Master {
  readonly pid: number;
  /** its command line as its title shows it */
  readonly command: string;
}

const MASTER = 'nginx: master process ';
const ACCEPTING = /^nginx: worker process\s*$/;
const ENDING = /^nginx: worker process is shutting down/;
/** Ticks per second in /proc, the same on every Linux that Node runs on. */
const TICKS = 100;

/** Throws BalancerDown when the file is missing or names no master of nginx: a number from before may by now be anybody's. */
export function findMaster(pidFile: string): Master {
  const pid = Number(readOrNull(pidFile)?.trim() ?? '');
  if (!Number.isInteger(pid) || pid < 2) throw new BalancerDown(`No master process of nginx: ${pidFile} ${readOrNull(pidFile) === null ? 'cannot be read' : 'holds no process id'}. Start nginx, or correct traffic.pidFile of the pool.`);
  const title = titleOf(pid);
  if (!title.startsWith(MASTER)) throw new BalancerDown(`No master process of nginx: ${pidFile} says ${pid}, which is ${title === '' ? 'gone' : 'another program'}. Start nginx, or correct traffic.pidFile of the pool.`);
  return { pid, command: title.slice(MASTER.length) };
}

export function identityOf({ pid }: Master): BalancerIdentity {
  const startTicks = Number(statOf(pid)[19] ?? 0);
  const uptime = Number(readOrNull('/proc/uptime')?.split(' ')[0] ?? 0);
  return { pid, uptimeSeconds: Math.max(0, Math.floor(uptime - startTicks / TICKS)) };
}

/** Workers that take connections: those of the configuration in force, and for a moment after a reload those from before it. */
export function acceptingWorkers(master: Master): readonly number[] {
  return workersOf(master).filter(isAccepting);
}

/** Workers from before a reload that still have a request in hand. They go by the configuration they began with, to the end. */
export function endingWorkers(master: Master): readonly number[] {
  return workersOf(master).filter((pid) => ENDING.test(titleOf(pid)));
}

export function isAccepting(pid: number): boolean {
  return ACCEPTING.test(titleOf(pid));
}

/** The user of the workers: sockets carry it. null when there is no worker. */
export function workerUser(master: Master): number | null {
  for (const pid of workersOf(master)) {
    const uid = /^Uid:\s+[0-9]+\s+([0-9]+)/m.exec(readOrNull(`/proc/${pid}/status`) ?? '')?.[1];
    if (uid !== undefined) return Number(uid);
  }
  return null;
}

function workersOf({ pid }: Master): readonly number[] {
  const listed = readOrNull(`/proc/${pid}/task/${pid}/children`);
  if (listed !== null) return listed.split(' ').filter((word) => word !== '').map(Number);
  // A kernel that does not list children.
  return readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name)).map(Number).filter((child) => Number(statOf(child)[1] ?? 0) === pid);
}

/** Fields of /proc/PID/stat behind the name, which may hold anything: state, parent, … Empty when the process is gone. */
function statOf(pid: number): readonly string[] {
  const text = readOrNull(`/proc/${pid}/stat`) ?? '';
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
}

function titleOf(pid: number): string {
  return (readOrNull(`/proc/${pid}/cmdline`) ?? '').replaceAll('\0', ' ').trimEnd();
}

function readOrNull(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

/** nginx's own look at the whole configuration, by the very program and files of this master. Throws BalancerMisconfigured with its words, or BalancerDown when it does not end in time. */
export async function testConfiguration(master: Master, timeoutMs: number): Promise<void> {
  const { program, args } = testCommand(master);
  const said = await new Promise<string | null>((resolve) => {
    execFile(program, [...args], { timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: 1024 * 1024 }, (error, stdout, stderr) => {
      if (error === null) return resolve(null);
      resolve(error.killed === true ? '' : (firstComplaint(`${stderr}\n${stdout}`) ?? `\`${program} -t\` gave no reason (${error.message})`));
    });
  });
  if (said === '') throw new BalancerDown(`\`${program} -t\` did not end within ${timeoutMs} ms.`);
  if (said !== null) throw new BalancerMisconfigured(`nginx refused its configuration: ${said}`);
}

/** `-c`, `-p` and `-e` as the master got them; all must be without spaces, since a title does not show where a word ends. */
export function testCommand({ pid, command }: Master): { readonly program: string; readonly args: readonly string[] } {
  const option = (name: string): readonly string[] => {
    const value = new RegExp(` -${name} ?(/\\S+|stderr\\b)`).exec(` ${command}`)?.[1];
    return value === undefined ? [] : [`-${name}`, value];
  };
  return { program: programOf(pid), args: ['-t', '-q', ...option('e'), ...option('p'), ...option('c')] };
}

/** The program that runs, or `nginx` of the search path where that may not be seen. A program that was upgraded meanwhile shows as deleted. */
function programOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/exe`).replace(/ \(deleted\)$/, '');
  } catch {
    return 'nginx';
  }
}

function firstComplaint(output: string): string | null {
  const lines = output.split('\n').map((line) => line.trim()).filter((line) => line !== '');
  // Whoever may not write nginx's log is told so first, which is no fault of the configuration.
  return lines.find((line) => line.includes('[emerg]')) ?? lines[0] ?? null;
}

/** Asks the master to read its configuration again; nothing says whether it will. Throws BalancerMisconfigured without the right to, BalancerDown when it is gone. */
export function askReload({ pid }: Master): void {
  try {
    process.kill(pid, 'SIGHUP');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EPERM') throw new BalancerMisconfigured(`The worker may not signal nginx (process ${pid}). Run it as the same account as nginx's master process, or as root.`);
    throw new BalancerDown(`nginx (process ${pid}) is gone.`, { cause: error });
  }
}
