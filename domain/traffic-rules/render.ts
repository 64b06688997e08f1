/** A pool's rules in the words of the balancer that is before it. */
import { haproxyBackend } from './haproxy.ts';
import type { TrafficSpec } from '../traffic-spec.ts';
import type { TrafficRules } from './rules.ts';

/** Empty where it is no HAProxy: trafficRules refuses those. */
export function renderRules(traffic: TrafficSpec, rules: TrafficRules): string {
  return traffic.driver === 'haproxy' ? haproxyBackend(traffic, rules) : '';
}
