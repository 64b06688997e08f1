/** Prometheus metrics of this process. Labels hold route patterns, never ids, so their number stays small. */
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { RequestHandler } from 'express';
import { operation } from './route.ts';
import { openStreams } from './sse.ts';
import { z } from 'zod';
import type { ApiDeps } from './deps.ts';
import type { Operation } from './route.ts';

export interface ApiMetrics {
  readonly observe: RequestHandler;
  readonly operation: Operation;
}

export function createMetrics(deps: ApiDeps): ApiMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: 'signalbox_api_' });
  const seconds = new Histogram({
    name: 'signalbox_api_request_seconds',
    help: 'Time from request to answer; streams are left out',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers: [registry],
  });
  const problems = new Counter({ name: 'signalbox_api_problems_total', help: 'Answers that were a problem, by status', labelNames: ['status'], registers: [registry] });
  gauge(registry, 'signalbox_api_event_streams', 'Event streams open now', openStreams);
  gauge(registry, 'signalbox_api_database_connections', 'Connections of the work pool', () => deps.db.pool.totalCount);
  gauge(registry, 'signalbox_api_database_waiting', 'Requests waiting for a connection', () => deps.db.pool.waitingCount);
  return { observe: observer(seconds, problems), operation: metricsOperation(registry) };
}

function gauge(registry: Registry, name: string, help: string, read: () => number): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(read());
    },
  });
}

function observer(seconds: Histogram<'method' | 'route' | 'status'>, problems: Counter<'status'>): RequestHandler {
  return (request, response, next) => {
    const end = seconds.startTimer();
    response.once('finish', () => {
      const status = String(response.statusCode);
      if (response.statusCode >= 400) problems.inc({ status });
      if (String(response.getHeader('Content-Type') ?? '').startsWith('text/event-stream')) return;
      end({ method: METHODS.has(request.method) ? request.method : 'other', route: String(response.locals['route'] ?? 'unknown'), status });
    });
    next();
  };
}

// A client may send any word as its method; each would become a series of its own.
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'PUT', 'POST', 'DELETE', 'OPTIONS', 'PATCH']);

function metricsOperation(registry: Registry): Operation {
  return operation({
    summary: 'Prometheus metrics',
    description: 'Without a token only from the machine itself.',
    tag: 'health',
    answers: { 200: { description: 'the metrics', schema: z.string(), contentTypes: ['text/plain'] } },
    async handle() {
      return { status: 200, body: await registry.metrics(), headers: { 'Content-Type': registry.contentType } };
    },
  });
}
