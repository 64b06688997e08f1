import { describe, expect, test } from 'vitest';
import { haproxyBackend } from '../../../domain/traffic-rules/haproxy.ts';
import { trafficRules } from '../../../domain/traffic-rules/rules.ts';
import { APPLICATION, hostSpec, poolSpec } from '../../support/specs.ts';
import type { ApplicationSpec, HealthCheck, HostSpec, PoolSpec } from '../../../domain/inventory.ts';
import type { TrafficSpec } from '../../../domain/traffic-spec.ts';

const HAPROXY: TrafficSpec = { driver: 'haproxy', socket: '/run/haproxy.sock', address: null, backend: 'web', server: 's-${host.name}', drainTimeoutSeconds: 10 };
const PACE = { passes: 1, intervalMs: 100, timeoutSeconds: 5 };
const http = (more: object = {}): HealthCheck => ({ http: { path: '/ok?a=1', port: '${port}', method: 'HEAD', status: [204, 200], version: null, ...more }, ...PACE });
const application = (name: string, health: readonly HealthCheck[]): ApplicationSpec => ({ ...APPLICATION, name, health, variables: {} });
const host = (name: string, address: string, variables: Record<string, string>): HostSpec => ({ ...hostSpec(name), address, variables });
const pool = (more: Partial<PoolSpec> = {}): PoolSpec => ({ ...poolSpec('web-prod', ['b', 'a']), traffic: HAPROXY, ...more });
const HOSTS = [host('a', '10.0.0.1', { port: '81' }), host('b', 'fd00::2', { port: '82' })];

describe('the rules of a pool', () => {
  test('have a server for each host in the order of the pool, at its address and the port of the first check before admit', () => {
    const late: HealthCheck = { tcp: { port: '1' }, ...PACE, when: 'after-admit' };
    const rules = trafficRules({ pool: pool(), applications: [application('batch', [{ process: {}, ...PACE }]), application('web', [late, http(), { tcp: { port: '9' }, ...PACE }])], hosts: HOSTS });
    expect(rules).toEqual({
      pool: 'web-prod', application: 'web', check: { kind: 'http', method: 'HEAD', path: '/ok?a=1', status: [204, 200] },
      servers: [{ host: 'b', name: 's-b', address: 'fd00::2', port: 82 }, { host: 'a', name: 's-a', address: '10.0.0.1', port: 81 }],
    });
  });

  test.each<[string, Partial<PoolSpec>, readonly ApplicationSpec[], readonly HostSpec[], RegExp]>([
    ['without an entry', { traffic: { driver: 'none' } }, [application('web', [http()])], HOSTS, /has no traffic entry/],
    ['that joins others', { joins: ['x', 'y'] }, [application('web', [http()])], HOSTS, /Ask for one of them: x, y/],
    ['whose applications ask no port', {}, [application('web', [{ process: {}, ...PACE }])], HOSTS, /Add one to the application/],
    ['one of whose hosts has no port', {}, [application('web', [http()])], [HOSTS[0], host('b', '10.0.0.2', {})].flatMap((one) => one ?? []), /on host b: port is not defined/],
    ['one of whose hosts is not known', {}, [application('web', [http()])], HOSTS.slice(0, 1), /names host b, which is not known/],
  ])('of one %s are refused with what to do', (_what, more, applications, hosts, message) => {
    expect(trafficRules({ pool: pool(more), applications, hosts })).toEqual({ refused: expect.stringMatching(message) });
  });
});

describe('as a section of haproxy.cfg', () => {
  const servers = [{ host: 'b', name: 's-b', address: 'fd00::2', port: 82 }];

  test('they ask what the health check asks', () => {
    expect(haproxyBackend({ backend: 'web' }, { check: { kind: 'http', method: 'HEAD', path: "/it's here", status: [204, 200] }, servers })).toBe(`backend web
  balance roundrobin
  option httpchk
  http-check send meth HEAD uri '/it'\\''s here'
  http-check expect status 200,204
  default-server check inter 1000ms fastinter 250ms downinter 250ms fall 2 rise 1
  server s-b [fd00::2]:82
`);
  });

  test('a check of a port alone asks no page', () => {
    expect(haproxyBackend({ backend: 'web' }, { check: { kind: 'tcp' }, servers })).not.toMatch(/http/);
  });
});
