/** What every worker process does first with Temporal: where its library tells things, and a line that is there. */
import { setTimeout as delay } from 'node:timers/promises';
import { DefaultLogger, makeTelemetryFilterString, NativeConnection, Runtime } from '@temporalio/worker';
import type { Logger } from 'pino';

const AGAIN_MS = 1_000;

/** Once in a process, before anything else of Temporal's. */
export function installRuntime(logger: Logger): void {
  const levels = { TRACE: 'trace', DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const;
  Runtime.install({
    shutdownSignals: [],
    logger: new DefaultLogger('WARN', ({ level, message, meta }) => logger[levels[level]]({ ...meta, taskToken: undefined }, message)),
    telemetryOptions: { logging: { filter: makeTelemetryFilterString({ core: 'WARN', other: 'ERROR' }), forward: {} } },
  });
}

/** Temporal may come up after the worker: it is asked again, and the log says so and what becomes of the work, until it answers. */
export async function connectTemporal(address: string, { log, meanwhile }: { readonly log: Logger; readonly meanwhile: string }): Promise<NativeConnection> {
  for (;;) {
    try {
      return await NativeConnection.connect({ address });
    } catch (err) {
      log.warn({ err: String(err) }, `Temporal does not answer at ${address}; trying again. ${meanwhile}`);
      await delay(AGAIN_MS);
    }
  }
}
