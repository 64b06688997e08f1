/** Health of the process alone: that it is there is what every probe tells, so this one asks for nothing else. */
import { passed } from '../../domain/health/verdict.ts';
import { verifyBy } from './probing.ts';
import type { Health } from './port.ts';
import type { Asker } from './probing.ts';

/** The host only reads what its kernel knows. */
const LOOK_MS = 2_000;

const ASKER: Asker = {
  eager: false,
  ask: () => ({ verb: 'verify', input: { probe: 'process' }, timeoutMs: LOOK_MS }),
  judge: () => ({ verdict: passed() }),
};

export function createProcessHealth(): Health {
  return { kind: 'process', verify: (call) => verifyBy(ASKER, call) };
}
