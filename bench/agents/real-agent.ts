/** One real agent that waits for work, and what it costs its host. */
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const AGENT_PROGRAM = fileURLToPath(new URL('../../agent/signalbox-agent', import.meta.url));

export interface IdleAgent {
  /** all its processes: what is theirs alone, and their share of what they have in common with others */
  readonly proportionalBytes: () => number;
  /** all its processes, what is shared counted in each */
  readonly residentBytes: () => number;
  readonly processes: () => number;
  end(): void;
}

export function startRealAgent({ url, token, folder }: { readonly url: string; readonly token: string; readonly folder: string }): IdleAgent {
  const root = join(folder, 'agent-root');
  mkdirSync(root, { recursive: true });
  const tokenFile = join(folder, 'agent-token');
  writeFileSync(tokenFile, `${token}\n`, { mode: 0o600 });
  const child = spawn('sh', [AGENT_PROGRAM, '--url', url, '--token-file', tokenFile, '--root', root], { stdio: ['ignore', 'ignore', 'inherit'] });
  const sum = (field: string): number => pidsNaming(root).reduce((bytes, pid) => bytes + kilobytes(pid, field) * 1024, 0);
  return {
    proportionalBytes: () => sum('Pss'),
    residentBytes: () => sum('Rss'),
    processes: () => pidsNaming(root).length,
    end: () => void child.kill('SIGTERM'),
  };
}

function pidsNaming(text: string): readonly number[] {
  return readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name) && Number(name) !== process.pid && read(`/proc/${name}/cmdline`).includes(text)).map(Number);
}

function kilobytes(pid: number, field: string): number {
  return Number(new RegExp(`^${field}: +(\\d+) kB$`, 'm').exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0);
}

/** Empty when the process ended meanwhile. */
function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
