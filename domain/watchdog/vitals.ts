/** Is a host there and well: what a look makes a finding, and when it is none any more. Versions are judged in hosts.ts. */
import type { AnsweredProbe, HostProbe } from '../liveness.ts';
import type { Look, NewFinding } from './finding.ts';

export const VITAL_KINDS = ['host-unreachable', 'disk-nearly-full', 'clock-skewed', 'host-program-old'] as const;
export type VitalKind = (typeof VITAL_KINDS)[number];

/** A finding comes beyond the first value and goes within the second, so that what sways around one of them is not news each time. */
export const VITAL_LIMITS = {
  freePercent: { comesBelow: 5, goesFrom: 7 },
  skewMs: { comesAbove: 5_000, goesUpTo: 3_000 },
} as const;

export interface Judging {
  /** SHA-256 of the worker's own host program; null: programs are not compared */
  readonly program: string | null;
  /** ids of the findings that are open now */
  readonly open: ReadonlySet<string>;
}

/** Of a host that is silent, only its silence is judged; of one that answers, only what it told. */
export function lookAtVitals(probes: readonly HostProbe[], judging: Judging): Look {
  const judged = new Map<string, Judged>(probes.map((probe) => [probe.host, probe.answered ? findingsOf(probe, judging) : { 'host-unreachable': unreachable(probe.host, probe.message) }]));
  return {
    kinds: VITAL_KINDS,
    found: [...judged.values()].flatMap((kinds) => Object.values(kinds).filter((finding) => finding !== null)),
    isUnjudged: (id) => {
      const [kind = '', host = ''] = id.split('/');
      return !(kind in (judged.get(host) ?? {}));
    },
  };
}

/** By kind; null: it is well. What could not be told has no member. */
type Judged = Readonly<Partial<Record<VitalKind, NewFinding | null>>>;

function findingsOf({ host, vitals: { freeBytes, diskBytes, skewMs, program } }: AnsweredProbe, { program: own, open }: Judging): Judged {
  const isOpen = (kind: VitalKind): boolean => open.has(`${kind}/${host}`);
  return {
    'host-unreachable': null,
    ...(freeBytes === null || diskBytes === null || diskBytes <= 0 ? {} : { 'disk-nearly-full': isDiskNearlyFull(freeBytes, diskBytes, isOpen('disk-nearly-full')) ? diskNearlyFull(host, freeBytes, diskBytes) : null }),
    ...(skewMs === null ? {} : { 'clock-skewed': isSkewed(skewMs, isOpen('clock-skewed')) ? clockSkewed(host, skewMs) : null }),
    ...(program === null || own === null ? {} : { 'host-program-old': program === own ? null : programOld(host, program, own) }),
  };
}

export function isDiskNearlyFull(freeBytes: number, diskBytes: number, wasSo: boolean): boolean {
  const { comesBelow, goesFrom } = VITAL_LIMITS.freePercent;
  return (freeBytes / diskBytes) * 100 < (wasSo ? goesFrom : comesBelow);
}

export function isSkewed(skewMs: number, wasSo: boolean): boolean {
  const { comesAbove, goesUpTo } = VITAL_LIMITS.skewMs;
  return Math.abs(skewMs) > (wasSo ? goesUpTo : comesAbove);
}

function unreachable(host: string, message: string): NewFinding {
  return {
    id: `host-unreachable/${host}`,
    kind: 'host-unreachable',
    subject: host,
    sentence: `${host} does not answer: ${message}`,
    matters: 'A release to its pool is refused before anything moves, and what runs there is nobody\'s knowledge. What was there before may still serve.',
    repair: `Look at the machine and at the way to it, then: signalbox check fleet. If it is gone for good, take ${host} out of its pools and the inventory.`,
    about: { host },
  };
}

function diskNearlyFull(host: string, freeBytes: number, diskBytes: number): NewFinding {
  return {
    id: `disk-nearly-full/${host}`,
    kind: 'disk-nearly-full',
    subject: host,
    // Without the exact number: a disk that fills up would be a finding reworded at every look.
    sentence: `${host} has less than ${Math.ceil((freeBytes / diskBytes) * 100)} % of its disk free (${gigabytes(diskBytes)} GB, where its releases are kept).`,
    matters: 'Applications that log stop when it is full, and a release that finds no room for its packages is refused before anything moves.',
    repair: `Free space on ${host}: old logs first. Releases that nobody needs are cleared by the next release.`,
    about: { host },
  };
}

function clockSkewed(host: string, skewMs: number): NewFinding {
  return {
    id: `clock-skewed/${host}`,
    kind: 'clock-skewed',
    subject: host,
    sentence: `The clock of ${host} is ${skewMs > 0 ? 'ahead' : 'behind'} by ${told(skewMs)} s or more.`,
    matters: 'Signalbox decides nothing by it, but certificates and tokens fail there, and its logs cannot be read beside those of other hosts.',
    repair: `Look at the time service of ${host} (chronyc tracking, timedatectl).`,
    about: { host },
  };
}

/** Steps, so that a clock that drifts on is not reworded at every look. */
const TOLD_SECONDS = [3, 5, 10, 30, 60, 300, 3_600, 86_400] as const;

function told(skewMs: number): number {
  return TOLD_SECONDS.findLast((seconds) => seconds * 1000 <= Math.abs(skewMs)) ?? 0;
}

function programOld(host: string, program: string, own: string): NewFinding {
  const named = /^[0-9a-f]{64}$/.test(program) ? program.slice(0, 12) : program;
  return {
    id: `host-program-old/${host}`,
    kind: 'host-program-old',
    subject: host,
    sentence: `${host} runs another host program (${named}) than the workers bring (${own.slice(0, 12)}).`,
    matters: 'It may not understand what newer workers ask, and it lacks what was mended since.',
    repair: `Install the host program of this version on ${host}, or update what brings it there. While workers of two versions run, wait for the end of the upgrade.`,
    about: { host },
  };
}

function gigabytes(bytes: number): string {
  return (bytes / 1e9).toFixed(1);
}
