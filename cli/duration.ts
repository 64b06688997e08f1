/** Durations as people type and read them. */
import { Complaint } from './complaint.ts';
import { EXIT } from './exit-codes.ts';

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `90`, `90s`, `10m`, `1h30m` → milliseconds; a bare number means seconds, `0` means forever. Throws a Complaint (usage). */
export function parseDurationMs(text: string): number {
  if (/^\d+(\.\d+)?$/.test(text)) return Math.round(Number(text) * 1000);
  if (!/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(text)) throw new Complaint(EXIT.usage, `"${text}" is not a duration. Write for example 90s, 10m, 1h30m, or 0 for no limit.`);
  let total = 0;
  for (const [, amount = '0', , unit = 's'] of text.matchAll(/(\d+(\.\d+)?)(ms|s|m|h|d)/g)) total += Number(amount) * (UNIT_MS[unit] ?? 0);
  return Math.round(total);
}

/** Milliseconds → `45s`, `3m20s`, `2h05m`. */
export function showDuration(durationMs: number): string {
  const seconds = Math.max(0, Math.round(durationMs / 1000));
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m${pad(seconds % 60)}s`;
  return `${Math.floor(minutes / 60)}h${pad(minutes % 60)}m`;
}

function pad(value: number): string {
  return String(value).padStart(2, '0');
}
