/** An executor without hosts, for fault tests: answers what `answer` says, but for its planned faults. */
import type { Executor, HostAnswer, HostInput, HostVerb } from '../../drivers/executors/port.ts';
import { createFaultScript, type Planned } from './fault-script.ts';

export interface FakeExecutor extends Executor {
  /** every call so far, as `verb host` */
  readonly calls: readonly string[];
  /** the input of every call, same order */
  readonly inputs: readonly HostInput[];
}

/** @param answer the host program's answer; faults are planned by `verb` or `verb host` */
export function createFakeExecutor(answer: (verb: HostVerb, host: string, input: HostInput) => HostAnswer | Promise<HostAnswer>, plan: readonly Planned<HostAnswer>[] = []): FakeExecutor {
  const script = createFaultScript(plan);
  const inputs: HostInput[] = [];
  return {
    driver: 'fake',
    calls: script.calls,
    inputs,
    run(host, verb, input, { signal }) {
      inputs.push(input);
      return script.run(verb, host.name, signal, () => answer(verb, host.name, input));
    },
  };
}

export function answered(result: Readonly<Record<string, unknown>>): HostAnswer {
  return { ok: true, repeated: false, result };
}

export function refused(error: string, message: string): HostAnswer {
  return { ok: false, error, message, detail: {} };
}
