/** The worker's own line to Temporal, for starts, signals and updates. */
import { Connection } from '@temporalio/client';

/** By default gRPC waits longer and longer, up to two minutes: after an outage releases would go on but hear no operator. */
const RECONNECT_MS_MAX = 1_000;

/** Connects on first use, and again within a second or two once Temporal is back, however long it was away. The caller closes it. */
export function lineToTemporal(address: string): Connection {
  return Connection.lazy({ address, channelArgs: { 'grpc.initial_reconnect_backoff_ms': 200, 'grpc.max_reconnect_backoff_ms': RECONNECT_MS_MAX } });
}
