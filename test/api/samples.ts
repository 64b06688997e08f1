/** A small fleet as people write it: only what has no default. */

export const APPLICATION = {
  kind: 'Application',
  name: 'web',
  run: { command: ['./app', '-port', '${port}'] },
  health: [{ http: { path: '/health', port: '${port}', version: { json: 'version' } } }],
};

export function host(name: string, zone = 'idc-a', port = '19001') {
  return { kind: 'Host', name, address: '127.0.0.1', zone, executor: { driver: 'local', root: `/srv/${name}` }, variables: { port } };
}

export const POOL = {
  kind: 'Pool',
  name: 'web-prod',
  environment: 'prod',
  applications: ['web'],
  hosts: ['web-01', 'web-02', 'web-03', 'web-04'],
  traffic: { driver: 'haproxy', socket: '/run/haproxy.sock', backend: 'web' },
};

export const STRATEGY = { kind: 'Strategy', name: 'standard' };

export const FLEET = [POOL, ...POOL.hosts.map((name, index) => host(name, index % 2 === 0 ? 'idc-a' : 'idc-b')), STRATEGY, APPLICATION];

export const SHA256 = 'a'.repeat(64);

export function packageOf(version: string) {
  return { application: 'web', version, uri: `https://packages.example/web-${version}.tar.gz`, sha256: SHA256 };
}

export const RELEASE = { pool: 'web-prod', changes: [{ application: 'web', version: '2' }] };
