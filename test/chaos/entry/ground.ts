/** The folder that a run and its processes share: what is armed, what was struck, and the witness of effects. */
import { appendFileSync, existsSync, readFileSync, renameSync } from 'node:fs';
import { uptime } from 'node:os';
import { join } from 'node:path';
import { BROKEN_FILE, type Broken } from '../broken.ts';
import type { Fault, Point } from '../points.ts';

/** By environment, since a worker's own settings know nothing of it; without it this entry has no business running. */
export const GROUND = process.env['CHAOS_GROUND'] ?? '';
if (GROUND === '') throw new Error('CHAOS_GROUND names no folder: this entry is started by the chaos harness only.');

export const STRUCK_LOG = 'struck.jsonl';
export const EFFECTS_LOG = 'effects.jsonl';

/** Milliseconds since boot, in steps of 10: read from the kernel, so a faked clock does not turn it. */
export function nowMs(): number {
  return Math.round(uptime() * 1000);
}

/** Whether this promise is broken on purpose from now on. */
export function isBroken(promise: Broken): boolean {
  const file = join(GROUND, BROKEN_FILE);
  return existsSync(file) && readFileSync(file, 'utf8').trim() === promise;
}

export function writeEffect(effect: object): void {
  appendFileSync(join(GROUND, EFFECTS_LOG), `${JSON.stringify({ atMs: nowMs(), ...effect })}\n`);
}

/** Takes the point if it is armed: one process alone gets it. */
export function struck(point: Point, release: string | null): Fault | null {
  const armed = join(GROUND, 'armed', point);
  if (!existsSync(armed)) return null;
  const taken = join(GROUND, 'struck', point);
  try {
    renameSync(armed, taken);
  } catch {
    return null;
  }
  const fault = readFileSync(taken, 'utf8').trim() as Fault;
  appendFileSync(join(GROUND, STRUCK_LOG), `${JSON.stringify({ atMs: nowMs(), point, fault, release })}\n`);
  return fault;
}

/** Ends or stops this very worker; an answer cannot be lost where there is none, so that is a kill too. */
export function strike(point: Point, release: string | null): void {
  const fault = struck(point, release);
  if (fault === null) return;
  process.kill(process.pid, fault === 'stop-worker' ? 'SIGSTOP' : 'SIGKILL');
}
