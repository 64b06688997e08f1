/** The one clock of a run: milliseconds since this machine booted, which no fault of ours can turn. */
import { uptime } from 'node:os';

export function nowMs(): number {
  return Math.round(uptime() * 1000);
}
