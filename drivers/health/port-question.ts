/** What probes of a port have in common: how long they may take, waiting for a socket first, and asking who holds the port. */
import { PROBE_MAX_MS } from './probing.ts';
import type { Listener } from '../../domain/inventory.ts';
import type { SeenListener } from '../../domain/health/listener.ts';
import type { HostInput } from '../executors/port.ts';
import type { Moment, Question, Result } from './probing.ts';

const PROBE_MIN_MS = 100;
/** the host looks this long for a socket of the process before it asks in vain; a look costs it a tenth of a question */
const SOCKET_WAIT_MAX_MS = 1_000;

/** As long as nobody answers, the application may just be starting: the host then asks once it has a socket. */
export function portQuestion({ leftMs, silent, ownerKnown }: Moment, port: { readonly port: string; readonly listener?: Listener }, input: HostInput): Question {
  const waitMs = silent ? Math.round(Math.min(SOCKET_WAIT_MAX_MS, Math.max(0, leftMs / 2))) : 0;
  const timeoutMs = Math.round(Math.min(PROBE_MAX_MS, Math.max(PROBE_MIN_MS, leftMs - waitMs)));
  const waiting: HostInput = waitMs > 0 ? { waitMs: String(waitMs) } : {};
  // Who holds a port cannot change without a probe that fails in between, but for ports that are shared on purpose.
  const owner: HostInput = port.listener === 'own' && !ownerKnown ? { listener: 'own', port: port.port } : {};
  return { verb: 'verify', input: { ...input, timeoutMs: String(timeoutMs), ...waiting, ...owner }, timeoutMs: waitMs + timeoutMs };
}

export function listenerOf(result: Result): SeenListener {
  const seen = result['listener'];
  return seen === 'own' || seen === 'other' ? seen : 'unknown';
}
