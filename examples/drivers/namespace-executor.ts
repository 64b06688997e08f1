/**
 * An executor of one's own, whole: hosts that are network namespaces of the worker's machine, named like them (`ip netns`). A driver
 * carries one call of the host program there and its answer back; deciding, repeating and remembering are done by others.
 */
import { execFile } from 'node:child_process';
import { withinTime } from '../../drivers/executors/deadline.ts';
import { encodeHostInput, parseHostAnswer } from '../../drivers/executors/host-protocol.ts';
import { ExecutorDown, HostUnreachable, type Executor } from '../../drivers/executors/port.ts';
import { SYSTEM_PATH } from '../../drivers/executors/system-path.ts';

const OUTPUT_BYTES_MAX = 1024 * 1024;
const ENV = { PATH: SYSTEM_PATH, HOME: '/root', LANG: 'C.UTF-8' };
/** Names reach an argv, so they are checked here as well as where hosts are declared. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/;

/** @param hostProgram file of the host program, which every namespace of this machine sees */
export function createNamespaceExecutor(hostProgram: string): Executor {
  return {
    driver: 'netns',
    async run({ name, executor: { root } }, verb, input, options) {
      options.signal.throwIfAborted();
      if (!NAME.test(name)) throw new HostUnreachable(name, `${JSON.stringify(name)} is no name of a namespace`);
      const late = (): Error => new HostUnreachable(name, `${name} did not answer ${verb} within ${options.timeoutMs} ms; the same step may be sent again.`);
      const question = encodeHostInput({ root, ...input });
      const output = await withinTime(options, late, (signal) => converse(name, ['netns', 'exec', name, 'sh', hostProgram, verb], question, signal));
      return parseHostAnswer(name, verb, output);
    },
  };
}

/** An abort ends the waiting, not the work: the program goes on there, and its journal answers when the same opId is sent again. */
function converse(name: string, words: readonly string[], question: string, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile('ip', words, { env: ENV, maxBuffer: OUTPUT_BYTES_MAX }, (error, output, complaint) => {
      if (error === null) resolve(output);
      else if (error.code === 'ENOENT') reject(new ExecutorDown('This worker has no `ip`; install iproute2.'));
      else reject(new HostUnreachable(name, `${name} is not reached, or its host program broke (${error.code ?? error.signal}): ${complaint.trim()}`));
    });
    child.stdin?.on('error', () => undefined).end(question);
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}
