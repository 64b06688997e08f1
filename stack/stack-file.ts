/** `stack.json`: what a second start on the same data needs again. Secrets are in it, so only its owner may read it. */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface StackFile {
  /** of the database role the services use */
  readonly servicePassword: string;
  /** `sbx_admin_<id>_<secret>` */
  readonly adminToken: string;
  readonly postgresPort: number | null;
  readonly workerPort: number | null;
}

/** The stored file, or a new one with fresh secrets; not yet written. Throws when the file is no JSON object. */
export function readStackFile(folder: string): StackFile {
  const path = pathIn(folder);
  const stored = existsSync(path) ? parse(path) : {};
  return {
    servicePassword: stored.servicePassword ?? randomBytes(24).toString('hex'),
    adminToken: stored.adminToken ?? `sbx_admin_${randomBytes(4).toString('hex')}_${randomBytes(32).toString('hex')}`,
    postgresPort: stored.postgresPort ?? null,
    workerPort: stored.workerPort ?? null,
  };
}

export function writeStackFile(folder: string, file: StackFile): void {
  writeFileSync(`${pathIn(folder)}.new`, `${JSON.stringify(file, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${pathIn(folder)}.new`, pathIn(folder));
}

/** What the database keeps of a token: lower-case hex SHA-256. */
export function tokenHash(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

function pathIn(folder: string): string {
  return join(folder, 'stack.json');
}

function parse(path: string): Partial<StackFile> {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Partial<StackFile>;
  } catch (error) {
    throw new Error(`${path} cannot be read (${(error as Error).message}). Restore it, or start on another folder with --data DIR.`);
  }
}
