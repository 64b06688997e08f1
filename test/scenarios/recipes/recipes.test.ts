/** Applications of each recipe on real hosts: released, failing, and rolled back exactly. */
import { spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { programOnPath } from '../../../examples/demo/balancer.ts';
import { linesOf } from '../../support/lines.ts';
import { until } from '../../support/until.ts';
import { openWholeStack, type WholeStack } from '../whole-stack.ts';
import { findJava } from './java.ts';
import { openRecipePool, type Files, type PoolHost, type RecipePool } from './pool.ts';
import { startNginx, startPhp, type Server } from './servers.ts';

let stack: WholeStack;
let folder: string;
const servers: Server[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'recipes-'));
  stack = await openWholeStack(undefined, { hosts: 1 });
}, 120_000);
afterAll(async () => {
  await Promise.all(servers.map((server) => server.stop()));
  await stack?.end();
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

const pace = { passes: 2, intervalMs: 100, timeoutSeconds: 5 };
const versionAt = (path: string): object => ({ http: { path, port: '${port}', version: { json: 'version' } }, ...pace });
const answerOf = async (host: PoolHost, path: string): Promise<string> => (await fetch(`http://127.0.0.1:${host.port}${path}`)).text();
const answers = (pool: RecipePool, path: string): Promise<readonly string[]> => Promise.all(pool.hosts.map((host) => answerOf(host, path)));

/** Fails on the second host, when the first one serves it already: both must go back. */
const failsLate = { http: { path: '/${host.name}.txt', port: '${port}' }, ...pace, passes: 1, timeoutSeconds: 2 };

describe('files that nginx serves', () => {
  let pool: RecipePool;
  const site = (version: string, hosts: readonly string[]): Files => ({ 'version.json': JSON.stringify({ version }), 'index.html': `<h1>${version}</h1>`, ...Object.fromEntries(hosts.map((host) => [`${host}.txt`, host])) });

  beforeAll(async () => {
    pool = await openRecipePool(stack, 'site', { application: { recipe: 'static', health: [versionAt('/version.json'), failsLate] } });
    for (const host of pool.hosts) servers.push(await startNginx({ folder: join(folder, host.name), port: host.port, files: join(host.root, 'site/current') }));
  }, 60_000);

  test('are released by their link alone, and a release that fails late leaves every host as it was', async () => {
    const names = pool.hosts.map(({ name }) => name);
    await pool.publish('1.0.0', site('1.0.0', names));
    await pool.publish('2.0.0', site('2.0.0', names));
    await pool.publish('3.0.0', site('3.0.0', names.slice(0, 1)));
    expect((await pool.release('1.0.0')).status).toBe('succeeded');
    expect((await pool.release('2.0.0')).status).toBe('succeeded');
    expect(await answers(pool, '/')).toEqual(['<h1>2.0.0</h1>', '<h1>2.0.0</h1>']);
    const before = pool.inForce();
    const failed = await pool.release('3.0.0');
    expect([failed.status, pool.errors(failed)]).toEqual(['rolled-back', ['site-2 verify health-timeout']]);
    expect(pool.inForce()).toEqual(before);
    expect(await answers(pool, '/')).toEqual(['<h1>2.0.0</h1>', '<h1>2.0.0</h1>']);
  });

  test('that were never there before are gone again after a first release that fails', async () => {
    const first = await openRecipePool(stack, 'fresh-site', { application: { recipe: 'static', health: [{ ...versionAt('/version.json'), timeoutSeconds: 1 }] } });
    await first.publish('1.0.0', site('1.0.0', []));
    const failed = await first.release('1.0.0');
    expect(failed.status).toBe('rolled-back');
    expect(first.inForce()).toEqual(first.hosts.map(({ name }) => [name, null, null]));
  });
});

describe('php behind nginx', () => {
  let pool: RecipePool;
  const php = (version: string, more = ''): Files => ({ 'version.php': `<?php header('content-type: application/json'); ${more} echo json_encode(['version' => '${version}']);\n` });

  beforeAll(async () => {
    pool = await openRecipePool(stack, 'shop', {
      application: { recipe: 'php', reload: { pidFile: '${fpmPid}', signal: 'SIGUSR2' }, health: [versionAt('/version.php')] },
      variables: ({ name }) => ({ fpmPid: join(folder, `${name}-fpm`, 'fpm.pid') }),
    });
    for (const host of pool.hosts) {
      const socket = join(folder, `${host.name}.sock`);
      servers.push(await startPhp(join(folder, `${host.name}-fpm`), socket));
      servers.push(await startNginx({ folder: join(folder, host.name), port: host.port, files: join(host.root, 'shop/current'), php: socket }));
    }
  }, 60_000);

  test('is compiled anew by a reload, forward and back, without php-fpm being started again', async () => {
    await pool.publish('1.0.0', php('1.0.0'));
    await pool.publish('2.0.0', php('2.0.0'));
    await pool.publish('3.0.0', php('3.0.0', "if (strpos($_SERVER['SCRIPT_FILENAME'] ?? __FILE__, 'shop-2')) { http_response_code(500); }"));
    const masters = pool.hosts.map(({ name }) => readFileSync(join(folder, `${name}-fpm`, 'fpm.pid'), 'utf8'));
    expect((await pool.release('1.0.0')).status).toBe('succeeded');
    expect((await pool.release('2.0.0')).status).toBe('succeeded');
    expect(await answers(pool, '/version.php')).toEqual(['{"version":"2.0.0"}', '{"version":"2.0.0"}']);
    const before = pool.inForce();
    const failed = await pool.release('3.0.0');
    expect([failed.status, pool.errors(failed)]).toEqual(['rolled-back', ['shop-2 verify health-timeout']]);
    expect(pool.inForce()).toEqual(before);
    expect(await answers(pool, '/version.php')).toEqual(['{"version":"2.0.0"}', '{"version":"2.0.0"}']);
    expect(pool.hosts.map(({ name }) => readFileSync(join(folder, `${name}-fpm`, 'fpm.pid'), 'utf8'))).toEqual(masters);
  });
});

describe('programs', () => {
  const app = (version: string, behaviour?: string): Files => ({ 'app.cjs': readFileSync(new URL('../../../examples/demo/app.cjs', import.meta.url)), VERSION: version, ...(behaviour === undefined ? {} : { BEHAVIOUR: behaviour }) });
  const running = async (pool: RecipePool): Promise<readonly string[]> => (await answers(pool, '/')).map((text) => (JSON.parse(text) as { version: string }).version);

  test('of nodejs are released like services, fail, and go back', async () => {
    const pool = await openRecipePool(stack, 'node', { application: { recipe: 'nodejs', run: { command: ['${node}', 'app.cjs', '-port', '${port}'], env: { HOST_NAME: '${host.name}' } }, variables: { node: process.execPath }, health: [{ ...versionAt('/health'), timeoutSeconds: 4 }] } });
    await pool.publish('1.0.0', app('1.0.0'));
    await pool.publish('2.0.0', app('2.0.0', 'fail-on:node-2'));
    expect((await pool.release('1.0.0')).status).toBe('succeeded');
    const before = pool.inForce();
    const failed = await pool.release('2.0.0');
    expect([failed.status, pool.errors(failed)]).toEqual(['rolled-back', ['node-2 verify health-timeout']]);
    expect([pool.inForce(), await running(pool)]).toEqual([before, ['1.0.0', '1.0.0']]);
  });

  test('of nodejs are refused before anything is touched where one host lacks the runtime', async () => {
    const pool = await openRecipePool(stack, 'lame', {
      application: { recipe: 'nodejs', run: { command: ['${node}', 'app.cjs', '-port', '${port}'] }, health: [versionAt('/health')] },
      variables: ({ name }) => ({ node: name === 'lame-2' ? '/opt/not-there/node' : process.execPath }),
    });
    await pool.publish('1.0.0', app('1.0.0'));
    const failed = await pool.release('1.0.0');
    expect(failed.status).toBe('failed');
    expect(failed.failure?.message).toContain('lame-2');
    expect(pool.inForce()).toEqual([['lame-1', null, null], ['lame-2', null, null]]);
  });

  test('that are native run as plain services: a copied ELF is released, fails and goes back', async () => {
    const busybox = programOnPath('busybox') ?? '';
    copyFileSync(busybox, join(folder, 'busybox'));
    const elf = readFileSync(join(folder, 'busybox'));
    expect(elf.subarray(0, 4).toString('latin1')).toBe('\x7fELF');
    const pool = await openRecipePool(stack, 'native', { application: { run: { command: ['./busybox', 'httpd', '-f', '-p', '127.0.0.1:${port}', '-h', 'www'], stopTimeoutSeconds: 2 }, health: [{ ...versionAt('/version.json'), timeoutSeconds: 3 }] } });
    await pool.publish('1.0.0', { 'busybox*': elf, 'www/version.json': '{"version":"1.0.0"}' });
    await pool.publish('2.0.0', { 'busybox*': elf, 'www/version.json': '{"version":"1.9.9"}' });
    expect((await pool.release('1.0.0')).status).toBe('succeeded');
    const before = pool.inForce();
    const failed = await pool.release('2.0.0');
    expect([failed.status, pool.errors(failed)]).toEqual(['rolled-back', ['native-1 verify wrong-version']]);
    expect([pool.inForce(), await answers(pool, '/version.json')]).toEqual([before, ['{"version":"1.0.0"}', '{"version":"1.0.0"}']]);
  });

  test('of java are jars on a real virtual machine: released, failing, and back', async () => {
    const java = await findJava();
    const pool = await openRecipePool(stack, 'jvm', {
      application: { recipe: 'java-web', run: { command: ['${java}', '-Xshare:auto', '-XX:TieredStopAtLevel=1', '-jar', 'app.jar', '${port}'], env: { LD_LIBRARY_PATH: java.libraries }, stopTimeoutSeconds: 5 }, health: [{ ...versionAt('/'), timeoutSeconds: 20 }] },
      variables: () => ({ java: java.program }),
    });
    await pool.publish('1.0.0', { 'app.jar': await java.jar('1.0.0') });
    await pool.publish('2.0.0', { 'app.jar': await java.jar('2.0.0') });
    await pool.publish('3.0.0', { 'app.jar': 'no jar at all' });
    expect((await pool.release('1.0.0')).status).toBe('succeeded');
    expect((await pool.release('2.0.0')).status).toBe('succeeded');
    const before = pool.inForce();
    const failed = await pool.release('3.0.0');
    expect(failed.status).toBe('rolled-back');
    // It is gone before or after the start has looked at it.
    expect(pool.errors(failed).join()).toMatch(/^jvm-1 (?:start start-failed|verify process-exited)$/);
    expect([pool.inForce(), await answers(pool, '/')]).toEqual([before, ['{"version":"2.0.0"}', '{"version":"2.0.0"}']]);
  }, 300_000);

  test('go by a recipe of one file of their own, whose programs run in their places, forward and back', async () => {
    const recipe = parse(readFileSync(new URL('../../../examples/recipes/warmed.yml', import.meta.url), 'utf8')) as object;
    await stack.api.post('/v1/apply', { documents: [recipe] });
    const note = (what: string, then = ''): string => `#!/bin/sh\necho ${what} "$@" >> ${folder}/warmed\n${then}\n`;
    const pool = await openRecipePool(stack, 'cache', { application: { recipe: 'warmed', run: { command: ['${node}', 'app.cjs', '-port', '${port}'], env: { PATH: '/usr/bin:/bin' } }, variables: { node: process.execPath }, health: [versionAt('/health')] } });
    const files = (version: string, then?: string): Files => ({ ...app(version), 'good-bye*': note(`bye-${version}`), 'warm-up*': note(`warm-${version}`, then) });
    await pool.publish('1.0.0', files('1.0.0'));
    await pool.publish('2.0.0', files('2.0.0', 'test "$1" != cache-2'));
    expect((await pool.release('1.0.0')).status).toBe('succeeded');
    const before = pool.inForce();
    const failed = await pool.release('2.0.0');
    expect([failed.status, pool.errors(failed), failed.batches.flatMap(({ targets }) => targets.flatMap(({ error }) => error?.class ?? []))]).toEqual(['rolled-back', ['cache-2 start hook-failed'], ['bad-build']]);
    expect([pool.inForce(), await running(pool)]).toEqual([before, ['1.0.0', '1.0.0']]);
    const said = readFileSync(join(folder, 'warmed'), 'utf8').trim().split('\n').map((line) => line.split(' '));
    const toldOf = (host: string): readonly string[] => said.filter(([, name]) => name === host).map(([what = '', , version]) => `${what}${version === undefined ? '' : `/${version}`}`);
    expect(toldOf('cache-1')).toEqual(['warm-1.0.0/1.0.0', 'bye-1.0.0', 'warm-2.0.0/2.0.0', 'bye-2.0.0', 'warm-1.0.0/1.0.0']);
    expect(existsSync(join(folder, 'warmed'))).toBe(true);
  });
});

describe('jobs that cron starts', () => {
  const others = '# of somebody else\n7 7 * * * /usr/bin/true\n';
  const tabOf = (host: PoolHost): string => join(folder, `${host.name}-crontab`);
  const job = (version: string, more = ''): Files => ({ 'report*': `#!/bin/sh\n${more}\necho ${version} >> "$WITNESS"\nwhile [ -e "$WITNESS.hold" ]; do sleep 0.05; done\n` });
  /** As cron does: the command of each entry of ours, by a shell. */
  const runJobs = (host: PoolHost): readonly Promise<void>[] => {
    const entries = readFileSync(tabOf(host), 'utf8').split('\n').filter((line) => line.includes('/run/job-'));
    return entries.map((line) => new Promise((resolve) => void spawn('/bin/sh', ['-c', line.slice(line.indexOf('/bin/sh'))], { stdio: 'ignore' }).once('exit', () => resolve())));
  };
  const witnessOf = (host: PoolHost): string => join(folder, `${host.name}-jobs`);
  const done = (host: PoolHost): readonly string[] => linesOf(witnessOf(host));
  let pool: RecipePool;

  beforeAll(async () => {
    pool = await openRecipePool(stack, 'report', {
      application: {
        recipe: 'scheduled-task',
        schedule: { file: '${crontab}', entries: [{ at: '*/10 * * * *', command: ['./report', '${host.name}'] }], waitSeconds: 30 },
        run: { env: { WITNESS: '${witness}', PATH: '/usr/bin:/bin' } },
        health: [{ command: { command: ['test', '-e', 'report'], timeoutSeconds: 5 }, ...pace, passes: 1 }, { command: { command: ['test', '!', '-e', 'bad-${host.name}'], timeoutSeconds: 5 }, ...pace, passes: 1, timeoutSeconds: 1 }],
      },
      variables: (host) => ({ crontab: tabOf(host), witness: witnessOf(host) }),
    });
    for (const host of pool.hosts) writeFileSync(tabOf(host), others);
  });

  test('are switched when the running one has ended, and a release that fails puts the entries of before back byte by byte', async () => {
    await pool.publish('1.0.0', job('1.0.0'));
    await pool.publish('2.0.0', job('2.0.0'));
    await pool.publish('3.0.0', { ...job('3.0.0'), 'bad-report-2': 'bad' });
    expect((await pool.release('1.0.0')).status).toBe('succeeded');
    const [first] = pool.hosts;
    if (first === undefined) throw new Error('the pool has no host');
    writeFileSync(`${witnessOf(first)}.hold`, '');
    const running = runJobs(first);
    await until('the job of 1.0.0 runs', () => done(first).length === 1);
    const second = pool.release('2.0.0');
    await until('the entries are out', () => !readFileSync(tabOf(first), 'utf8').includes('job-0'));
    expect(pool.inForce()[0]?.[1]).toContain('releases/');
    rmSync(`${witnessOf(first)}.hold`);
    await Promise.all(running);
    expect((await second).status).toBe('succeeded');
    await Promise.all(pool.hosts.flatMap(runJobs));
    expect(pool.hosts.map(done)).toEqual([['1.0.0', '2.0.0'], ['2.0.0']]);
    const before = [pool.inForce(), pool.hosts.map((host) => readFileSync(tabOf(host), 'utf8'))];
    const failed = await pool.release('3.0.0');
    expect([failed.status, pool.errors(failed)]).toEqual(['rolled-back', ['report-2 verify health-timeout']]);
    expect([pool.inForce(), pool.hosts.map((host) => readFileSync(tabOf(host), 'utf8'))]).toEqual(before);
    await Promise.all(pool.hosts.flatMap(runJobs));
    expect(pool.hosts.map((host) => done(host).at(-1))).toEqual(['2.0.0', '2.0.0']);
  });

  test('that were never there before leave a crontab as it was after a first release that fails', async () => {
    const fresh = await openRecipePool(stack, 'fresh-report', {
      application: { recipe: 'scheduled-task', schedule: { file: '${crontab}', entries: [{ at: '@daily', command: ['./report'] }] }, health: [{ command: { command: ['false'], timeoutSeconds: 5 }, ...pace, timeoutSeconds: 1 }] },
      variables: (host) => ({ crontab: tabOf(host) }),
    });
    for (const host of fresh.hosts) writeFileSync(tabOf(host), others);
    await fresh.publish('1.0.0', job('1.0.0'));
    expect((await fresh.release('1.0.0')).status).toBe('rolled-back');
    expect(fresh.hosts.map((host) => readFileSync(tabOf(host), 'utf8'))).toEqual([others, others]);
  });
});
