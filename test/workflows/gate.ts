/** Moments that last until a test lets them pass: an answer of the store that does not arrive, a call to a host that is on its way. */
import type { KyselyPlugin, QueryId, RootOperationNode } from 'kysely';
import type { Database } from '../../db/client.ts';
import type { HostInput, HostVerb } from '../../drivers/executors/port.ts';
import type { FakeExecutor } from '../support/fake-executor.ts';

export interface Gate {
  /** answers or calls held back so far */
  readonly held: () => number;
  readonly open: () => void;
}

/** Holds the answer of every decision whose events speak of all `words` (searched as JSON), until `open`: the store and all who read it have them before. */
export function gateAnswer(db: Database, ...words: readonly string[]): Gate {
  let held = 0;
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  const meant = new WeakSet<QueryId>();
  const plugin: KyselyPlugin = {
    transformQuery: ({ node, queryId }) => {
      if (textsOf(node).some((text) => words.every((word) => text.includes(word)))) meant.add(queryId);
      return node;
    },
    transformResult: async ({ result, queryId }) => {
      if (!meant.has(queryId)) return result;
      held++;
      await opened;
      return result;
    },
  };
  Object.assign(db, { kysely: db.kysely.withPlugin(plugin) });
  return { held: () => held, open };
}

/** Holds every call to a host that `isMeant`, before it has any effect, until `open`; a cancelled one ends at once. */
export function gateCall(executor: FakeExecutor, isMeant: (verb: HostVerb, host: string, input: HostInput) => boolean): Gate {
  let held = 0;
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  const run = executor.run.bind(executor);
  executor.run = async (host, verb, input, limits) => {
    if (isMeant(verb, host.name, input)) {
      held++;
      await Promise.race([opened, new Promise<void>((_, reject) => limits.signal.addEventListener('abort', () => reject(limits.signal.reason), { once: true }))]);
    }
    return run(host, verb, input, limits);
  };
  return { held: () => held, open };
}

function textsOf(node: RootOperationNode): readonly string[] {
  if (node.kind !== 'RawNode') return [];
  return node.parameters.flatMap((parameter) => ('value' in parameter && typeof parameter.value === 'string' ? [parameter.value.replaceAll('\\', '')] : []));
}
