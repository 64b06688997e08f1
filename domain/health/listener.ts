/** Whether a port that answers is held by the process this release started: an old instance that kept it must not vouch for the new one. */
import { failing } from './verdict.ts';
import type { ProbeVerdict } from './verdict.ts';

/** What the host saw. `unknown`: it cannot tell, and then the answer counts. */
export type SeenListener = 'own' | 'other' | 'unknown';

/** Takes back a pass that another process gave. That process may be just about to end, so this is not final. */
export function judgeListener(verdict: ProbeVerdict, seen: SeenListener, port: string): ProbeVerdict {
  if (!verdict.pass || seen !== 'other') return verdict;
  return failing(`port ${port} is held by another process than the one this release started`, 'port-taken');
}
