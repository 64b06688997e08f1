/** May a release begin on this host? What a look at the machine itself says against it, before anything moves. */
import { isSkewed } from './watchdog/vitals.ts';
import type { HostVitals } from './liveness.ts';

export interface Unfit {
  readonly code: 'disk-full' | 'clock-skewed';
  readonly message: string;
  readonly next: string;
}

/** A package needs its archive, its unpacked files and room to breathe. */
const SPACE_FACTOR = 2.5;
const RESERVE_BYTES = 64 * 1024 * 1024;

/** `sizesBytes`: of the packages that are staged on it. No free bytes at all are only believed together with the size of the disk: hosts that cannot tell say 0, too. */
export function unfitFor(host: string, { freeBytes, diskBytes, skewMs }: HostVitals, sizesBytes: readonly number[]): Unfit | null {
  const neededBytes = sizesBytes.reduce((sum, size) => sum + size * SPACE_FACTOR, RESERVE_BYTES);
  const isTold = freeBytes !== null && (freeBytes > 0 || diskBytes !== null);
  if (isTold && freeBytes < neededBytes) return { code: 'disk-full', message: `${host} has ${megabytes(freeBytes)} free and needs ${megabytes(neededBytes)}.`, next: 'Free space on the host.' };
  if (skewMs !== null && isSkewed(skewMs, false)) {
    const way = skewMs > 0 ? 'ahead' : 'behind';
    return { code: 'clock-skewed', message: `The clock of ${host} is at least ${Math.floor(Math.abs(skewMs) / 1000)} s ${way}.`, next: `Set the clock of ${host} (chronyc tracking, timedatectl), then start the release again.` };
  }
  return null;
}

function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1024 / 1024)} MB`;
}
