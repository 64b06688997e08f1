/** The road between an agent and the API: a proxy of its own that loses, cuts and doubles what the test tells it to. */
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';

/**
 * What happens to one request. `lose-answer`: the API answers, nobody hears it. `half-answer`: half of the answer's body comes, then the
 * line breaks. `lose-request`: it never arrives. `double`: it arrives twice, one after the other; the second answer is heard.
 */
export type Mishap = 'lose-answer' | 'half-answer' | 'lose-request' | 'double';

export interface AgentRoad {
  readonly url: string;
  /** every mishap that came about, as `METHOD path`, in order */
  readonly happened: readonly string[];
  /** Does this to the next request whose path holds the text; of polls, to the next one that brings a call. */
  next(path: string, mishap: Mishap): void;
  /** Nothing comes through, in either direction, until it is opened again; what is under way breaks. */
  close(): void;
  open(): void;
  end(): Promise<void>;
}

export interface TlsFiles {
  readonly key: string;
  readonly cert: string;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

export async function openRoad(api: string, tls?: TlsFiles): Promise<AgentRoad> {
  const plans: { readonly path: string; readonly mishap: Mishap }[] = [];
  const happened: string[] = [];
  let isOpen = true;
  const onRequest: RequestListener = (incoming, response) => {
    if (!isOpen) return void incoming.socket.destroy();
    pass(api, incoming, response, (brought) => planned(plans, incoming, brought)).then(
      (mishap) => mishap !== null && happened.push(`${incoming.method} ${incoming.url}`),
      () => incoming.socket.destroy(),
    );
  };
  const server: Server = tls === undefined ? createServer(onRequest) : createTlsServer(tls, onRequest);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  return {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    happened,
    next: (path, mishap) => void plans.push({ path, mishap }),
    close: () => {
      isOpen = false;
      server.closeAllConnections();
    },
    open: () => {
      isOpen = true;
    },
    end: async () => {
      const ended = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await ended;
    },
  };
}

/** Takes the plan of this request out of the list; a poll that brings nothing is let pass. */
function planned(plans: { readonly path: string; readonly mishap: Mishap }[], { url = '' }: IncomingMessage, brought: Answer | null): Mishap | null {
  if (url.includes('/poll') && brought?.status !== 200) return null;
  const index = plans.findIndex(({ path, mishap }) => url.includes(path) && (brought === null) === (mishap === 'lose-request' || mishap === 'double'));
  return index === -1 ? null : (plans.splice(index, 1)[0]?.mishap ?? null);
}

async function pass(api: string, incoming: IncomingMessage, response: ServerResponse, plan: (brought: Answer | null) => Mishap | null): Promise<Mishap | null> {
  const body = Buffer.concat(await incoming.toArray());
  const before = plan(null);
  if (before === 'lose-request') {
    incoming.socket.destroy();
    return before;
  }
  if (before === 'double') await forward(api, incoming, body, response);
  const answer = await forward(api, incoming, body, response);
  const after = before ?? plan(answer);
  if (after === 'lose-answer') incoming.socket.destroy();
  else if (after === 'half-answer') halve(response, answer);
  else response.writeHead(answer.status, answer.headers).end(answer.body);
  return after;
}

function halve(response: ServerResponse, { status, headers, body }: Answer): void {
  response.writeHead(status, { ...headers, 'content-length': String(body.length) });
  response.write(body.subarray(0, body.length / 2), () => response.socket?.destroy());
}

/** The client's going ends the request to the API, as it would without us between. */
function forward(api: string, incoming: IncomingMessage, body: Buffer, response: ServerResponse): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const outgoing = request(`${api}${incoming.url}`, { method: incoming.method ?? 'GET', headers: { ...incoming.headers, connection: 'close' } }, (answer) => {
    answer.toArray().then((chunks) => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(chunks as Buffer[]) }), reject);
  });
  outgoing.on('error', reject);
  response.once('close', () => outgoing.destroy());
  outgoing.end(body);
  return promise;
}
