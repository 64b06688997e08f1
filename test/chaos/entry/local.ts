/** Takes the place of drivers/executors/local.ts: the same executor, running the copy of the host program that can be struck. */
import { join } from 'node:path';
import { createLocalExecutor as real } from '../../../drivers/executors/local.ts';
import { HostUnreachable } from '../../../drivers/executors/port.ts';
import { GROUND, struck } from './ground.ts';
import type { LocalExecutor, LocalExecutorOptions } from '../../../drivers/executors/local.ts';

export * from '../../../drivers/executors/local.ts';

export const HOST_PROGRAM_COPY = 'signalbox-host';

export function createLocalExecutor(options: LocalExecutorOptions): LocalExecutor {
  const local = real({ ...options, hostProgram: join(GROUND, HOST_PROGRAM_COPY) });
  return {
    ...local,
    async run(host, verb, input, how) {
      const answer = await local.run(host, verb, input, how);
      if (struck(`answer.${verb}`, input['opId']?.split('/')[0] ?? null) === 'lose-answer') throw new HostUnreachable(host.name, `The answer of ${host.name} to ${verb} was lost on its way.`);
      return answer;
    },
  };
}
