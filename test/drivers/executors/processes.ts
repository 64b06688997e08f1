/** Processes of this machine, found by what stands in their command lines. */
import { readFileSync, readdirSync } from 'node:fs';

export interface FoundProcess {
  readonly pid: number;
  readonly command: string;
}

/** Living processes whose command line, or title, holds the text. */
export function processesNaming(text: string): readonly FoundProcess[] {
  return readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name) && Number(name) !== process.pid)
    .flatMap((name) => {
      const command = read(`/proc/${name}/cmdline`).replaceAll('\0', ' ').trim();
      // A dead one that nobody has collected yet is no process.
      return command.includes(text) && !/\) [ZX] /.test(read(`/proc/${name}/stat`)) ? [{ pid: Number(name), command }] : [];
    });
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
