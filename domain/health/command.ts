/** Judging how a command of a health list ended. */
import { failing, passed } from './verdict.ts';
import type { CommandProbe } from '../inventory.ts';
import type { ProbeVerdict } from './verdict.ts';

/** `status` as a shell counts it: 127 there is no such program, 126 it cannot be run. */
export interface CommandEnd {
  readonly status: number;
  readonly timedOut: boolean;
}

/** Time changes what a command says, but not that its program is missing: that is final. */
export function judgeCommand(probe: CommandProbe, { status, timedOut }: CommandEnd): ProbeVerdict {
  if (timedOut) return failing(`it took longer than ${probe.timeoutSeconds} s and was ended`);
  if (status === 0) return passed();
  if (status === 127) return failing('it ended with 127: there is no such program in the release or on the host', 'unsupported');
  if (status === 126) return failing('it ended with 126: the program may not be run', 'unsupported');
  return failing(`it ended with ${status}`);
}
