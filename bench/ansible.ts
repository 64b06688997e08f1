/**
 * Bench: the same release of the same package over 24 real processes behind HAProxy, by Signalbox and by Ansible, under 200 requests a
 * second. Prints wall and processor time of each, their ratio, failed requests, and where Signalbox's time goes. Ends with 1 when a
 * target is missed.
 */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { openGuard } from '../stack/guard.ts';
import { onParentDeath } from '../stack/parent.ts';
import { cacheFolder } from '../stack/place.ts';
import { Supervisor } from '../stack/supervisor.ts';
import { ansiblePlaybook, runAnsible } from './ansible/ansible-side.ts';
import { openFleet, type Fleet } from './ansible/fleet.ts';
import { openPackageStore } from './ansible/package-store.ts';
import { aloneReport, reportOf } from './ansible/report.ts';
import { bringUpServices } from './ansible/services.ts';
import { runSignalbox } from './ansible/signalbox-side.ts';
import type { Guard } from '../stack/guard.ts';

const CLONE = dirname(dirname(fileURLToPath(import.meta.url)));
const USAGE = `usage: npm run bench:ansible -- [flags]
  --runs N        measured releases on each side, medians are told (default 5)
  --requests N    Signalbox goes on releasing until users have asked this often (default 30000)
  --quick         one release on each side, whatever the number of requests
  --alone         only Signalbox, to see where its time goes
  --profile DIR   API and worker leave their processor profiles there
  --keep          leave the folder with all logs behind`;

/** What one side needs around it; everything in it ends before the other side begins. */
interface Stage {
  readonly fleet: Fleet;
  readonly folder: string;
  readonly supervisor: Supervisor;
}

const started = Date.now();
const ending = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => ending.abort());
onParentDeath(() => ending.abort());
process.exit(await main());

async function main(): Promise<number> {
  const options = readOptions();
  if (options === null) return 2;
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-bench-'));
  chmodSync(folder, 0o755);
  const guard = openGuard();
  const store = await openPackageStore();
  try {
    const playbook = options.alone ? null : await ansiblePlaybook(cacheFolder(CLONE), say);
    const [load = 0] = loadavg();
    if (load > 1) say(`the machine is busy (load ${load.toFixed(1)}): wall times will be too long on both sides`);
    const signalbox = await onStage(guard, join(folder, 'signalbox'), async ({ fleet, folder: place, supervisor }) => {
      const services = await bringUpServices({ folder: place, supervisor, store: store.prefix, profileFolder: options.profile, log: say });
      return runSignalbox({ fleet, store, services, runs: options.runs, requestsMin: options.requestsMin, log: say });
    });
    if (playbook === null) {
      console.log(`\n${aloneReport(signalbox).join('\n')}`);
      return 0;
    }
    const ansible = await onStage(guard, join(folder, 'ansible'), ({ fleet, folder: place }) => runAnsible({ fleet, folder: place, store, playbook, runs: options.runs, log: say }));
    const { lines, holds } = reportOf(signalbox, ansible, options.requestsMin);
    console.log(`\n${lines.join('\n')}`);
    return holds ? 0 : 1;
  } catch (error) {
    console.error(`\nbench:ansible: ${ending.signal.aborted ? 'ended before its time' : (error as Error).message}`);
    return 1;
  } finally {
    await store.close();
    guard.close();
    if (options.keep) say(`everything is kept in ${folder}`);
    else rmSync(folder, { recursive: true, force: true });
  }
}

/** A fleet for one side, and the end of everything that was started on it, also when the bench is told to end. */
async function onStage<T>(guard: Guard, folder: string, work: (stage: Stage) => Promise<T>): Promise<T> {
  const supervisor = new Supervisor({ guard, log: say });
  const fleets: Fleet[] = [];
  const aborted = new Promise<never>((_resolve, reject) => {
    ending.signal.addEventListener('abort', () => reject(new Error('told to end')), { once: true });
    if (ending.signal.aborted) reject(new Error('told to end'));
  });
  aborted.catch(() => {});
  try {
    const fleet = await openFleet({ folder, guard, supervisor });
    fleets.push(fleet);
    const working = work({ fleet, folder, supervisor });
    working.catch(() => {});
    return await Promise.race([working, aborted]);
  } finally {
    // First what acts on the fleet, then the fleet.
    await supervisor.endAll();
    for (const fleet of fleets) await fleet.end();
  }
}

interface Options {
  readonly runs: number;
  readonly requestsMin: number;
  readonly alone: boolean;
  readonly profile: string | null;
  readonly keep: boolean;
}

/** null after telling what is wrong. */
function readOptions(): Options | null {
  try {
    const { values } = parseArgs({ options: { runs: { type: 'string', default: '5' }, requests: { type: 'string', default: '30000' }, quick: { type: 'boolean', default: false }, alone: { type: 'boolean', default: false }, profile: { type: 'string' }, keep: { type: 'boolean', default: false } } });
    const [runs, requestsMin] = values.quick ? [1, 0] : [Number(values.runs), Number(values.requests)];
    if (!Number.isInteger(runs) || runs < 1 || !Number.isInteger(requestsMin) || requestsMin < 0) throw new Error('--runs must be a whole number from 1, --requests one from 0');
    return { runs, requestsMin, alone: values.alone, profile: values.profile === undefined ? null : resolve(values.profile), keep: values.keep };
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${USAGE}`);
    return null;
  }
}

function say(line: string): void {
  console.log(`[${((Date.now() - started) / 1000).toFixed(1).padStart(6)} s] ${line}`);
}
