/**
 * The application of the demo fleet: `node app.mjs -port N`. Answers GET / and GET /health with its version and process id.
 *
 * VERSION beside this file names the version; BEHAVIOUR, if there, makes it a bad one:
 * `never-answer` takes connections and stays silent, `fail-on:HOST` is unhealthy on the host whose name is in HOST_NAME.
 * WITNESS, if set, names a file that gets one line with the version at every start: who started it is counted from there.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = dirname(fileURLToPath(import.meta.url));
const version = readFileSync(join(folder, 'VERSION'), 'utf8').trim();
const behaviour = existsSync(join(folder, 'BEHAVIOUR')) ? readFileSync(join(folder, 'BEHAVIOUR'), 'utf8').trim() : '';
const isUnhealthy = behaviour === `fail-on:${process.env.HOST_NAME}`;
const port = Number(process.argv[process.argv.indexOf('-port') + 1]);
/** what is still open this long after SIGTERM is cut off */
const DRAIN_MS = 3_000;

if (!process.argv.includes('-port') || !Number.isInteger(port)) {
  console.error('usage: node app.mjs -port N');
  process.exit(2);
}

if (process.env.WITNESS) appendFileSync(process.env.WITNESS, `${version}\n`);

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
server.listen(port, '127.0.0.1', () => console.log(`demo ${version} listens on port ${port}`));

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
