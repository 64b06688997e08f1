/** Users who keep asking through the balancer, and never forgive. */
import { Agent, request } from 'node:http';

export interface Users {
  readonly answered: number;
  readonly failures: readonly string[];
  /** ends all of them and waits for their last answers */
  stop(): Promise<void>;
}

/**
 * @param count how many ask at the same time, each as soon as it has its answer
 * @param connections whether a user keeps the connection for the next request
 */
export function startUsers(port: number, count: number, connections: 'kept' | 'new' = 'kept'): Users {
  const agent = new Agent({ keepAlive: true, maxSockets: count });
  const failures: string[] = [];
  let answered = 0;
  let stopped = false;
  const one = async (): Promise<void> => {
    while (!stopped) {
      const problem = await ask(connections === 'kept' ? agent : false, port, '/');
      if (problem === null) answered += 1;
      else failures.push(problem);
    }
  };
  const all = Array.from({ length: count }, one);
  return {
    get answered() {
      return answered;
    },
    failures,
    async stop() {
      stopped = true;
      await Promise.all(all);
      agent.destroy();
    },
  };
}

/**
 * @param agent false: over a connection of its own
 * @returns null, or what went wrong
 */
export function ask(agent: Agent | false | undefined, port: number, path: string): Promise<string | null> {
  return new Promise((resolve) => {
    const asked = request({ host: '127.0.0.1', port, path, agent, timeout: 10_000 }, (response) => {
      response.resume().once('end', () => resolve(response.statusCode === 200 ? null : `status ${response.statusCode}`));
    });
    asked.once('timeout', () => asked.destroy(new Error('no answer within 10 s')));
    asked.once('error', (error) => resolve(error.message));
    asked.end();
  });
}
