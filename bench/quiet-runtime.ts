/**
 * Imported for its effect. Temporal's own logs stay out of what a bench prints, and out of its processor time. Signals are not its
 * concern: Ctrl-C ends a bench at once, and the guard of its servers ends them.
 */
import { DefaultLogger, makeTelemetryFilterString, Runtime } from '@temporalio/worker';

Runtime.install({
  shutdownSignals: [],
  logger: new DefaultLogger('ERROR'),
  telemetryOptions: { logging: { filter: makeTelemetryFilterString({ core: 'ERROR', other: 'ERROR' }), forward: {} } },
});
