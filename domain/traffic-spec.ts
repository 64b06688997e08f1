/** What is before a pool: its balancer as a pool document names it, one member for each driver. */

export type TrafficSpec = HaproxySpec | NginxSpec | CommandTrafficSpec | { readonly driver: 'none' };

/** HAProxy's runtime API: `socket` is a unix socket path, or `address` is host:port of the same API over TCP. Exactly one is set. */
export interface HaproxySpec {
  readonly driver: 'haproxy';
  readonly socket: string | null;
  readonly address: string | null;
  readonly backend: string;
  /** server name per host, `${host.name}` substituted */
  readonly server: string;
  readonly drainTimeoutSeconds: number;
}

/** nginx on the worker's own machine. All paths are absolute. */
export interface NginxSpec {
  readonly driver: 'nginx';
  /** include file of one upstream, which Signalbox writes */
  readonly file: string;
  /** address on the loopback where nginx answers what its workers go by */
  readonly status: string;
  readonly pidFile: string;
  /** name of a server line per host, `${host.name}` substituted */
  readonly server: string;
  readonly drainTimeoutSeconds: number;
}

/** Any other balancer, by a script on the worker's own machine. */
export interface CommandTrafficSpec {
  readonly driver: 'command';
  /** absolute path of the script and its first words; what to do, and with which server, is said behind them */
  readonly command: readonly string[];
  /** of one call; what takes longer is killed */
  readonly timeoutSeconds: number;
  /** name of a server per host, `${host.name}` substituted */
  readonly server: string;
  readonly drainTimeoutSeconds: number;
}
