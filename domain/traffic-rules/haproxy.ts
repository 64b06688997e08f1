/** A pool's rules as a backend section of haproxy.cfg. */
import type { HaproxySpec } from '../traffic-spec.ts';
import type { BalancerCheck, BalancedServer, TrafficRules } from './rules.ts';

/**
 * How often HAProxy looks at each server, and how many answers change its mind. One that is down or in doubt is looked at oftener. `rise 1`:
 * a host is admitted after its own checks have passed, so the balancer needs but one of its own.
 */
export const CHECK_PACE = { intervalMs: 1_000, doubtIntervalMs: 250, rise: 1, fall: 2 } as const;

/** Text of the section, ending with a newline. What else HAProxy needs (`defaults`, `frontend`, the admin socket) stays with who runs it. */
export function haproxyBackend({ backend }: Pick<HaproxySpec, 'backend'>, { check, servers }: Pick<TrafficRules, 'check' | 'servers'>): string {
  const { intervalMs, doubtIntervalMs, rise, fall } = CHECK_PACE;
  const lines = [
    'balance roundrobin',
    ...checkLines(check),
    `default-server check inter ${intervalMs}ms fastinter ${doubtIntervalMs}ms downinter ${doubtIntervalMs}ms fall ${fall} rise ${rise}`,
    ...servers.map((server) => `server ${server.name} ${listensAt(server)}`),
  ];
  return [`backend ${backend}`, ...lines.map((line) => `  ${line}`), ''].join('\n');
}

function checkLines(check: BalancerCheck): readonly string[] {
  if (check.kind === 'tcp') return [];
  return ['option httpchk', `http-check send meth ${check.method} uri ${quoted(check.path)}`, `http-check expect status ${[...check.status].sort((one, other) => one - other).join(',')}`];
}

/** HAProxy takes everything between strong quotes as it stands, but for the quote itself. */
function quoted(text: string): string {
  return /^[\w/.?=&%~-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

function listensAt({ address, port }: BalancedServer): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
