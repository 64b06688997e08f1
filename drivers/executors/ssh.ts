/** The executor for hosts that are reached by the system's OpenSSH client. The host program is brought along and kept by its digest. */
import { createHash } from 'node:crypto';
import { accessSync, constants, readFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { withinTime } from './deadline.ts';
import { encodeHostInput, parseHostAnswer } from './host-protocol.ts';
import { ExecutorDown, HostUnreachable } from './port.ts';
import { SpawnerDied, createSpawner } from './spawner.ts';
import { SYSTEM_PATH } from './system-path.ts';
import { readComplaint } from './ssh/complaint.ts';
import { REMOTE_STATUS, callLine, installLine } from './ssh/remote-line.ts';
import { createSharedConnections } from './ssh/shared-connections.ts';
import { badWords, destinationWords, unsharedWords } from './ssh/words.ts';
import type { SshExecutorSpec } from '../../domain/executor-spec.ts';
import type { HostSpec } from '../../domain/inventory.ts';
import type { SharedConnections } from './ssh/shared-connections.ts';
import type { Executor, HostVerb } from './port.ts';
import type { Outcome } from './spawner-process.ts';
import type { Spawner } from './spawner.ts';

const OUTPUT_BYTES_MAX = 1024 * 1024;
const ENDING_TIMEOUT_MS = 2_000;
/** All that is said when another program makes the connection and fails: a jump host or a ProxyCommand. */
const PERHAPS_ON_THE_WAY = /UNKNOWN port|kex_exchange_identification/;

export interface SshExecutorOptions {
  /** file of the host program, which is put in place on each host */
  readonly hostProgram: string;
  /** the OpenSSH client */
  readonly ssh?: string;
  /** PATH of the client and of what its configuration runs, such as a ProxyCommand */
  readonly path?: string;
  /** socket of an ssh agent; null: none but what ssh_config names */
  readonly agentSocket?: string | null;
  /** folder in which the private one for shared connections is made */
  readonly temporaryFolder?: string;
}

export interface SshExecutor extends Executor {
  /** Ends the calls under way, every shared connection and the process that starts ssh; one more `run` begins anew. */
  close(): Promise<void>;
}

/**
 * An executor for hosts whose `executor.driver` is `ssh`. A timeout or an abort ends the local ssh; the host program goes on to its end on
 * the host, and its journal answers the next call of the same opId. A host that cannot be reached, refuses the login or shows a wrong
 * key is HostUnreachable; a missing client, key file or place for shared connections is ExecutorDown.
 */
export function createSshExecutor(options: SshExecutorOptions): SshExecutor {
  const spawner = createSpawner();
  const connections = createSharedConnections(options.temporaryFolder ?? tmpdir());
  const client = createClient(spawner, options);
  let program: Program | null = null;
  let closing: Promise<void> | null = null;
  return {
    driver: 'ssh',
    run: async (host, verb, input, run) => {
      run.signal.throwIfAborted();
      const spec = specOf(host);
      program ??= readProgram(options.hostProgram);
      const call: Call = { host, spec, verb, program, text: encodeHostInput({ root: spec.root, ...input }) };
      const late = (): Error => new HostUnreachable(host.name, `${host.name} did not answer ${verb} within ${run.timeoutMs} ms; the same step may be sent again.`);
      const output = await withinTime(run, late, (signal) => converse({ client, connections, signal }, call));
      return parseHostAnswer(host.name, verb, output);
    },
    // Whoever asks while it is under way waits for the same end: a worker that goes is told twice.
    close: () => {
      closing ??= closeAll(spawner, connections, client).finally(() => {
        closing = null;
      });
      return closing;
    },
  };
}

async function closeAll(spawner: Spawner, connections: SharedConnections, client: Client): Promise<void> {
  await spawner.close();
  await connections.end(async (words) => {
    await client(words, '', AbortSignal.timeout(ENDING_TIMEOUT_MS)).catch(() => undefined);
  });
  await spawner.close();
}

/** Runs ssh with these words and this standard input. */
type Client = (words: readonly string[], text: string, signal: AbortSignal) => Promise<Outcome>;

function createClient(spawner: Spawner, { ssh = 'ssh', path = SYSTEM_PATH, agentSocket = null }: SshExecutorOptions): Client {
  // Complaints are read, so they must be in the language we know.
  const env = { PATH: path, HOME: homedir(), LC_ALL: 'C', ...(agentSocket === null ? {} : { SSH_AUTH_SOCK: agentSocket }) };
  return async (words, text, signal) => {
    signal.throwIfAborted();
    const outcome = await spawner.run({ command: ssh, words, env, text, outputBytesMax: OUTPUT_BYTES_MAX }, signal);
    if (outcome.kind === 'failed') throw new ExecutorDown(`The OpenSSH client ${ssh} could not be started: ${outcome.message}. Install it (Debian: openssh-client) or mend its path.`);
    return outcome;
  };
}

interface Program {
  readonly text: string;
  readonly digest: string;
}

/** Read once: a worker goes on with the program it began with. */
function readProgram(file: string): Program {
  try {
    const bytes = readFileSync(file);
    return { text: bytes.toString('utf8'), digest: createHash('sha256').update(bytes).digest('hex') };
  } catch (error) {
    throw new ExecutorDown(`The host program ${file} cannot be read: ${(error as Error).message}. Install Signalbox completely or mend its path.`);
  }
}

/** The checked settings of a host, whose files are there. */
function specOf(host: HostSpec): SshExecutorSpec {
  const { name, executor } = host;
  if (executor.driver !== 'ssh') throw new TypeError(`${name} is reached by ${executor.driver}, not by ssh`);
  const bad = badWords(host, executor);
  if (bad.length > 0) throw new HostUnreachable(name, `${name} is not called, because these would be unsafe in a command: ${bad.join(', ')}. Declare the host anew.`);
  for (const field of ['identityFile', 'certificateFile', 'configFile', 'knownHostsFile'] as const) {
    const file = executor[field];
    if (file !== null && !isReadable(file)) throw new ExecutorDown(`${file}, which executor.${field} of ${name} names, cannot be read by the worker. Put it there, or mend its rights.`);
  }
  return executor;
}

function isReadable(file: string): boolean {
  try {
    accessSync(file, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

interface Call {
  readonly host: HostSpec;
  readonly spec: SshExecutorSpec;
  readonly verb: HostVerb;
  readonly program: Program;
  readonly text: string;
}

interface Way {
  readonly client: Client;
  readonly connections: SharedConnections;
  readonly signal: AbortSignal;
}

/** The output of a call that ended well. Where the program is missing, it is put in place, and the call is made once more. */
async function converse(way: Way, call: Call): Promise<string> {
  const { host, spec, verb, program, text } = call;
  const line = callLine(spec.root, program.digest, verb);
  try {
    let ended = await send(way, call, line, text);
    if (ended.code === REMOTE_STATUS.absent) {
      const installed = await send(way, call, installLine(spec.root, program.digest), program.text);
      if (installed.code !== 0) throw notInstalled(call, installed);
      ended = await send(way, call, line, text);
      if (ended.code === REMOTE_STATUS.absent) throw new HostUnreachable(host.name, `The host program was put into ${spec.root}/program of ${host.name} and is damaged or gone again. Look at that disk, and at who else writes there.`);
    }
    if (ended.code === REMOTE_STATUS.tools) throw notInstalled(call, ended);
    if (ended.code !== 0) throw new HostUnreachable(host.name, `The host program on ${host.name} broke in ${verb} (exit ${ended.code}): ${ended.complaint.trim() || ended.output.trim().slice(0, 200) || 'it said nothing'}`);
    return ended.output;
  } catch (error) {
    if (error instanceof SpawnerDied) throw new ExecutorDown(`The process that starts ssh ended (${error.message}) while ${verb} ran on ${host.name}; the same step may be sent again.`);
    throw error;
  }
}

type Ended = Extract<Outcome, { kind: 'ended' }>;

/** One line over ssh that ended by itself, with whatever status but ssh's own. */
async function send({ client, connections, signal }: Way, { host, spec, verb }: Call, line: string, text: string): Promise<Ended> {
  const sharing = connections.placeFor(spec);
  const outcome = (await client([...destinationWords(host, spec, sharing), line], text, signal)) as Ended;
  if (outcome.tooMuch) throw new HostUnreachable(host.name, `${host.name} answered ${verb} with more than ${OUTPUT_BYTES_MAX} bytes.`);
  if (outcome.signal !== null) throw new ExecutorDown(`ssh to ${host.name} was ended on this machine by ${outcome.signal} during ${verb}; the same step may be sent again.`);
  if (outcome.code !== 255) return outcome;
  // The ssh of a hop is silent when the connection is shared, so what is wrong on the way is asked for by itself.
  const told = !PERHAPS_ON_THE_WAY.test(outcome.complaint) ? outcome : ((await client([...unsharedWords(host, spec, sharing.configFile), 'exit 0'], '', signal)) as Ended);
  const { fault, sentence } = readComplaint(told.code === 255 ? told.complaint : outcome.complaint);
  const place = `${host.name} (${host.address}${spec.port === null ? '' : ` port ${spec.port}`}${spec.jump.length === 0 ? '' : ` by way of ${spec.jump.join(', ')}`})`;
  throw fault === 'client' ? new ExecutorDown(`${place} ${sentence}`) : new HostUnreachable(host.name, `${place} ${sentence}`);
}

function notInstalled({ host, spec }: Call, { code, complaint }: Ended): HostUnreachable {
  const said = complaint.trim();
  const why =
    code === REMOTE_STATUS.tools
      ? `the host lacks ${/missing: *(.*)/.exec(said)?.[1] ?? 'tools'}. Install them (coreutils and findutils, or busybox)`
      : code === REMOTE_STATUS.damaged
        ? 'it arrived damaged; the connection broke, or something on the way or in the login shell changes what is sent. The same step may be sent again'
        : `${spec.root}/program cannot be written (${said || `exit ${code}`}). Give the account that logs in the rights and the room`;
  return new HostUnreachable(host.name, `The host program cannot be kept on ${host.name}: ${why}.`);
}
