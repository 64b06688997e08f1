/** Runs one call of the command line inside the test process: same program, captured surroundings. */
import { Readable, Writable } from 'node:stream';
import { runProgram } from '../../cli/program.ts';
import type { Out } from '../../cli/surroundings.ts';

export interface CallOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly stdin?: string;
  /** a terminal of this size instead of a pipe */
  readonly terminal?: { readonly columns: number; readonly rows: number };
}

export interface Called {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A call under way: `interrupt` is Ctrl-C. */
export interface Calling {
  readonly done: Promise<Called>;
  readonly stdout: () => string;
  readonly interrupt: (signal?: 'SIGINT' | 'SIGTERM') => void;
}

export function call(args: readonly string[], options: CallOptions = {}): Promise<Called> {
  return begin(args, options).done;
}

export function begin(args: readonly string[], options: CallOptions = {}): Calling {
  const out = collector(options.terminal);
  const err = collector();
  const handlers = new Set<(signal: 'SIGINT' | 'SIGTERM') => void>();
  const running = runProgram(args, {
    env: options.env ?? {},
    cwd: options.cwd ?? '/nonexistent',
    stdout: out.stream,
    stderr: err.stream,
    stdin: Readable.from(options.stdin === undefined ? [] : [options.stdin]),
    onInterrupt(handler) {
      handlers.add(handler);
      return () => handlers.delete(handler);
    },
  });
  return {
    done: running.then((code) => ({ code, stdout: out.text(), stderr: err.text() })),
    stdout: out.text,
    interrupt: (signal = 'SIGINT') => handlers.forEach((handler) => handler(signal)),
  };
}

function collector(terminal?: { readonly columns: number; readonly rows: number }): { stream: Out; text: () => string } {
  let text = '';
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString('utf8');
      done();
    },
  });
  return { stream: terminal === undefined ? stream : Object.assign(stream, { isTTY: true, ...terminal }), text: () => text };
}
