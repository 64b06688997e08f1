/** Small applications behind the balancer, each on its own free port, that can be stopped and started again on the same one. */
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Application {
  readonly name: string;
  readonly port: number;
  /** requests answered, health checks left out */
  readonly served: number;
  /** requests to /held that nobody answered yet */
  readonly held: number;
  /** answers everyone who waits at /held */
  release(): void;
  /** cuts all connections, as a killed process would */
  stop(): Promise<void>;
  start(): Promise<void>;
}

export async function startApplication(name: string): Promise<Application> {
  const waiting = new Set<ServerResponse>();
  let served = 0;
  let server: Server | null = null;
  const listen = (port: number): Promise<number> => {
    server = createServer((request, response) => {
      if (request.url === '/held') return void waiting.add(response);
      if (request.url !== '/health') served += 1;
      response.end(name);
    });
    const opened = server;
    return new Promise((resolve, reject) => opened.once('error', reject).listen(port, '127.0.0.1', () => resolve((opened.address() as AddressInfo).port)));
  };
  const port = await listen(0);
  return {
    name,
    port,
    get served() {
      return served;
    },
    get held() {
      return waiting.size;
    },
    release() {
      for (const response of waiting) response.end(name);
      waiting.clear();
    },
    async stop() {
      const closing = server;
      server = null;
      if (closing === null) return;
      closing.closeAllConnections();
      await new Promise((resolve) => closing.close(resolve));
    },
    async start() {
      if (server === null) await listen(port);
    },
  };
}
