/** The workflow bundle, built once for as long as workflows, domain and packages stay the same. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { lastLine, runCommand } from './command.ts';

const PROGRAM = fileURLToPath(new URL('bundle-process.ts', import.meta.url));
const BUNDLE_TIMEOUT_MS = 180_000;

/**
 * Path of the bundle's file in `folder`. Bundling runs in a process of its own, for the bundler would keep some 200 MB of ours.
 * Throws with the bundler's complaint.
 */
export async function workflowBundle(options: { readonly clone: string; readonly folder: string }): Promise<string> {
  const file = join(options.folder, `workflows-${fingerprint(options.clone)}.js`);
  if (existsSync(file)) return file;
  mkdirSync(options.folder, { recursive: true });
  const half = `${file}.${process.pid}`;
  const result = await runCommand(process.execPath, [PROGRAM, join(options.clone, 'workflows', 'index.ts'), half], { timeoutMs: BUNDLE_TIMEOUT_MS, cwd: options.clone });
  if (result.code !== 0) throw new Error(`The workflows could not be bundled: ${lastLine(result.output)}\n${result.output.trim()}`);
  renameSync(half, file);
  return file;
}

function fingerprint(clone: string): string {
  const hash = createHash('sha256');
  for (const folder of ['workflows', 'domain', 'activities']) {
    for (const name of sources(join(clone, folder))) hash.update(`${name}\0`).update(readFileSync(join(clone, folder, name)));
  }
  return hash.update(readFileSync(join(clone, 'package-lock.json'))).digest('hex').slice(0, 16);
}

function sources(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts')).sort();
}
