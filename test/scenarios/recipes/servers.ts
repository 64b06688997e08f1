/** nginx and php-fpm as a host has them: started by nobody but itself, told of a release by a signal at most. */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { debianProgram } from '../../../stack/debian.ts';
import { cacheFolder } from '../../../stack/place.ts';
import { until } from '../../support/until.ts';

const CLONE = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));
const CACHE = cacheFolder(CLONE);

export interface Server {
  readonly pidFile: string;
  readonly stop: () => Promise<void>;
}

interface Started {
  readonly program: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly pidFile: string;
  readonly logFile: string;
}

async function start({ program, args, env, pidFile, logFile }: Started): Promise<Server> {
  const child = spawn(program, [...args], { stdio: 'ignore', env: { PATH: '/usr/bin:/bin', ...env } });
  const gone = new Promise<void>((resolve) => void child.once('exit', () => resolve()));
  await until(`${program} has written its pid file`, () => {
    if (child.exitCode !== null) throw new Error(`${program} ended with ${child.exitCode}: ${existsSync(logFile) ? readFileSync(logFile, 'utf8').slice(-2_000) : ''}`);
    return existsSync(pidFile) && readFileSync(pidFile, 'utf8').trim() !== '';
  }, 20_000);
  return {
    pidFile,
    stop: async () => {
      child.kill('SIGQUIT');
      const timer = setTimeout(() => child.kill('SIGKILL'), 3_000);
      await gone;
      clearTimeout(timer);
    },
  };
}

export interface Site {
  readonly folder: string;
  readonly port: number;
  /** what is served: the link that a release switches */
  readonly files: string;
  /** php-fpm's socket; absent: plain files only */
  readonly php?: string;
}

export async function startNginx({ folder, port, files, php }: Site): Promise<Server> {
  const { program, env } = await debianProgram({ packages: ['nginx'], path: 'usr/sbin/nginx' }, CACHE);
  mkdirSync(folder, { recursive: true });
  const place = (name: string): string => join(folder, name);
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${place(name)};`).join(' ');
  const location = php === undefined ? '' : `location ~ \\.php$ { fastcgi_pass unix:${php}; fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name; fastcgi_param REQUEST_METHOD $request_method; fastcgi_param QUERY_STRING $query_string; }`;
  writeFileSync(place('nginx.conf'), `daemon off; master_process off; pid ${place('nginx.pid')}; error_log ${place('error.log')};
events { worker_connections 64; }
http { access_log off; ${temporary} server { listen 127.0.0.1:${port}; root ${files}; ${location} } }
`);
  return start({ program, args: ['-e', place('error.log'), '-p', folder, '-c', place('nginx.conf')], env, pidFile: place('nginx.pid'), logFile: place('error.log') });
}

/** With a cache of compiled files that never looks at the files again, as it is run where speed counts. */
export async function startPhp(folder: string, socket: string): Promise<Server> {
  const { program, root, env } = await debianProgram({ packages: ['php8.2-fpm'], path: 'usr/sbin/php-fpm8.2' }, CACHE);
  mkdirSync(folder, { recursive: true });
  const place = (name: string): string => join(folder, name);
  const owner = process.getuid?.() === 0 ? 'user = root\ngroup = root\n' : '';
  writeFileSync(place('php.ini'), `zend_extension=${join(root, 'usr/lib/php/20220829/opcache.so')}\nopcache.enable=1\nopcache.validate_timestamps=0\n`);
  writeFileSync(place('fpm.conf'), `[global]\npid = ${place('fpm.pid')}\nerror_log = ${place('fpm.log')}\n[www]\nlisten = ${socket}\n${owner}pm = static\npm.max_children = 2\n`);
  const asRoot = process.getuid?.() === 0 ? ['-R'] : [];
  return start({ program, args: ['-F', ...asRoot, '-c', place('php.ini'), '-y', place('fpm.conf')], env, pidFile: place('fpm.pid'), logFile: place('fpm.log') });
}
