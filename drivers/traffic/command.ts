/**
 * Any other balancer by a script of its operators. The script is told what to do and asked what is so; that it says it did something
 * counts for nothing until its own `state` shows it.
 */
import { isServerName } from '../../domain/names.ts';
import type { CommandTrafficSpec } from '../../domain/traffic-spec.ts';
import type { ObservedTraffic } from '../../domain/release/target.ts';
import { readState } from './command/answer.ts';
import { createScript, type Script } from './command/script.ts';
import { createPauses } from './pause.ts';
import { AdmitNotConfirmed, BalancerDown, BalancerMisconfigured, UnknownServers, type BalancerIdentity, type Traffic, type TrafficCall, type WantedTraffic } from './port.ts';

/** A process that froze behind its fence may have lost it meanwhile: what comes later is not begun. With the longest call below the 15 s of the database. */
const LATE_MS = 5_000;

export function createCommandTraffic({ command, timeoutSeconds }: CommandTrafficSpec, lateMs: number = LATE_MS): Traffic {
  const deps: Deps = { script: createScript(command, timeoutSeconds * 1000), lateMs };
  return {
    driver: 'command',
    async observe(servers, signal) {
      signal.throwIfAborted();
      return servers.length === 0 ? [] : (await look(deps, servers, signal)).states;
    },
    drain: (server, options) => drain(deps, server, options),
    admit: (server, wanted, options) => admit(deps, server, wanted, options),
    assert: (server, wanted, call) => assert(deps, server, wanted, call),
    weight: (server, weight, call) => setWeight(deps, server, weight, call),
    identity: async (signal) => (await look(deps, [], signal)).balancer,
  };
}

interface Deps {
  readonly script: Script;
  readonly lateMs: number;
}

type Timed = TrafficCall & { readonly timeoutMs: number };

async function drain(deps: Deps, server: string, options: Timed): Promise<ObservedTraffic> {
  const endMs = performance.now() + options.timeoutMs;
  const pauses = createPauses();
  let seen = await lookAt(deps, server, options.signal);
  for (;;) {
    // Maintenance, which only somebody else set, keeps requests away more strictly than a drain: it is left as it is.
    if (seen.admin === 'ready') seen = await write(deps, ['drain', server], options);
    options.onProgress?.(seen);
    const drained = seen.admin !== 'ready';
    if (drained && seen.connections === 0) return seen;
    if (performance.now() >= endMs) {
      if (drained) return seen;
      throw new BalancerDown(`\`${deps.script.place} drain ${server}\` said that it was done, but \`state\` shows it ready. Nothing was stopped on the host.`);
    }
    await pauses.next(endMs, options.signal);
    seen = await lookAt(deps, server, options.signal);
  }
}

async function admit(deps: Deps, server: string, wanted: WantedTraffic, options: Timed): Promise<ObservedTraffic> {
  checkWanted(wanted);
  const endMs = performance.now() + options.timeoutMs;
  const pauses = createPauses();
  let written = '';
  let seen = await lookAt(deps, server, options.signal);
  for (;;) {
    options.onProgress?.(seen);
    const next = nextWrite(server, seen, wanted);
    if (next === null && isServing(seen, wanted)) return seen;
    if (performance.now() >= endMs) throw notConfirmed(deps, server, wanted, seen, options.timeoutMs);
    // The same write twice in a row did not stick: wait before trying again.
    if (next === null || next.join() === written) await pauses.next(endMs, options.signal);
    written = next?.join() ?? '';
    seen = next === null ? await lookAt(deps, server, options.signal) : await write(deps, next, options);
  }
}

async function assert(deps: Deps, server: string, wanted: WantedTraffic, call: TrafficCall): Promise<ObservedTraffic> {
  checkWanted(wanted);
  const seen = await lookAt(deps, server, call.signal);
  const next = nextWrite(server, seen, wanted);
  return next === null ? seen : write(deps, next, call);
}

async function setWeight(deps: Deps, server: string, weight: number, call: TrafficCall): Promise<ObservedTraffic> {
  checkWanted({ admin: 'ready', weight });
  const before = await lookAt(deps, server, call.signal);
  const shown = before.weight === weight ? before : await write(deps, ['weight', server, String(weight)], call);
  if (shown.weight !== weight) throw new BalancerDown(`\`${deps.script.place} weight ${server} ${weight}\` said that it was done, but \`state\` shows ${shown.weight}.`);
  return shown;
}

type Write = readonly ['drain' | 'admit', string] | readonly ['weight', string, string];

/** The weight first: a server that comes back gets its own share at once. null: it is as wanted, or only its check is waited for. */
function nextWrite(server: string, seen: ObservedTraffic, { admin, weight }: WantedTraffic): Write | null {
  if (admin === 'maint' && seen.admin !== 'maint') throw new BalancerMisconfigured(`${server} was in maintenance, and a script cannot be told to put it back there. Do it by hand.`);
  if (admin === 'drain' && seen.admin === 'ready') return ['drain', server];
  if (weight !== null && seen.weight !== weight) return ['weight', server, String(weight)];
  if (admin === 'ready' && seen.admin !== 'ready') return ['admit', server];
  return null;
}

function isServing(seen: ObservedTraffic, { admin, weight }: WantedTraffic): boolean {
  return admin !== 'ready' || weight === 0 || seen.operational !== 'down';
}

/** One fenced call and a look. A call whose answer was lost, but whose effect is seen, is a success: the look decides. */
async function write(deps: Deps, words: Write, { fence, signal }: TrafficCall): Promise<ObservedTraffic> {
  const beganMs = performance.now();
  let lost: BalancerDown | null = null;
  try {
    await fence(async () => {
      if (performance.now() - beganMs > deps.lateMs) throw new BalancerDown(`\`${deps.script.place} ${words.join(' ')}\` came more than ${deps.lateMs} ms late; it was not called and is tried again.`);
      await deps.script.call(words, signal);
    });
  } catch (error) {
    if (!(error instanceof BalancerDown)) throw error;
    lost = error;
  }
  const seen = await lookAt(deps, words[1], signal);
  if (lost !== null && !isDone(words, seen)) throw lost;
  return seen;
}

function isDone([verb, , weight]: Write, seen: ObservedTraffic): boolean {
  if (verb === 'weight') return seen.weight === Number(weight);
  return verb === 'drain' ? seen.admin !== 'ready' : seen.admin === 'ready';
}

async function lookAt(deps: Deps, server: string, signal: AbortSignal): Promise<ObservedTraffic> {
  const { states } = await look(deps, [server], signal);
  const [seen] = states;
  if (seen === undefined) throw new BalancerDown(`\`${deps.script.place} state\` did not show ${server}.`);
  return seen;
}

async function look({ script }: Deps, servers: readonly string[], signal: AbortSignal): Promise<{ readonly states: readonly ObservedTraffic[]; readonly balancer: BalancerIdentity | null }> {
  for (const server of servers) if (!isServerName(server)) throw new BalancerMisconfigured(`${JSON.stringify(server)} is no server name: letters, digits and _ . : - are allowed, up to 64, not beginning with "-".`);
  const read = readState(await script.call(['state', ...servers], signal));
  if ('wrong' in read) throw new BalancerDown(`\`${script.place} state\` answered ${read.wrong}.`);
  const missing = servers.filter((server) => !read.servers.has(server));
  if (missing.length > 0) throw new UnknownServers(`\`${script.place} state\` knows no server ${missing.join(', ')}. Correct traffic.server of the pool, or add the servers to the balancer.`, missing);
  return { states: servers.flatMap((server) => read.servers.get(server) ?? []), balancer: read.balancer };
}

function checkWanted({ weight }: WantedTraffic): void {
  if (weight !== null && !(Number.isInteger(weight) && weight >= 0)) throw new BalancerMisconfigured(`${weight} is no weight: a whole number from 0.`);
}

function notConfirmed({ script }: Deps, server: string, wanted: WantedTraffic, seen: ObservedTraffic, timeoutMs: number): AdmitNotConfirmed {
  const why =
    seen.admin === wanted.admin && seen.operational === 'down'
      ? 'the balancer\'s own check says down'
      : `it shows ${seen.admin} with weight ${seen.weight}, wanted was ${wanted.admin}${wanted.weight === null ? '' : ` with weight ${wanted.weight}`}`;
  return new AdmitNotConfirmed(`${server} at the balancer of \`${script.place}\` did not come into service within ${timeoutMs} ms: ${why}.`, seen);
}
