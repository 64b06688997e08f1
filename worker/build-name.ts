/** What this build of the worker is called: the same code has the same name on every machine. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Config } from '../config.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** Whatever a release in flight depends on, and the packages behind it. */
const ROOMS = ['domain', 'workflows', 'activities', 'db', 'drivers', 'host', 'worker'];
const LOCK = 'package-lock.json';
const NAME_LENGTH = 16;

/** null: Temporal is told of no builds, and any worker goes on with any release. */
export function buildName({ build }: Pick<Config, 'build'>): string | null {
  return build === 'none' ? null : (build ?? digestOfCode());
}

function digestOfCode(): string {
  const hash = createHash('sha256');
  for (const room of ROOMS) {
    const files = readdirSync(join(ROOT, room), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    for (const file of files.map(({ parentPath, name }) => join(parentPath, name)).toSorted()) hash.update(`${file.slice(ROOT.length)}\0`).update(readFileSync(file)).update('\0');
  }
  return hash.update(readFileSync(join(ROOT, LOCK))).digest('hex').slice(0, NAME_LENGTH);
}
