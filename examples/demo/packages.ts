/** The versions of the demo's application, good and bad, as packages. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { tar } from './tar.ts';

export interface DemoPackage {
  readonly version: string;
  readonly content: Buffer;
  readonly sha256: string;
}

/** `behaviour`: see app.cjs; null = a good version. The same arguments always give the same bytes. */
export function buildPackage(version: string, behaviour: string | null = null): DemoPackage {
  const files = [
    { name: 'app.cjs', content: readFileSync(new URL('app.cjs', import.meta.url)), mode: 0o644 },
    { name: 'VERSION', content: Buffer.from(`${version}\n`), mode: 0o644 },
    ...(behaviour === null ? [] : [{ name: 'BEHAVIOUR', content: Buffer.from(`${behaviour}\n`), mode: 0o644 }]),
  ];
  const content = gzipSync(tar(files));
  // The header names the system the archive was made on; the digest must not depend on it.
  content[9] = 255;
  return { version, content, sha256: createHash('sha256').update(content).digest('hex') };
}
