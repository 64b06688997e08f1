/** Agents that speak as the real one does, a connection for every request, and whose hosts do what they are asked at once. */
import { request } from 'node:http';
import { createHash, randomUUID } from 'node:crypto';

const ANSWER = '{"ok":true,"repeated":false,"result":{}}\n';
const POLL_SECONDS = 25;
const AGAIN_MS = 1_000;

export interface SimulatedAgents {
  /** polls that were begun */
  readonly polls: () => number;
  /** polls and answers that failed */
  readonly failures: () => number;
  end(): Promise<void>;
}

export interface SimulatedHost {
  readonly name: string;
  readonly token: string;
}

/** They begin one after the other over a second, and from then on each polls again as soon as it was answered. */
export function startSimulatedAgents(url: string, hosts: readonly SimulatedHost[]): SimulatedAgents {
  const ending = new AbortController();
  const count = { polls: 0, failures: 0 };
  const running = hosts.map(async ({ name, token }, index) => {
    await pause((index / hosts.length) * AGAIN_MS, ending.signal);
    const agent = createHash('md5').update(name).digest('hex');
    const boot = randomUUID();
    while (!ending.signal.aborted) {
      try {
        count.polls += 1;
        await turn({ url, token, signal: ending.signal }, JSON.stringify({ protocol: 1, agent, boot, running: [], waitSeconds: POLL_SECONDS }));
      } catch {
        if (!ending.signal.aborted) count.failures += 1;
        await pause(AGAIN_MS, ending.signal);
      }
    }
  });
  return {
    polls: () => count.polls,
    failures: () => count.failures,
    end: async () => {
      ending.abort();
      await Promise.all(running);
    },
  };
}

interface Line {
  readonly url: string;
  readonly token: string;
  readonly signal: AbortSignal;
}

/** One poll, and the answer to what it brought. */
async function turn(line: Line, poll: string): Promise<void> {
  const { status, text } = await post(line, '/v1/agent/poll', 'application/json', poll);
  if (status === 204) return;
  const id = /^call (\d+)\n/.exec(text)?.[1];
  if (status !== 200 || id === undefined) throw new Error(`A poll was answered with ${status}: ${text}`);
  await post(line, `/v1/agent/calls/${id}/answer?exit=0`, 'application/octet-stream', ANSWER);
}

function post({ url, token, signal }: Line, path: string, type: string, body: string): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const asked = request(`${url}${path}`, { method: 'POST', agent: false, signal, headers: { authorization: `Bearer ${token}`, 'content-type': type, 'content-length': Buffer.byteLength(body) } }, (answer) => {
      answer.toArray().then((chunks) => resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(chunks as Buffer[]).toString('utf8') }), reject);
    });
    asked.on('error', reject);
    asked.end(body);
  });
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true });
  });
}
