/** Process: `npm start`. Brings the whole stack up, releases the demo fleet, stays until it is told to end. */
import { dirname, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseStartArguments, START_USAGE, WrongArguments, type StartArguments } from './arguments.ts';
import { onParentDeath } from './parent.ts';
import { bringUp, type Stack } from './stack.ts';
import { openDemo, type Demo } from '../examples/demo/scenario.ts';

const CLONE = dirname(dirname(fileURLToPath(import.meta.url)));
const started = Date.now();

/** Aborted by Ctrl-C, SIGTERM, a closed terminal, or the death of the process that called us. */
const ending = new AbortController();

process.exitCode = await main();
// Sockets of the SDK's and of fetch's own pools may linger; everything we started has ended by now.
process.exit();

async function main(): Promise<number> {
  listenForTheEnd();
  try {
    const args = parseStartArguments(process.argv.slice(2), { clone: CLONE, env: process.env });
    return await run(args);
  } catch (error) {
    if (error instanceof WrongArguments) {
      console.error(`${error.message}\n\n${START_USAGE}`);
      return 2;
    }
    console.error(`\nsignalbox: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  }
}

/** Brings up, demonstrates, waits, ends: also when any of it fails. */
async function run(args: StartArguments): Promise<number> {
  const opening: Promise<Demo>[] = [];
  const stack = await bringUp(args, {
    log: say,
    signal: ending.signal,
    beforeServices: async (parts) => {
      if (args.demo) opening.push(openDemo({ ...parts, log: say, signal: ending.signal }));
      await Promise.all(opening);
    },
    beforeEnd: async () => {
      // One that is still being opened is waited for, so that nothing of it stays behind.
      for (const demo of await Promise.allSettled(opening)) if (demo.status === 'fulfilled') await demo.value.endTraffic();
    },
    afterServices: async () => {
      for (const demo of await Promise.allSettled(opening)) if (demo.status === 'fulfilled') await demo.value.endHosts();
    },
  });
  try {
    console.log(welcome(stack));
    const isWell = await demonstrate(await opening[0], stack);
    if (args.once) return isWell ? 0 : 1;
    if (!ending.signal.aborted) console.log(goodToKnow(stack));
    await ended();
    return 0;
  } finally {
    say('ending everything');
    await stack.end();
    say('ended');
  }
}

/** True when the demo was left out or ended well; false also when it was interrupted. */
async function demonstrate(demo: Demo | undefined, stack: Stack): Promise<boolean> {
  try {
    return demo === undefined || (await demo.run({ url: stack.apiUrl, token: stack.adminToken }));
  } catch (error) {
    if (!ending.signal.aborted) throw error;
    return false;
  }
}

function listenForTheEnd(): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => ending.abort());
  onParentDeath(() => ending.abort());
}

function ended(): Promise<void> {
  return new Promise((resolve) => {
    if (ending.signal.aborted) resolve();
    else ending.signal.addEventListener('abort', () => resolve(), { once: true });
    // Nothing else may keep the process alive while it waits.
    const alive = setInterval(() => {}, 60_000);
    ending.signal.addEventListener('abort', () => clearInterval(alive), { once: true });
  });
}

function say(line: string): void {
  console.log(`[${((Date.now() - started) / 1000).toFixed(1).padStart(5)} s] ${line}`);
}

function welcome(stack: Stack): string {
  return [
    '',
    `  API           ${stack.apiUrl}/docs`,
    `  Temporal UI   ${stack.temporalUiUrl ?? `where the server at ${stack.temporalAddress} has it`}`,
    `  administrator ${stack.adminToken}`,
    `                (kept in ${stack.adminTokenFile})`,
    '  A development server: everything listens on 127.0.0.1 only, and is not meant for production.',
    '',
  ].join('\n');
}

function goodToKnow(stack: Stack): string {
  const command = relative(process.cwd(), `${CLONE}/signalbox`) || 'signalbox';
  const address = stack.apiUrl === 'http://127.0.0.1:8300' ? '' : `export SIGNALBOX_URL=${stack.apiUrl} SIGNALBOX_TOKEN="$(cat ${stack.adminTokenFile})"\n    `;
  return ['', '  Everything stays up until Ctrl-C. In another terminal:', `    ${address}./${command} get releases`, `    ./${command} --help`, ''].join('\n');
}
