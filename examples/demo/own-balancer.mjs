/**
 * A small HTTP balancer for machines without HAProxy: `node own-balancer.mjs CONFIG.json`. It speaks the part of HAProxy's runtime API that
 * Signalbox uses, over a unix socket, and means the same by it. For the demo only.
 *
 * CONFIG: { port, socket, backend, check: { path, intervalMs, rise, fall }, servers: [{ name, address, port }] }
 */
import { chmodSync, readFileSync, rmSync } from 'node:fs';
import { createServer, request as send } from 'node:http';
import { createServer as createSocketServer } from 'node:net';

const config = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const { rise, fall } = config.check;
const HEALTH_MAX = rise + fall - 1;
const TRIES_MAX = 3;
const REQUEST_TIMEOUT_MS = 30_000;
const CHECK_TIMEOUT_MS = 1_000;
/** numbers of HAProxy's own tables */
const OPERATIONAL = { down: 0, up: 2 };
const ADMIN = { ready: 0, maint: 1, drain: 8 };
const CHECK = { never: 1, refused: 7, passed: 15, wrongStatus: 17 };
const CHECK_CONFIGURED_AND_ENABLED = 6;
const startedAt = Date.now();

// Like HAProxy: a server begins as up with `rise` points, and its first checks correct that.
const servers = config.servers.map((server, index) => ({
  ...server, id: index + 1, admin: 'ready', isUp: true, points: rise, check: CHECK.never, weight: 1, open: 0, total: 0, refused: 0, changedAt: startedAt, credit: 0,
}));

// ---- requests

const proxy = createServer((incoming, outgoing) => forward(incoming, outgoing, 1, null));
proxy.keepAliveTimeout = 30_000;
proxy.listen(config.port, '127.0.0.1');

/** Sends the request to one server; one that refuses the connection is left for another, since nothing was sent yet. */
function forward(incoming, outgoing, attempt, refusedBy) {
  const server = choose(refusedBy);
  if (server === null) return answer(outgoing, 503, 'no server is available');
  server.open += 1;
  server.total += 1;
  const upstream = send(
    { host: server.address, port: server.port, method: incoming.method, path: incoming.url, headers: { ...incoming.headers, connection: 'close' }, agent: false, timeout: REQUEST_TIMEOUT_MS },
    (reply) => {
      outgoing.writeHead(reply.statusCode, { ...reply.headers, connection: 'keep-alive' });
      reply.pipe(outgoing);
      reply.on('error', () => outgoing.destroy());
    },
  );
  upstream.once('close', () => { server.open -= 1; });
  upstream.on('timeout', () => upstream.destroy(new Error('timeout')));
  upstream.on('error', (error) => {
    if (outgoing.headersSent) return outgoing.destroy();
    server.refused += 1;
    if (error.code === 'ECONNREFUSED' && attempt < TRIES_MAX && !hasBody(incoming)) return forward(incoming, outgoing, attempt + 1, server);
    answer(outgoing, error.message === 'timeout' ? 504 : 502, `${server.name}: ${error.message}`);
  });
  outgoing.once('close', () => { if (!outgoing.writableFinished) upstream.destroy(); });
  if (hasBody(incoming)) incoming.pipe(upstream);
  else upstream.end();
}

function hasBody(incoming) {
  return incoming.headers['content-length'] !== undefined || incoming.headers['transfer-encoding'] !== undefined;
}

function answer(outgoing, status, message) {
  if (outgoing.headersSent) return outgoing.destroy();
  outgoing.writeHead(status, { 'content-type': 'text/plain' });
  outgoing.end(`${message}\n`);
}

/** Smooth weighted round robin over those that may serve; the one that just refused comes last. */
function choose(refusedBy) {
  const able = servers.filter((server) => server.admin === 'ready' && server.isUp && server.weight > 0);
  const others = able.filter((server) => server !== refusedBy);
  const field = others.length > 0 ? others : able;
  let best = null;
  for (const server of field) {
    server.credit += server.weight;
    if (best === null || server.credit > best.credit) best = server;
  }
  if (best !== null) best.credit -= field.reduce((sum, server) => sum + server.weight, 0);
  return best;
}

// ---- health checks

setInterval(() => servers.filter((server) => server.admin !== 'maint').forEach(check), config.check.intervalMs);
servers.forEach(check);

function check(server) {
  const probe = send({ host: server.address, port: server.port, path: config.check.path, agent: false, timeout: CHECK_TIMEOUT_MS }, (reply) => {
    reply.resume();
    judge(server, reply.statusCode < 400, CHECK.wrongStatus);
  });
  probe.on('timeout', () => probe.destroy(new Error('timeout')));
  probe.on('error', () => judge(server, false, CHECK.refused));
  probe.end();
}

function judge(server, passed, failure) {
  server.check = passed ? CHECK.passed : failure;
  const before = server.isUp;
  if (passed) {
    server.points = server.isUp ? HEALTH_MAX : server.points + 1;
    if (!server.isUp && server.points >= rise) setUp(server, true, HEALTH_MAX);
  } else {
    server.points = server.isUp ? server.points - 1 : 0;
    if (server.isUp && server.points < rise) setUp(server, false, 0);
  }
  if (before !== server.isUp) console.log(`${server.name} is ${server.isUp ? 'up' : 'down'}`);
}

function setUp(server, isUp, points) {
  Object.assign(server, { isUp, points, changedAt: Date.now() });
}

// ---- runtime API: one line in, the answers out, the connection closed

rmSync(config.socket, { force: true });
const runtime = createSocketServer((connection) => {
  let text = '';
  connection.setEncoding('utf8');
  connection.setTimeout(10_000, () => connection.destroy());
  connection.on('error', () => connection.destroy());
  connection.on('data', (chunk) => {
    text += chunk;
    const end = text.indexOf('\n');
    if (end < 0 && text.length < 65_536) return;
    const commands = text.slice(0, Math.max(end, 0)).split(';').map((command) => command.trim());
    text = '';
    connection.end(commands.filter((command) => command !== '').map((command) => `${execute(command)}\n`).join(''));
  });
});
runtime.listen(config.socket, () => chmodSync(config.socket, 0o600));

function execute(command) {
  const words = command.split(/\s+/);
  if (command === 'show info') return showInfo();
  if (words[0] === 'show' && words[1] === 'servers' && words[2] === 'state') return isBackend(words[3]) ? showServersState() : "Can't find backend.\n";
  if (words[0] === 'show' && words[1] === 'stat') return isBackend(words[2]) ? showStat() : "Can't find backend.\n";
  if (words[0] === 'set' && words[1] === 'server') return setServer(words.slice(2));
  return `Unknown command: '${words[0]}'.\n`;
}

function isBackend(name) {
  return name === undefined || name === config.backend;
}

function showInfo() {
  return `Name: signalbox demo balancer\nPid: ${process.pid}\nUptime_sec: ${Math.floor((Date.now() - startedAt) / 1000)}\nCurrConns: ${servers.reduce((sum, server) => sum + server.open, 0)}\n`;
}

function showServersState() {
  const rows = servers.map((server) => [
    1, config.backend, server.id, server.name, server.address, serves(server) ? OPERATIONAL.up : OPERATIONAL.down, ADMIN[server.admin], server.weight, 1,
    Math.floor((Date.now() - server.changedAt) / 1000), server.check, server.check === CHECK.passed ? 3 : 2, server.points, CHECK_CONFIGURED_AND_ENABLED,
  ].join(' '));
  const heading = '# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state';
  return `1\n${[heading, ...rows].join('\n')}\n`;
}

function showStat() {
  const rows = servers.map((server) => [config.backend, server.name, server.open, server.total, server.refused, statusOf(server), server.weight, rise, fall, ''].join(','));
  return `${['# pxname,svname,scur,stot,econ,status,weight,check_rise,check_fall,', ...rows].join('\n')}\n`;
}

function statusOf(server) {
  if (server.admin === 'maint') return 'MAINT';
  if (!server.isUp) return 'DOWN';
  return server.admin === 'drain' ? 'DRAIN' : 'UP';
}

function serves(server) {
  return server.isUp && server.admin !== 'maint';
}

/** `<backend>/<server> state ready|drain|maint`, `… weight N`, `… health up|down`. An accepted write answers nothing. */
function setServer([place = '', what, value = '']) {
  const [backend, name] = place.split('/');
  const server = backend === config.backend ? servers.find((one) => one.name === name) : undefined;
  if (server === undefined) return backend === config.backend ? 'No such server.\n' : 'No such backend.\n';
  if (what === 'state' && Object.hasOwn(ADMIN, value)) return setAdmin(server, value);
  if (what === 'health' && (value === 'up' || value === 'down')) return setUp(server, value === 'up', value === 'up' ? HEALTH_MAX : 0) ?? '';
  if (what === 'weight' && /^[0-9]{1,3}$/.test(value) && Number(value) <= 256) return Object.assign(server, { weight: Number(value) }) && '';
  return `'set server <srv> ${what}' does not take '${value}'.\n`;
}

/** Like HAProxy: a server that leaves maintenance counts as up until its checks say otherwise. */
function setAdmin(server, admin) {
  if (server.admin === 'maint' && admin !== 'maint') setUp(server, true, rise);
  Object.assign(server, { admin, changedAt: Date.now() });
  return '';
}

for (const signal of ['SIGTERM', 'SIGINT']) {
  process.on(signal, () => {
    rmSync(config.socket, { force: true });
    process.exit(0);
  });
}
