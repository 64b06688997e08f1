/** Reads `show stat`: how many connections a server still has, and the thresholds of its check. */

export interface ServerStat {
  readonly name: string;
  /** sessions open on the server right now */
  readonly connections: number;
  /** passes in a row that bring a server up */
  readonly rise: number;
  /** failures in a row that take it down */
  readonly fall: number;
}

const COLUMNS = ['svname', 'scur', 'check_rise', 'check_fall'] as const;

/**
 * Only the servers named in `wanted`, by name.
 * @returns null when the text is no statistics table
 */
export function parseStat(text: string, wanted: ReadonlySet<string>): ReadonlyMap<string, ServerStat> | null {
  const lines = text.split('\n');
  const headings = lines[0]?.replace(/^# /, '').split(',') ?? [];
  const at = COLUMNS.map((column) => headings.indexOf(column));
  if (headings[0] !== 'pxname' || at.some((index) => index < 0)) return null;
  const stats = new Map<string, ServerStat>();
  for (const line of lines.slice(1)) {
    // A row has some hundred cells: most rows are left unread by looking at the name first.
    const name = line.split(',', 2)[1];
    if (name === undefined || !wanted.has(name)) continue;
    const cells = line.split(',');
    const number = (column: number): number => Number(cells[at[column] ?? 0] || 0);
    stats.set(name, { name, connections: number(1), rise: number(2), fall: number(3) });
  }
  return stats;
}
