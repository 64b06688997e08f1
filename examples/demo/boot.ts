/** The demo's machines after a restart: what was installed on each runs again, as its init system would have it. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { APPLICATION, rootOf, type Fleet, type FleetHost } from './fleet.ts';

const HOST_PROGRAM = fileURLToPath(new URL('../../host/signalbox-host', import.meta.url));
const TIMEOUT_MS = 20_000;

interface Answer {
  readonly ok: boolean;
  readonly message?: string;
  readonly result?: Observed;
}

interface Observed {
  readonly maxEpoch?: number | string;
  readonly marker?: string | null;
  readonly applications?: readonly { readonly application: string; readonly digest: string | null; readonly process: object | null }[];
}

/** Starts the linked release on every host that has one and runs nothing. Returns how many were started; one that cannot start is told, not thrown. */
export async function bootFleet(fleet: Fleet, log: (line: string) => void): Promise<number> {
  const booted = await Promise.all(fleet.hosts.map((host) => bootHost(fleet, host, log)));
  return booted.filter(Boolean).length;
}

async function bootHost(fleet: Fleet, host: FleetHost, log: (line: string) => void): Promise<boolean> {
  const root = rootOf(fleet, host);
  if (!existsSync(join(root, APPLICATION))) return false;
  const seen = await ask('observe', { root, applications: APPLICATION });
  const application = seen.result?.applications?.find((one) => one.application === APPLICATION);
  if (!application?.digest || application.process !== null || seen.result?.marker) return false;
  const started = await ask('start', { root, application: APPLICATION, opId: `boot/${host.name}/${Date.now()}`, epoch: String(seen.result?.maxEpoch ?? 0) });
  if (!started.ok) log(`${host.name} did not start ${APPLICATION} again: ${started.message ?? 'no reason given'}`);
  return started.ok;
}

/** One verb of the host program: `name percent-encoded-value` lines in, one JSON line out. */
function ask(verb: string, input: Readonly<Record<string, string>>): Promise<Answer> {
  return new Promise((resolve) => {
    const child = spawn('sh', [HOST_PROGRAM, verb], { stdio: ['pipe', 'pipe', 'ignore'], timeout: TIMEOUT_MS });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => { output += chunk.toString(); });
    child.stdin.on('error', () => {});
    child.once('error', (error) => resolve({ ok: false, message: error.message }));
    child.once('close', () => resolve(parse(output)));
    child.stdin.end(Object.entries(input).map(([name, value]) => `${name} ${encodeURIComponent(value)}\n`).join(''));
  });
}

function parse(output: string): Answer {
  try {
    return JSON.parse(output) as Answer;
  } catch {
    return { ok: false, message: `the host program answered ${JSON.stringify(output.slice(0, 200))}` };
  }
}
