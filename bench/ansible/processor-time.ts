/**
 * Processor time of services and of everything below them, from /proc. A child that was waited for lives on in its parent's figures;
 * an application that was started detached does not, so it costs nobody but itself.
 */
import { readdirSync, readFileSync } from 'node:fs';

/** A service whose time is counted with all its descendants. */
export interface Root {
  readonly name: string;
  readonly pid: number;
  /** name under which a descendant is told, from its command line; ended ones are told under `ended` */
  readonly label: (commandLine: string) => string;
  readonly ended: string;
}

export interface ProcessorTime {
  readonly label: string;
  readonly ms: number;
}

interface Seen {
  readonly label: string;
  readonly ownMs: number;
  readonly waitedMs: number;
  /** under which name whatever it waited for is told */
  readonly ended: string;
}

export type Snapshot = ReadonlyMap<number, Seen>;

/** Linux shows times in hundredths of a second everywhere. */
const TICK_MS = 10;
/** fields after the name in /proc/PID/stat */
const FIELD = { parent: 1, user: 11, system: 12, waitedUser: 13, waitedSystem: 14 } as const;

/** What every process of the trees has used since it began. Throws when a root is gone. */
export function takeSnapshot(roots: readonly Root[]): Snapshot {
  const stats = new Map(processIds().flatMap((pid) => statOf(pid)));
  const children = Map.groupBy(stats.entries(), ([, stat]) => stat.parent);
  const seen = new Map<number, Seen>();
  const add = (pid: number, root: Root, label: string): void => {
    const stat = stats.get(pid);
    if (stat === undefined) return;
    seen.set(pid, { label, ownMs: stat.ownMs, waitedMs: stat.waitedMs, ended: root.ended });
    for (const [child] of children.get(pid) ?? []) add(child, root, root.label(commandLineOf(child)));
  };
  for (const root of roots) {
    if (!stats.has(root.pid)) throw new Error(`${root.name} (process ${root.pid}) has ended; its processor time cannot be counted.`);
    add(root.pid, root, root.name);
  }
  return seen;
}

/** By label, the largest first. What a process had used before the first snapshot and its parent inherited since is taken off again. */
export function timeBetween(before: Snapshot, after: Snapshot): readonly ProcessorTime[] {
  const sums = new Map<string, number>();
  const add = (label: string, ms: number): void => void sums.set(label, (sums.get(label) ?? 0) + ms);
  for (const [pid, { label, ended, ownMs, waitedMs }] of after) {
    const earlier = before.get(pid);
    add(label, ownMs - (earlier?.ownMs ?? 0));
    add(ended, waitedMs - (earlier?.waitedMs ?? 0));
  }
  for (const [pid, { ended, ownMs, waitedMs }] of before) if (!after.has(pid)) add(ended, -ownMs - waitedMs);
  return [...sums].filter(([, ms]) => ms !== 0).map(([label, ms]) => ({ label, ms })).toSorted((one, other) => other.ms - one.ms);
}

/** Time of all children that this process has waited for so far, theirs included, in milliseconds. */
export function waitedForMs(): number {
  const [own] = statOf(process.pid);
  return own?.[1].waitedMs ?? 0;
}

interface Stat {
  readonly parent: number;
  readonly ownMs: number;
  readonly waitedMs: number;
}

function processIds(): readonly number[] {
  return readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name)).map(Number);
}

/** Empty when the process ended meanwhile. */
function statOf(pid: number): readonly (readonly [number, Stat])[] {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name stands in parentheses and may hold anything: fields are counted after the last one.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ').map(Number);
    const ms = (index: number): number => (fields[index] ?? 0) * TICK_MS;
    return [[pid, { parent: fields[FIELD.parent] ?? 0, ownMs: ms(FIELD.user) + ms(FIELD.system), waitedMs: ms(FIELD.waitedUser) + ms(FIELD.waitedSystem) }]];
  } catch {
    return [];
  }
}

function commandLineOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return '';
  }
}
