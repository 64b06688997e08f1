/** Health without hosts, for fault tests: every application answers the version it should, but for its planned faults. */
import type { Health, HealthVerdict } from '../../drivers/health/port.ts';
import { createFaultScript, type Planned } from './fault-script.ts';

export interface FakeHealth extends Health {
  /** every call so far, as `verify web-01` */
  readonly calls: readonly string[];
  /** where each of them stood, as `web-01 health/0` */
  readonly places: readonly string[];
  /** number of the process whose answers count in each of them, null for any */
  readonly pids: readonly (number | null)[];
}

/** @param plan faults by `verify` or `verify host`; a `lie` is the verdict to give, as `unhealthy(…)` makes one */
export function createFakeHealth(plan: readonly Planned<HealthVerdict>[] = []): FakeHealth {
  const script = createFaultScript(plan);
  const places: string[] = [];
  const pids: (number | null)[] = [];
  return {
    kind: 'fake',
    calls: script.calls,
    places,
    pids,
    verify: ({ host, place, process, expectedVersion, check, signal }) => {
      places.push(`${host.name} ${place}`);
      pids.push(process === 'none' ? null : (process?.pid ?? null));
      return script.run('verify', host.name, signal, () => ({ healthy: true, observedVersion: expectedVersion, probes: check.passes }));
    },
  };
}

export function unhealthy(code: Extract<HealthVerdict, { healthy: false }>['code'], message: string): HealthVerdict {
  return { healthy: false, code, message, observedVersion: null, log: '' };
}
