/** Debian packages that are unpacked into the cache: all of one or nothing, and fetched once. */
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { runCommand } from '../../stack/command.ts';
import { debianProgram } from '../../stack/debian.ts';

const folders: string[] = [];
const cache = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'debian-'));
  folders.push(folder);
  return folder;
};
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

const HELLO = { packages: ['hello'], path: 'usr/bin/hello' };

test('a program is fetched once, runs from where it was unpacked, and nothing else is left in the cache', async () => {
  const folder = cache();
  const [one, other] = await Promise.all([debianProgram(HELLO, folder), debianProgram(HELLO, folder)]);
  expect(one).toEqual(other);
  expect((await runCommand(one.program, [], { timeoutMs: 10_000, env: one.env })).output).toContain('Hello');
  const unpackedAt = statSync(one.program).ctimeMs;
  await debianProgram(HELLO, folder);
  expect([readdirSync(folder), statSync(one.program).ctimeMs]).toEqual([['debian-hello'], unpackedAt]);
});

test('a package that nobody has is named, and nothing of it is left', async () => {
  const folder = cache();
  await expect(debianProgram({ packages: ['no-such-package-anywhere'], path: 'bin/x' }, folder)).rejects.toThrow(/The Debian packages no-such-package-anywhere cannot be had: apt-get ended with/);
  expect([existsSync(join(folder, 'debian-no-such-package-anywhere')), readdirSync(folder)]).toEqual([false, []]);
});
