/** HAProxy's configuration for the demo fleet. */
import { haproxyBackend } from '../../domain/traffic-rules/haproxy.ts';
import type { BalancedServer } from './balancer.ts';

export const BACKEND = 'web';
export const HEALTH_PATH = '/health';

/** What the demo's application is asked by Signalbox and by the balancer. */
const CHECK = { kind: 'http', method: 'GET', path: HEALTH_PATH, status: [200] } as const;

/** Text of haproxy.cfg. `level admin` lets Signalbox drain and admit; the socket is its owner's alone. */
export function haproxyConfig(options: { readonly port: number; readonly socket: string; readonly servers: readonly BalancedServer[] }): string {
  return `# Written by the demo at every start; changes are lost.
global
  stats socket ${options.socket} mode 600 level admin
  # A command connection that a frozen process left open must not outlive the lock it was used under.
  stats timeout 10s
  maxconn 2000

defaults
  mode http
  timeout connect 2s
  timeout client 30s
  timeout server 30s
  timeout check 1s
  timeout http-keep-alive 30s
  # A server that refuses a connection costs a retry elsewhere, not a failed request.
  retries 3
  option redispatch 1
  # No request is sent on a connection that the application may be closing at that moment.
  http-reuse never

frontend demo
  bind 127.0.0.1:${options.port}
  default_backend ${BACKEND}

${haproxyBackend({ backend: BACKEND }, { check: CHECK, servers: options.servers.map((server) => ({ ...server, host: server.name })) })}`;
}
