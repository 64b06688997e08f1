/** Reads `show servers state`: what people and we asked of each server, and what HAProxy's own check says. */
import type { KnownServer } from '../../domain/traffic-rules/difference.ts';

/** One server of a backend as HAProxy stores it. `admin` is a set of the flags below. */
export interface ServerState {
  readonly backend: string;
  readonly name: string;
  readonly operational: number;
  readonly admin: number;
  /** current weight, 0–256 */
  readonly weight: number;
  /** kind of the last check's result; up to 1 means that no check has ended since the process began */
  readonly checkStatus: number;
  readonly checkHealth: number;
  readonly checkState: number;
}

/** A server is in maintenance by our or an operator's wish, by the server it tracks, or because its name does not resolve. */
const MAINT = 0x01 | 0x02 | 0x20 | 0x40;
const DRAIN = 0x08 | 0x10;
// 0x04 only says that the configuration file had `disabled`; it stays set after somebody enabled the server.

const STARTING = 1;
const RUNNING = 2;
const NEVER_CHECKED_MAX = 1;
const CHECK_CONFIGURED = 0x02;

export function adminOf(state: ServerState): 'ready' | 'drain' | 'maint' {
  if ((state.admin & MAINT) !== 0) return 'maint';
  return (state.admin & DRAIN) !== 0 ? 'drain' : 'ready';
}

/** HAProxy sends requests to a server that was never checked as if it were up; we do not call that up. */
export function operationalOf(state: ServerState): 'up' | 'down' | 'unknown' {
  if (!serves(state)) return 'down';
  return state.checkStatus <= NEVER_CHECKED_MAX ? 'unknown' : 'up';
}

/** Would requests go here if the admin state let them. */
export function serves(state: ServerState): boolean {
  return state.operational === STARTING || state.operational === RUNNING;
}

export function hasCheck(state: ServerState): boolean {
  return (state.checkState & CHECK_CONFIGURED) !== 0;
}

const COLUMNS = ['be_name', 'srv_name', 'srv_op_state', 'srv_admin_state', 'srv_uweight', 'srv_check_status', 'srv_check_health', 'srv_check_state'] as const;

/** Cells of the named columns, one row per server; null when the text is no such dump (an error message, or another program's answer). Columns are found by their heading, since versions add some. */
function rowsOf(text: string, columns: readonly string[]): readonly (readonly string[])[] | null {
  const lines = text.split('\n');
  const headings = lines[1]?.split(' ') ?? [];
  if (lines[0]?.trim() !== '1' || headings[0] !== '#') return null;
  // The heading line begins with a lone `#`, so its columns are one to the right of the values.
  const at = columns.map((column) => headings.indexOf(column) - 1);
  if (at.some((index) => index < 0)) return null;
  return lines.slice(2).flatMap((line) => {
    const cells = line.split(' ');
    return cells.length < headings.length - 1 ? [] : [at.map((index) => cells[index] ?? '')];
  });
}

/** Every server with where it listens. */
export function parseKnownServers(text: string): readonly KnownServer[] | null {
  return rowsOf(text, ['srv_name', 'srv_addr', 'srv_port'])?.map(([name = '', address = '', port]) => ({ name, address, port: Number(port) })) ?? null;
}

/** Only the servers named in `wanted`, by name; null as above. */
export function parseServersState(text: string, wanted: ReadonlySet<string>): ReadonlyMap<string, ServerState> | null {
  const rows = rowsOf(text, COLUMNS);
  if (rows === null) return null;
  const states = new Map<string, ServerState>();
  for (const [backend = '', name = '', ...numbers] of rows) {
    if (!wanted.has(name)) continue;
    const [operational = 0, admin = 0, weight = 0, checkStatus = 0, checkHealth = 0, checkState = 0] = numbers.map(Number);
    states.set(name, { backend, name, operational, admin, weight, checkStatus, checkHealth, checkState });
  }
  return states;
}
