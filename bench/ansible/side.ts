/** What is measured of one release, on whichever side. */
import type { TrafficCounts } from '../../examples/demo/traffic.ts';
import type { ProcessorTime } from './processor-time.ts';

export interface MeasuredRelease {
  readonly version: string;
  readonly wallMs: number;
  /** of everything that side runs, apart from the fleet itself */
  readonly processor: readonly ProcessorTime[];
}

export interface SideResult<R extends MeasuredRelease = MeasuredRelease> {
  readonly releases: readonly R[];
  /** the users, from before the first measured release until after the last */
  readonly traffic: TrafficCounts;
}

export function processorMs({ processor }: MeasuredRelease): number {
  return processor.reduce((sum, { ms }) => sum + ms, 0);
}
