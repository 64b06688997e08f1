/** What was written into a file so far, line by line. None where it is not there yet, or where whoever made it has written nothing yet. */
import { existsSync, readFileSync } from 'node:fs';

export function linesOf(file: string): readonly string[] {
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter((line) => line !== '') : [];
}
