/** The scenarios, each a few lines: who is hurt, how, and when. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isBack, isOnHost, stepPoint, type Fault } from './points.ts';
import { drawn, shuffled, type Armed, type Scenario } from './scenario.ts';
import { LINKS, WORKERS, type Killable } from './services.ts';
import type { ChaosStack } from './stack.ts';
import type { Toxic } from './network.ts';

const ANY = ['good', 'good-paused', 'rolled-back', 'aborted', 'bad'] as const;
/** one pool that goes forward, one that is taken back by a person, one of either kind */
const BOTH_WAYS = [['good', 'good-paused'], ['rolled-back'], ANY] as const;
/** points struck in one round: each costs a worker's death, which is three seconds until it is missed, and a round shall be short */
const POINTS_PER_ROUND = 3;
const BACK_PER_ROUND = 1;

const points: Scenario = {
  name: 'points',
  does: 'kills worker or host program at every named point',
  needs: [],
  plots: [['good'], ['rolled-back'], ['rolled-back', 'bad']],
  arms: ({ random, pending }) => {
    const back = shuffled(random, pending.filter(isBack)).slice(0, BACK_PER_ROUND);
    const forward = shuffled(random, pending.filter((point) => !isBack(point))).slice(0, POINTS_PER_ROUND - back.length);
    return [...forward, ...back].map((point) => ({ point, fault: isOnHost(point) ? drawn<Fault>(random, ['kill-worker', 'kill-host', 'kill-both']) : 'kill-worker' }));
  },
};

const randomKills: Scenario = {
  name: 'random',
  does: 'kills any process of Signalbox at random times',
  needs: [],
  plots: BOTH_WAYS,
  arms: () => [],
  disturb: (stack, { random }, over) => killAny(stack, { random, kills: 4 }, over),
};

async function killAny(stack: ChaosStack, { random, kills }: { readonly random: () => number; readonly kills: number }, over: AbortSignal): Promise<void> {
  const names: readonly Killable[] = ['worker 1', 'worker 2', 'worker 1', 'worker 2', 'API', 'Temporal', 'Postgres'];
  for (let killed = 0; killed < kills && !over.aborted; killed += 1) {
    await rest(over, 500 + random() * 2_500);
    if (!over.aborted) await stack.kill(drawn(random, names));
  }
}

const ALL: readonly Killable[] = ['Postgres', 'Temporal', 'API', ...WORKERS];

const eachOnce: Scenario = {
  name: 'each-once',
  does: 'kills every process of Signalbox once during good releases, with many users',
  needs: [],
  plots: [['good'], ['good'], ['good']],
  requestsPerSecond: 100,
  arms: () => [],
  disturb: async (stack, { random }, over) => {
    const killed: Promise<void>[] = [];
    for (const name of shuffled(random, ALL)) {
      await rest(over, 200 + random() * 600);
      if (over.aborted) throw new Error('The releases were over before every process had been killed once.');
      killed.push(stack.kill(name));
    }
    await Promise.all(killed);
  },
};

const commands: Scenario = {
  name: 'commands',
  does: 'kills any process of Signalbox at random times while operators send command after command',
  needs: [],
  plots: [['storm'], ['storm'], ['storm']],
  arms: () => [],
  disturb: (stack, { random }, over) => killAny(stack, { random, kills: Number.POSITIVE_INFINITY }, over),
};

const FREEZING = [stepPoint('forward', 'drain', 'after-intent'), stepPoint('forward', 'stop', 'after-intent'), stepPoint('forward', 'switch', 'mid-effect'), stepPoint('forward', 'start', 'after-intent'), stepPoint('forward', 'verify', 'mid-effect'), stepPoint('forward', 'admit', 'after-intent'), stepPoint('forward', 'admit', 'before-intent')];

const freeze: Scenario = {
  name: 'freeze',
  does: 'stops a worker in the middle of a step and lets it go on when the release is over',
  needs: [],
  plots: [['good'], ['rolled-back'], ['aborted', 'rolled-back']],
  arms: ({ random }) => [{ point: drawn(random, FREEZING), fault: 'stop-worker' }],
  calm: async (stack) => thaw(stack),
};

/** Whoever was stopped goes on, and whatever it still had in hand is refused or done by now. */
async function thaw(stack: ChaosStack): Promise<void> {
  for (const worker of WORKERS) stack.signal(worker, 'SIGCONT');
  await delay(ZOMBIE_MS);
}

/** a thawed worker acts on what it had in hand within this, or never */
const ZOMBIE_MS = 2_000;

const network: Scenario = {
  name: 'network',
  does: 'hangs, cuts and slows the lines between API, worker, Temporal and Postgres',
  needs: [],
  plots: BOTH_WAYS,
  arms: () => [],
  prepare: async (stack) => {
    stack.services.steer.detour = true;
    await Promise.all([stack.kill('worker 2'), stack.kill('API')]);
  },
  disturb: async (stack, { random }, over) => {
    while (!over.aborted) {
      await rest(over, 300 + random() * 1_500);
      await stack.network.spoil(drawn(random, LINKS), drawn<Toxic>(random, ['hang', 'cut', 'slow'])).catch(() => undefined);
      await rest(over, 1_000 + random() * 4_000);
      await stack.network.heal();
      if (!over.aborted) await rest(over, 1_500);
    }
  },
  calm: async (stack) => stack.network.heal(),
  restore: async (stack) => {
    stack.services.steer.detour = false;
    await Promise.all([stack.kill('worker 2'), stack.kill('API')]);
  },
};

const ANSWERS = ['fetch', 'unpack', 'configure', 'stop', 'switch', 'start', 'fence', 'restore'] as const;

const lostReplies: Scenario = {
  name: 'lost-replies',
  does: 'loses the answer after the effect: of every verb of the host program, of appends, decisions and deliveries',
  needs: [],
  plots: [['good'], ['rolled-back'], ['rolled-back']],
  arms: ({ random }) => [
    ...ANSWERS.map((verb): Armed => ({ point: `answer.${verb}`, fault: 'lose-answer' })),
    { point: drawn(random, ['append.after', 'decision.after', 'delivery.after']), fault: 'kill-worker' },
  ],
};

const SERVERS: readonly Killable[] = ['Temporal', 'Postgres'];

type Outage = (stack: ChaosStack, random: () => number, over: AbortSignal) => Promise<void>;

/** One server dies, then somebody of ours dies as often as it comes up, then a server again. */
const deaths: Outage = async (stack, random, over) => {
  await stack.kill(drawn(random, SERVERS));
  const looping = drawn<Killable>(random, ['worker 1', 'API']);
  for (let death = 0; death < 3 && !over.aborted; death += 1) await stack.kill(looping);
  await stack.kill(drawn(random, SERVERS));
};

/** Everything dies in one moment and comes back in whatever order. */
const powerCut: Outage = async (stack) => void (await Promise.all(ALL.map((name) => stack.kill(name))));

/** Somebody stands still for some seconds and goes on as if nothing had been. */
const hang: Outage = async (stack, random, over) => {
  const name = drawn<Killable>(random, ['API', 'Temporal']);
  stack.signal(name, 'SIGSTOP');
  await rest(over, 4_000);
  stack.signal(name, 'SIGCONT');
};

const services: Scenario = {
  name: 'services',
  does: 'kills Temporal and Postgres, a worker or the API as soon as it is back, everything at once, or lets one of them hang',
  needs: [],
  plots: BOTH_WAYS,
  arms: () => [],
  disturb: async (stack, { random, round }, over) => {
    await rest(over, 500 + random() * 1_500);
    const outages = [deaths, powerCut, hang];
    await outages[(round - 1) % outages.length]?.(stack, random, over);
  },
};

const diskFull: Scenario = {
  name: 'disk-full',
  does: 'fills the disk of one host at a random time and frees it again',
  needs: ['root'],
  plots: [['good'], ['rolled-back'], ['good']],
  arms: () => [],
  disturb: async (stack, { random }, over) => {
    await rest(over, random() * 2_500);
    fill(stack);
    await rest(over, 2_000 + random() * 2_000);
    free(stack);
  },
  calm: async (stack) => free(stack),
};

function fillerOf(stack: ChaosStack): string {
  return join(stack.pools.at(-1)?.machines[0]?.root ?? '', 'filler');
}

function fill(stack: ChaosStack): void {
  try {
    writeFileSync(fillerOf(stack), Buffer.alloc(128 * 1024 * 1024));
  } catch {
    // Full is what it was to be.
  }
}

function free(stack: ChaosStack): void {
  rmSync(fillerOf(stack), { force: true });
}

const clock: Scenario = {
  name: 'clock',
  does: 'turns the clock of one worker two hours forward and back',
  needs: ['faketime'],
  plots: BOTH_WAYS,
  arms: () => [],
  prepare: async (stack) => {
    const file = join(stack.ground, 'clock');
    writeFileSync(file, '+0\n');
    stack.services.steer.clockFile = file;
    await stack.kill('worker 1');
  },
  disturb: async (stack, { random }, over) => {
    while (!over.aborted) {
      writeFileSync(join(stack.ground, 'clock'), `${drawn(random, ['+2h', '-2h', '+0', '+90m'])}\n`);
      await rest(over, 1_000 + random() * 2_000);
    }
  },
  restore: async (stack) => {
    stack.services.steer.clockFile = null;
    await stack.kill('worker 1');
  },
};

const reload: Scenario = {
  name: 'reload',
  does: 'reloads the balancers, which forget every drain',
  needs: [],
  mayFailRequests: true,
  plots: BOTH_WAYS,
  arms: () => [],
  disturb: async (stack, { random }, over) => {
    while (!over.aborted) {
      await rest(over, 500 + random() * 2_000);
      if (!over.aborted) await drawn(random, stack.balancers).reload();
    }
  },
};

export const SCENARIOS: readonly Scenario[] = [points, randomKills, eachOnce, commands, freeze, network, lostReplies, services, diskFull, clock, reload];

export function scenarioOf(name: string): Scenario {
  const found = SCENARIOS.find((scenario) => scenario.name === name);
  if (found === undefined) throw new Error(`There is no scenario "${name}"; there are: ${SCENARIOS.map((scenario) => scenario.name).join(', ')}`);
  return found;
}


async function rest(over: AbortSignal, ms: number): Promise<void> {
  await delay(ms, undefined, { signal: over }).catch(() => undefined);
}

