/**
 * The application of the demo fleet: `node app.cjs -port N`. Answers GET / and GET /health with its version and process id.
 *
 * VERSION beside this file names the version; BEHAVIOUR, if there, makes it a bad one:
 * `never-answer` takes connections and stays silent, `fail-on:HOST` is unhealthy on the host whose name is in HOST_NAME.
 * ADDRESS, if set, is where it listens in place of the loopback.
 * CommonJS, because Node starts it in half the time of a module, and a fleet starts it often.
 * WITNESS, if set, names a file that gets one line at every start: version, pid, milliseconds since this machine booted. Who started it,
 * and when, is counted from there.
 */
const { appendFileSync, existsSync, readFileSync } = require('node:fs');
const { createServer } = require('node:http');
const { uptime } = require('node:os');
const { join } = require('node:path');

const version = readFileSync(join(__dirname, 'VERSION'), 'utf8').trim();
const behaviour = existsSync(join(__dirname, 'BEHAVIOUR')) ? readFileSync(join(__dirname, 'BEHAVIOUR'), 'utf8').trim() : '';
const isUnhealthy = behaviour === `fail-on:${process.env.HOST_NAME}`;
const port = Number(process.argv[process.argv.indexOf('-port') + 1]);
/** what is still open this long after SIGTERM is cut off */
const DRAIN_MS = 3_000;

if (!process.argv.includes('-port') || !Number.isInteger(port)) {
  console.error('usage: node app.cjs -port N');
  process.exit(2);
}

if (process.env.WITNESS) appendFileSync(process.env.WITNESS, `${version} ${process.pid} ${Math.round(uptime() * 1000)}\n`);

let isStopping = false;

const server = createServer((request, response) => {
  if (behaviour === 'never-answer') return;
  // A client with a kept connection is told to open another one next time.
  if (isStopping) response.setHeader('connection', 'close');
  const known = request.method === 'GET' && (request.url === '/' || request.url === '/health');
  const status = !known ? 404 : isUnhealthy ? 500 : 200;
  if (status === 500) console.error(`demo ${version}: the price list cannot be read, ${request.url} answers 500`);
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(`${JSON.stringify({ version, pid: process.pid, host: process.env.HOST_NAME ?? null })}\n`);
});

server.on('error', (error) => {
  console.error(`demo ${version}: ${error.message}`);
  process.exit(1);
});
server.listen(port, process.env.ADDRESS ?? '127.0.0.1', () => console.log(`demo ${version} listens on port ${port}`));

for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, stop);

/** Open requests are answered, idle connections closed, new ones refused. */
function stop() {
  if (isStopping) return;
  isStopping = true;
  console.log(`demo ${version} stops`);
  server.close(() => process.exit(0));
  server.closeIdleConnections();
  setTimeout(() => server.closeAllConnections(), behaviour === 'never-answer' ? 100 : DRAIN_MS).unref();
}
