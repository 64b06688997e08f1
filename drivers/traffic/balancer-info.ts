/** Reads `show info`: which process answers and since when. */
import type { BalancerIdentity } from './port.ts';

/** @returns null when the text is no such answer */
export function parseInfo(text: string): BalancerIdentity | null {
  const pid = field(text, 'Pid');
  const uptimeSeconds = field(text, 'Uptime_sec');
  return pid === null || uptimeSeconds === null ? null : { pid, uptimeSeconds };
}

function field(text: string, name: string): number | null {
  const match = new RegExp(`^${name}: ([0-9]+)$`, 'm').exec(text);
  return match === null ? null : Number(match[1]);
}
