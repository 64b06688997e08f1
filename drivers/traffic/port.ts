/** The traffic port: taking a host out of service and putting it back. Every write is read back; nothing is assumed. */
import type { TrafficSpec } from '../../domain/traffic-spec.ts';
import type { KnownServer } from '../../domain/traffic-rules/difference.ts';
import type { ObservedTraffic } from '../../domain/release/target.ts';

/** Wraps the single write: takes the target's row lock and checks the epoch before it, keeps the lock until it returns. */
export type Fence = <T>(write: () => Promise<T>) => Promise<T>;

export interface TrafficCall {
  readonly signal: AbortSignal;
  readonly fence: Fence;
  /** told on every poll, so that a long drain stays visibly alive */
  readonly onProgress?: (state: ObservedTraffic) => void;
}

/** What a server is put back to: its own state before this release touched it. */
export interface WantedTraffic {
  readonly admin: 'ready' | 'drain' | 'maint';
  readonly weight: number | null;
}

/** A reload or restart shows as a change of either. */
export interface BalancerIdentity {
  readonly pid: number;
  readonly uptimeSeconds: number;
}

export interface Traffic {
  readonly driver: string;
  /** State of the named servers, same order. Throws BalancerDown, UnknownServers naming the missing ones, or another BalancerMisconfigured. */
  observe(servers: readonly string[], signal: AbortSignal): Promise<readonly ObservedTraffic[]>;
  /** Ends when drained is read back and no connection is left, or at timeoutMs with `connections` > 0. */
  drain(server: string, options: TrafficCall & { readonly timeoutMs: number }): Promise<ObservedTraffic>;
  /** Ends when `wanted` is read back and, if that is in service, the balancer's own check says up; throws AdmitNotConfirmed at timeoutMs. */
  admit(server: string, wanted: WantedTraffic, options: TrafficCall & { readonly timeoutMs: number }): Promise<ObservedTraffic>;
  /** One write of the wanted admin state with read-back, for the loop that re-asserts after a reload. */
  assert(server: string, wanted: WantedTraffic, call: TrafficCall): Promise<ObservedTraffic>;
  /**
   * Gives a server another share of the requests, in or out of service, and ends when it is read back; admit with the weight of the pre-image
   * restores it. Throws BalancerMisconfigured for a weight that the balancer does not know, or where there are none; BalancerDown when it did not stick.
   */
  weight(server: string, weight: number, call: TrafficCall): Promise<ObservedTraffic>;
  /** Every server of the backend with where it listens, known to us or not. Throws BalancerDown. Absent: the driver cannot tell. */
  listed?(signal: AbortSignal): Promise<readonly KnownServer[]>;
  /** null where the driver has no process of its own */
  identity(signal: AbortSignal): Promise<BalancerIdentity | null>;
}

export type TrafficFactory = (spec: TrafficSpec) => Traffic;

/** Our dependency is away or answers garbage: hold, nothing was judged. */
export class BalancerDown extends Error {
  override readonly name = 'BalancerDown';
}

/** The backend, a server in it, or its `check` is missing: an operator must fix the pool or the balancer. */
export class BalancerMisconfigured extends Error {
  override readonly name: string = 'BalancerMisconfigured';
  /** the servers it is about; empty: all, or none in particular */
  readonly servers: readonly string[];
  constructor(message: string, servers: readonly string[] = []) {
    super(message);
    this.servers = servers;
  }
}

/** The backend, or some of the servers asked about, are not there: no request reaches them by this entry. */
export class UnknownServers extends BalancerMisconfigured {
  override readonly name = 'UnknownServers';
}

/** The write was accepted but the server did not come up (or the state did not stick) in time. */
export class AdmitNotConfirmed extends Error {
  override readonly name = 'AdmitNotConfirmed';
  readonly observed: ObservedTraffic;
  constructor(message: string, observed: ObservedTraffic) {
    super(message);
    this.observed = observed;
  }
}
