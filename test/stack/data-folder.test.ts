import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { endProcess, isAlive, startTicks } from '../../stack/children.ts';
import { DataFolderBusy, takeDataFolder } from '../../stack/data-folder.ts';
import { readStackFile, tokenHash, writeStackFile } from '../../stack/stack-file.ts';

const folders: string[] = [];

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'data-folder-'));
  folders.push(folder);
  return folder;
}

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

test('a folder in use is refused with the process that has it, and free again after its release', async () => {
  const path = newFolder();
  const first = await takeDataFolder(path);
  await expect(takeDataFolder(path)).rejects.toThrow(DataFolderBusy);
  await expect(takeDataFolder(path)).rejects.toThrow(String(process.pid));
  first.release();
  (await takeDataFolder(path)).release();
});

test('what a killed launcher left running is ended before the folder is taken', async () => {
  const path = newFolder();
  const child = spawn('sleep', ['600'], { detached: true, stdio: 'ignore' });
  const pid = child.pid ?? 0;
  try {
    const gone = { name: 'launcher', pid: 4_194_000, ticks: 1 };
    writeFileSync(join(path, 'launcher.json'), JSON.stringify({ launcher: gone, children: [{ name: 'worker', pid, ticks: startTicks(pid) }] }));
    const taken = await takeDataFolder(path);
    expect(isAlive(pid)).toBe(false);
    taken.release();
  } finally {
    await endProcess(pid, { signal: 'SIGKILL', timeoutMs: 1_000 });
  }
});

test('a process that only got the number of a former child is left alone', async () => {
  const path = newFolder();
  const child = spawn('sleep', ['600'], { detached: true, stdio: 'ignore' });
  const pid = child.pid ?? 0;
  try {
    writeFileSync(join(path, 'launcher.json'), JSON.stringify({ launcher: { name: 'launcher', pid: 4_194_000, ticks: 1 }, children: [{ name: 'worker', pid, ticks: 1 }] }));
    (await takeDataFolder(path)).release();
    expect(isAlive(pid)).toBe(true);
  } finally {
    await endProcess(pid, { signal: 'SIGKILL', timeoutMs: 1_000 });
  }
});

test('a launcher file torn by a crash does not stop the next start', async () => {
  const path = newFolder();
  writeFileSync(join(path, 'launcher.json'), '{"laun');
  (await takeDataFolder(path)).release();
});

test('secrets are kept for the next start in a file only its owner reads', () => {
  const path = newFolder();
  const first = readStackFile(path);
  writeStackFile(path, { ...first, postgresPort: 5, workerPort: 6 });
  expect(readStackFile(path)).toEqual({ ...first, postgresPort: 5, workerPort: 6 });
  expect(statSync(join(path, 'stack.json')).mode & 0o777).toBe(0o600);
  expect(readFileSync(join(path, 'stack.json'), 'utf8')).toContain(first.adminToken);
});

test('two folders never share a token, and a token names its kind', () => {
  const [one, other] = [readStackFile(newFolder()).adminToken, readStackFile(newFolder()).adminToken];
  expect(one).toMatch(/^sbx_admin_[0-9a-f]{8}_[0-9a-f]{64}$/);
  expect(one).not.toBe(other);
  expect(tokenHash(one)).toMatch(/^[0-9a-f]{64}$/);
});
