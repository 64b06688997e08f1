/** Health by a command of the application's own, run on the host beside it. */
import { judgeCommand } from '../../domain/health/command.ts';
import { asText, verifyBy } from './probing.ts';
import type { CommandProbe } from '../../domain/inventory.ts';
import type { HostInput } from '../executors/port.ts';
import type { Health } from './port.ts';
import type { Asker } from './probing.ts';

/** A failing command is run again no oftener than its check says: unlike a question, it may be expensive. */
export function createCommandHealth(): Health {
  return {
    kind: 'command',
    verify(call) {
      const { check } = call;
      if (!('command' in check)) throw new TypeError(`${call.place} is no check by a command`);
      return verifyBy(commandAsker(check.command), call);
    },
  };
}

function commandAsker(probe: CommandProbe): Asker {
  const words: HostInput = Object.fromEntries(probe.command.map((word, index) => [`command.${index}`, word]));
  return {
    eager: false,
    ask({ leftMs }) {
      const seconds = Math.max(1, Math.min(probe.timeoutSeconds, Math.ceil(leftMs / 1000)));
      return { verb: 'check', input: { ...words, timeoutSeconds: String(seconds) }, timeoutMs: seconds * 1000 };
    },
    judge(result) {
      const verdict = judgeCommand(probe, { status: Number(result['status']), timedOut: result['timedOut'] === true });
      return { verdict, output: verdict.pass ? '' : asText(result['output']) };
    },
  };
}
