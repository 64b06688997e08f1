/** A real nginx on free ports of the loopback, with the include file that the driver owns and the location that tells what its workers go by. */
import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheFolder, isRoot } from '../../../stack/place.ts';
import { freePorts } from '../../../stack/ports.ts';
import { debianProgram, NGINX } from '../../../stack/debian.ts';
import { until } from '../../support/until.ts';
import type { NginxSpec } from '../../../domain/traffic-spec.ts';

export interface RealNginx {
  readonly pid: number;
  readonly spec: NginxSpec;
  /** where users ask */
  readonly port: number;
  /** read within `http`, for what a test wants broken there; empty at first */
  readonly extraFile: string;
  /** reads its configuration again, as an operator would; nothing is waited for */
  reload(): void;
  errorLog(): string;
  stop(): Promise<void>;
}

export interface ServerLine {
  readonly name: string;
  readonly port: number;
}

const CLONE = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));

/** As the operators' page says it is to be made. */
export function firstIncludeFile(servers: readonly ServerLine[]): string {
  return `upstream web {
${servers.map(({ name, port }) => `    server 127.0.0.1:${port}; # ${name}`).join('\n')}
}
map "" $signalbox_web { default ""; }
`;
}

interface Places {
  readonly spec: NginxSpec;
  readonly port: number;
  readonly statusPort: number;
}

export interface NginxOptions {
  /** what the include file holds at first, else as the operators' page says */
  readonly includeFile?: string;
  /** text within `http` that includes the file, else an entry to the upstream `web` */
  readonly http?: (at: Places) => string;
}

/** One upstream `web` with these servers. Ends, with its log in the error, if nginx refuses the configuration. */
export async function startNginx(servers: readonly ServerLine[], { includeFile = firstIncludeFile(servers), http = entry }: NginxOptions = {}): Promise<RealNginx> {
  const { program, env } = await debianProgram(NGINX, cacheFolder(CLONE));
  const folder = await mkdtemp(join(tmpdir(), 'nginx-'));
  // Workers run as another account than their master, as they do elsewhere.
  chmodSync(folder, 0o755);
  const [port = 0, statusPort = 0] = await freePorts(2);
  const path = (name: string): string => join(folder, name);
  const spec: NginxSpec = { driver: 'nginx', file: path('web.conf'), status: `http://127.0.0.1:${statusPort}/signalbox/web`, pidFile: path('nginx.pid'), server: '${host.name}', drainTimeoutSeconds: 10 };
  mkdirSync(path('tmp'));
  writeFileSync(spec.file, includeFile);
  writeFileSync(path('extra.conf'), '');
  writeFileSync(path('nginx.conf'), configuration({ folder, spec, http: http({ spec, port, statusPort }) }));
  const child = spawn(program, ['-e', path('error.log'), '-p', folder, '-c', path('nginx.conf')], { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, ...env } });
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (said += text));
  const stop = async (): Promise<void> => {
    await end(child);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await until('nginx answers', () => (child.exitCode === null ? isAnswering(spec) : Promise.reject(new Error(`nginx ended: ${said}`))));
  } catch (error) {
    await stop();
    throw error;
  }
  return { pid: child.pid ?? 0, spec, port, extraFile: path('extra.conf'), reload: () => void child.kill('SIGHUP'), errorLog: () => readFileSync(path('error.log'), 'utf8'), stop };
}

function configuration({ folder, spec, http }: { readonly folder: string; readonly spec: NginxSpec; readonly http: string }): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `  ${kind}_temp_path ${folder}/tmp/${kind};`).join('\n');
  return `
${isRoot() ? 'user nobody nogroup;' : ''}
daemon off;
worker_processes 2;
pid ${spec.pidFile};
error_log ${folder}/error.log notice;
events { worker_connections 512; }
http {
  access_log off;
${temporary}
  include ${folder}/extra.conf;
${http}
}
`;
}

function entry({ spec, port, statusPort }: Places): string {
  return `
  include ${spec.file};
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://web;
      proxy_connect_timeout 1s;
    }
  }
  server {
    listen 127.0.0.1:${statusPort};
    location = /signalbox/web { return 200 $signalbox_web; }
  }`;
}

async function isAnswering({ status }: NginxSpec): Promise<boolean> {
  return fetch(status).then((answer) => answer.ok, () => false);
}

/** At once: workers from before a reload might hold a request for long. */
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), 5_000);
  await gone;
  clearTimeout(late);
}
