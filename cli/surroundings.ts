/** Everything a command touches outside itself. Only main.ts reads the real process; every command gets this value. */

export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly stdout: Out;
  readonly stderr: Out;
  readonly stdin: AsyncIterable<Uint8Array | string> & { readonly isTTY?: boolean };
  /** Calls `handler` on Ctrl-C and SIGTERM until the returned function is called. */
  readonly onInterrupt: (handler: (signal: 'SIGINT' | 'SIGTERM') => void) => () => void;
}

/** A stream to write on; terminals also say their size. */
export type Out = NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number; readonly rows?: number };

/** The tree that redraws in place needs a real terminal; CI logs get one line per change. */
export function isLive(surroundings: Surroundings): boolean {
  const { env, stdout } = surroundings;
  return stdout.isTTY === true && !isSet(env['CI']) && env['TERM'] !== 'dumb';
}

/** NO_COLOR (any value) and --no-color win over FORCE_COLOR, and that over what the stream is. */
export function hasColor(surroundings: Surroundings, flag: boolean): boolean {
  if (!flag || isSet(surroundings.env['NO_COLOR'])) return false;
  if (isSet(surroundings.env['FORCE_COLOR'])) return true;
  return surroundings.stdout.isTTY === true && surroundings.env['TERM'] !== 'dumb';
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== '' && value !== 'false' && value !== '0';
}
