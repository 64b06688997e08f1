/** A Node process of ours with a health page: the API and the worker as the supervisor runs them. */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Service } from './supervisor.ts';

export interface NodeService {
  readonly name: string;
  /** the .ts file that is run */
  readonly entry: string;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly logFile: string;
  /** answers 200 once the process can be used */
  readonly readyUrl: string;
}

/**
 * A worker keeps hundreds of small garbage objects per workflow task. With a small young generation, two malloc arenas and an old
 * generation of at most 1.5 GB, of which V8 lets garbage grow to less than twice what lives instead of four times, it stays at about half
 * the memory that the defaults give it, at the same speed (bench/memory.ts runs it like this).
 */
export const LEAN_FLAGS: readonly string[] = ['--max-semi-space-size=8', '--max-old-space-size=1536'];
export const LEAN_ENVIRONMENT = { MALLOC_ARENA_MAX: '2' } as const;

const READY_TIMEOUT_MS = 60_000;

export function nodeService(options: NodeService): Service {
  return {
    name: options.name,
    ending: { signal: 'SIGTERM', timeoutMs: 15_000 },
    spawn: () => {
      mkdirSync(dirname(options.logFile), { recursive: true });
      const log = openSync(options.logFile, 'a', 0o600);
      try {
        return spawn(process.execPath, [...LEAN_FLAGS, options.entry], { cwd: options.cwd, env: { ...LEAN_ENVIRONMENT, ...options.env }, detached: true, stdio: ['ignore', log, log] });
      } finally {
        closeSync(log);
      }
    },
    ready: (child) => untilReady(child, options),
  };
}

/** Throws with the end of the log when the process ends or stays silent. */
async function untilReady(child: ChildProcess, options: NodeService): Promise<void> {
  const deadline = Date.now() + READY_TIMEOUT_MS;
  let seen = 'no answer';
  while (Date.now() < deadline && child.exitCode === null && child.signalCode === null && child.pid !== undefined) {
    try {
      const answer = await fetch(options.readyUrl, { signal: AbortSignal.timeout(2_000) });
      if (answer.ok) return;
      seen = `${answer.status} ${(await answer.text()).slice(0, 300)}`;
    } catch {
      seen = 'no answer';
    }
    await delay(50);
  }
  const how = child.exitCode !== null || child.signalCode !== null ? `it ended (${child.signalCode ?? `exit code ${child.exitCode}`})` : `${options.readyUrl}: ${seen}`;
  throw new Error(`${options.name} did not come up: ${how}.\n${lastLines(options.logFile)}\nThe whole log is in ${options.logFile}.`);
}

function lastLines(file: string): string {
  return existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n').slice(-8).join('\n') : '';
}

/** Our own environment without what would change the services behind their configuration. */
export function cleanEnvironment(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && !/^(SIGNALBOX_|TEMPORAL_|PG|DATABASE_URL$|BOOTSTRAP_|NODE_OPTIONS$|npm_)/.test(name)) kept[name] = value;
  }
  return kept;
}
