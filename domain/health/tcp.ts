/** Judging one attempt to connect to a port. */
import { failing, passed } from './verdict.ts';
import type { ProbeVerdict } from './verdict.ts';

export function judgeTcp(connected: boolean): ProbeVerdict {
  return connected ? passed() : failing('nobody takes connections');
}
