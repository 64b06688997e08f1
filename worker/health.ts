/** /livez, /readyz and /metrics of the worker process, on loopback. Ready means: it polls Temporal for work, and Temporal hands it out. */
import { createServer } from 'node:http';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { Server } from 'node:http';
import type { Worker } from '@temporalio/worker';
import type { Logger } from 'pino';

export interface HealthDeps {
  readonly port: number;
  readonly worker: Worker;
  /** why Temporal hands out no work to this worker's build, null where it does */
  readonly unready: () => string | null;
  readonly log: Logger;
}

export async function serveHealth({ port, worker, unready, log }: HealthDeps): Promise<Server> {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  new Gauge({
    name: 'signalbox_activities_in_flight',
    help: 'Steps on targets this worker is doing right now',
    registers: [registry],
    collect() {
      this.set(worker.getStatus().numInFlightActivities);
    },
  });
  const server = createServer((request, response) => {
    const reason = worker.getState() === 'RUNNING' ? unready() : 'not polling Temporal';
    if (request.url === '/livez') response.end('ok\n');
    else if (request.url === '/readyz') response.writeHead(reason === null ? 200 : 503).end(`${reason ?? 'ok'}\n`);
    else if (request.url === '/metrics') registry.metrics().then((text) => response.end(text), () => response.writeHead(500).end());
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(new Error(`Port ${port} for the worker's health page cannot be opened (${error.message}). Set SIGNALBOX_WORKER_PORT to a free one.`)));
    server.listen(port, '127.0.0.1', resolve);
  });
  log.debug({ port }, 'The worker answers about its health');
  return server;
}
