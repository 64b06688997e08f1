/** The launcher's data folder: one launcher at a time, and what a killed one left running is ended. */
import { existsSync, mkdirSync, openSync, closeSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { endProcess, isAlive, startTicks } from './children.ts';
import type { RunningService } from './supervisor.ts';

interface Known {
  readonly name: string;
  readonly pid: number;
  readonly ticks: number | null;
}

interface Launch {
  readonly launcher: Known;
  readonly children: readonly Known[];
}

export interface DataFolder {
  readonly path: string;
  /** writes down who runs, for the launcher that comes after a crash */
  readonly remember: (running: readonly RunningService[]) => void;
  readonly release: () => void;
}

/** Somebody else's launcher works on the folder. */
export class DataFolderBusy extends Error {
  override readonly name = 'DataFolderBusy';
  constructor(path: string, pid: number) {
    super(`The data folder ${path} is in use by another Signalbox (process ${pid}). End that one first, or choose another folder with --data DIR.`);
  }
}

/** Takes the folder, making it if missing. Throws DataFolderBusy while another launcher lives. */
export async function takeDataFolder(wanted: string): Promise<DataFolder> {
  const path = resolve(wanted);
  mkdirSync(path, { recursive: true });
  const file = join(path, 'launcher.json');
  const launcher: Known = { name: 'launcher', pid: process.pid, ticks: startTicks(process.pid) };
  while (!createdAlone(file)) await endLastLaunch(file, path);
  write(file, { launcher, children: [] });
  return {
    path,
    remember: (running) => write(file, { launcher, children: running.map(({ name, pid }) => ({ name, pid, ticks: startTicks(pid) })) }),
    release: () => rmSync(file, { force: true }),
  };
}

function createdAlone(file: string): boolean {
  try {
    closeSync(openSync(file, 'wx', 0o600));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return false;
  }
}

async function endLastLaunch(file: string, path: string): Promise<void> {
  const last = read(file);
  if (last !== null && isAlive(last.launcher.pid, last.launcher.ticks)) throw new DataFolderBusy(path, last.launcher.pid);
  for (const { pid, ticks } of [...(last?.children ?? [])].reverse()) {
    if (isAlive(pid, ticks)) await endProcess(pid, { signal: 'SIGINT', timeoutMs: 5_000 });
  }
  rmSync(file, { force: true });
}

/** null when the file is gone or was torn by a crash */
function read(file: string): Launch | null {
  try {
    return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Launch) : null;
  } catch {
    return null;
  }
}

function write(file: string, launch: Launch): void {
  writeFileSync(`${file}.new`, JSON.stringify(launch), { mode: 0o600 });
  renameSync(`${file}.new`, file);
}
