/**
 * The small process that starts host programs for a big one: a fork copies the page tables of its parent, and a worker's are large.
 * It lives as long as its channel. Started by spawner.ts only; imports nothing else, so that it stays small.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';

/** One host program call; `id` is unique for the life of this process. */
export interface Start {
  readonly kind: 'start';
  readonly id: number;
  readonly command: string;
  readonly words: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** all of its standard input */
  readonly text: string;
  readonly outputBytesMax: number;
}

/** `end` kills the process group of one call, `close` those of all, and then this process goes. */
export type Order = Start | { readonly kind: 'end'; readonly id: number } | { readonly kind: 'close' };

/** What became of a call, told once its group leader is gone and its output closed. `output` is one character per byte. */
export type Outcome =
  | { readonly kind: 'ended'; readonly id: number; readonly code: number | null; readonly signal: string | null; readonly output: string; readonly tooMuch: boolean; readonly complaint: string }
  | { readonly kind: 'failed'; readonly id: number; readonly message: string };

const COMPLAINT_LENGTH_MAX = 2000;
const running = new Map<number, ChildProcess>();

// What ends the worker's group or its terminal must leave the worker the time to end its calls: only the channel counts here.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
// Without the worker, calls go on to their end: the journal on the host keeps what they did.
process.on('disconnect', () => process.exit(0));
process.on('message', (order: Order) => {
  if (order.kind === 'start') start(order);
  else if (order.kind === 'end') killGroup(running.get(order.id));
  else close();
});

function start(order: Start): void {
  const { id, command, words, env } = order;
  try {
    const child = spawn(command, words, { detached: true, cwd: '/', env, stdio: ['pipe', 'pipe', 'pipe'] });
    running.set(id, child);
    converse(child, order);
  } catch (error) {
    tell({ kind: 'failed', id, message: (error as Error).message });
  }
}

/** Writes the input, gathers the output; too much of it ends the group. */
function converse(child: ChildProcess, { id, text, outputBytesMax }: Start): void {
  const chunks: Buffer[] = [];
  let size = 0;
  let complaint = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > outputBytesMax) killGroup(child);
    else chunks.push(chunk);
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    complaint = (complaint + chunk.toString('utf8')).slice(-COMPLAINT_LENGTH_MAX);
  });
  // The program may refuse before it has read everything.
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(text);
  child.on('error', (error) => {
    if (running.delete(id)) tell({ kind: 'failed', id, message: error.message });
  });
  child.on('close', (code, signal) => {
    const tooMuch = size > outputBytesMax;
    if (running.delete(id)) tell({ kind: 'ended', id, code, signal, output: tooMuch ? '' : Buffer.concat(chunks).toString('latin1'), tooMuch, complaint });
  });
}

/** A channel that closes right now says so by itself. */
function tell(outcome: Outcome): void {
  process.send?.(outcome, undefined, undefined, () => undefined);
}

function close(): void {
  for (const child of running.values()) killGroup(child);
  process.exit(0);
}

function killGroup(child: ChildProcess | undefined): void {
  if (child?.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // The group ended by itself in the meantime.
  }
}
