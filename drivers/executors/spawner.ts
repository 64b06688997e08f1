/** The client of spawner-process.ts: starts it when it is first needed, again after it died, and keeps nobody alive by it when idle. */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Order, Outcome, Start } from './spawner-process.ts';

const ENTRY = fileURLToPath(new URL('./spawner-process.ts', import.meta.url));
/** Its heap stays small, and a small process forks quickly. */
const NODE_FLAGS = ['--v8-pool-size=0', '--max-semi-space-size=1', '--disable-warning=ExperimentalWarning'];
/** A spawner that is stopped or stuck must not hold up its caller for longer than this. */
const ENDING_TIMEOUT_MS = 10_000;

export type SpawnRequest = Omit<Start, 'kind' | 'id'>;

export interface Spawner {
  /**
   * Runs one program to its end. An abort kills its process group and throws the signal's reason once it is gone. Throws SpawnerDied
   * when the small process ends in between: the program may then still be at work.
   */
  run(request: SpawnRequest, signal: AbortSignal): Promise<Outcome>;
  /** Kills every call and ends the small process; another `run` starts a new one. */
  close(): Promise<void>;
  /** pid of the small process, null while there is none */
  pid(): number | null;
}

export class SpawnerDied extends Error {
  override readonly name = 'SpawnerDied';
}

interface Call {
  resolve(outcome: Outcome): void;
  reject(reason: unknown): void;
}

interface Connection {
  readonly child: ChildProcess;
  readonly calls: Map<number, Call>;
}

export function createSpawner(): Spawner {
  let connection: Connection | null = null;
  let lastId = 0;
  const connected = (): Connection => {
    connection ??= connect((ended) => {
      if (connection === ended) connection = null;
    });
    return connection;
  };
  return {
    run: (request, signal) => {
      lastId += 1;
      return call(connected(), { kind: 'start', id: lastId, ...request }, signal);
    },
    close: async () => {
      const closing = connection;
      connection = null;
      if (closing !== null) await end(closing.child);
    },
    pid: () => connection?.child.pid ?? null,
  };
}

function connect(onEnd: (ended: Connection) => void): Connection {
  const child = fork(ENTRY, [], { execArgv: NODE_FLAGS, env: {}, cwd: '/', serialization: 'json', stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const connection: Connection = { child, calls: new Map() };
  const over = (why: string): void => {
    onEnd(connection);
    for (const { reject } of connection.calls.values()) reject(new SpawnerDied(why));
  };
  child.on('message', (outcome: Outcome) => connection.calls.get(outcome.id)?.resolve(outcome));
  child.on('error', (error) => over(error.message));
  child.on('disconnect', () => over('its channel closed'));
  child.on('exit', (code, signal) => over(signal ?? `exit ${code}`));
  child.unref();
  child.channel?.unref();
  return connection;
}

/** The channel holds the caller's process exactly while calls are under way. */
function call({ child, calls }: Connection, start: Start, signal: AbortSignal): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    let givingUp: NodeJS.Timeout | undefined;
    const onAbort = (): void => {
      send(child, { kind: 'end', id: start.id });
      givingUp = setTimeout(() => settle(() => reject(signal.reason)), ENDING_TIMEOUT_MS);
    };
    const settle = (act: () => void): void => {
      clearTimeout(givingUp);
      signal.removeEventListener('abort', onAbort);
      calls.delete(start.id);
      if (calls.size === 0) child.channel?.unref();
      act();
    };
    calls.set(start.id, {
      resolve: (outcome) => settle(() => (signal.aborted ? reject(signal.reason) : resolve(outcome))),
      reject: (reason) => settle(() => reject(signal.aborted ? signal.reason : reason)),
    });
    signal.addEventListener('abort', onAbort, { once: true });
    child.channel?.ref();
    send(child, start);
  });
}

/** What cannot be sent any more is told by the end of the process. */
function send(child: ChildProcess, order: Order): void {
  child.send(order, () => undefined);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  child.ref();
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const killing = setTimeout(() => child.kill('SIGKILL'), ENDING_TIMEOUT_MS);
  send(child, { kind: 'close' });
  await gone;
  clearTimeout(killing);
}
