/** One round: arm, tell the stories while things break, let everything come to rest, then judge what is left. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { randomOf } from '../../domain/simulation/random.ts';
import { Traffic } from '../../examples/demo/traffic.ts';
import { judge, type Breach } from './checker/judge.ts';
import { staleWritesReversed } from './checker/epochs.ts';
import { RULES } from './checker/rules.ts';
import { operationOf, type AppStart, type ChaosRecord, type Effect } from './checker/record.ts';
import { nowMs } from './clock.ts';
import { unreplayed } from './histories.ts';
import { recoveriesOf, type Recovery } from './recovery.ts';
import { linesOf, type ChaosStack } from './stack.ts';
import { drawStory, play, publish, type Story } from './story.ts';
import type { Armed, Scenario } from './scenario.ts';
import type { Point } from './points.ts';

export interface RoundOptions {
  readonly seed: number;
  readonly round: number;
  readonly pending: readonly Point[];
}

export interface RoundOutcome {
  readonly breaches: readonly Breach[];
  readonly struck: readonly Point[];
  /** armed, and nobody came by */
  readonly missed: readonly Point[];
  readonly recoveries: readonly Recovery[];
  readonly requests: { readonly total: number; readonly failed: number; readonly failures: readonly string[] };
  /** of operators: answered 2xx; a breach of I1 says which of them was lost */
  readonly acknowledged: number;
  readonly staleWrites: number;
  readonly tookMs: number;
  readonly stories: readonly string[];
}

const REQUESTS_PER_SECOND = 15;
const DEADLINE_MS = 110_000;

export async function runRound(stack: ChaosStack, scenario: Scenario, options: RoundOptions): Promise<RoundOutcome> {
  const { seed, round, pending } = options;
  const random = randomOf(`${seed}/${scenario.name}/${round}`);
  const setting = { random, round, pending };
  const mark = `${scenario.name}-${seed}-${stack.nextRound()}`;
  const stories = stack.pools.map((pool, index) => drawStory(random, pool, { mark, plots: scenario.plots[index] ?? ['good'] }));
  const arms = scenario.arms(setting);
  for (const story of stories) await publish(stack, story);
  const cut = cutOf(stack);
  const client = stack.client();
  const users = stack.balancers.map(({ port }) => new Traffic({ url: `http://127.0.0.1:${port}`, perSecond: scenario.requestsPerSecond ?? REQUESTS_PER_SECOND }));
  for (const { point, fault } of arms) stack.arm(point, fault);
  const over = new AbortController();
  const told = Promise.all(stories.map((story) => play(stack, client, story)));
  const disturbed = scenario.disturb?.(stack, setting, over.signal) ?? Promise.resolve();
  await told;
  over.abort();
  await disturbed;
  await scenario.calm?.(stack);
  const armedStill = stack.disarm();
  await stack.whole();
  const counts = await Promise.all(users.map((traffic) => traffic.stop()));
  const record = await gather(stack, cut, client.log);
  save(stack, mark, record);
  const stuck = await unreplayed(stack, [...new Set(record.events.map(({ release }) => release))]);
  return outcomeOf(stack, { stuck, record, cut, stories, missed: arms.filter(({ point, optional }: Armed) => optional !== true && armedStill.includes(point)).map(({ point }) => point), counts });
}

/** Where this round begins in everything that is written down. */
export interface Cut {
  readonly atMs: number;
  readonly events: number;
  readonly samples: number;
  readonly effects: number;
  readonly struck: number;
  readonly said: number;
  readonly starts: Readonly<Record<string, number>>;
}

export function cutOf(stack: ChaosStack): Cut {
  return {
    atMs: nowMs(), events: stack.observer.events.length, samples: stack.observer.samples.length, effects: effectLines(stack).length, struck: stack.struck().length, said: stack.said.length,
    starts: Object.fromEntries(hostsOf(stack).map((host) => [host, startLines(stack, host).length])),
  };
}

export async function gather(stack: ChaosStack, cut: Cut, client: ChaosRecord['client']): Promise<ChaosRecord> {
  await stack.observer.look();
  return {
    pools: stack.pools.map(({ pool, hosts, floor }) => ({ pool, hosts, floor })),
    client,
    events: stack.observer.events.slice(cut.events),
    effects: effectLines(stack).slice(cut.effects).map(toEffect),
    starts: hostsOf(stack).flatMap((host) => startLines(stack, host).slice(cut.starts[host]).map((line) => toStart(host, line))),
    samples: stack.observer.samples.slice(cut.samples),
    hosts: await stack.hostsNow(),
    readModel: await stack.readModel(),
    endedMs: nowMs(),
    deadlineMs: DEADLINE_MS,
  };
}

function save({ folder }: ChaosStack, mark: string, record: ChaosRecord): void {
  mkdirSync(join(folder, 'rounds'), { recursive: true });
  writeFileSync(join(folder, 'rounds', `${mark}.json`), JSON.stringify(record));
}

interface Played {
  readonly stuck: readonly Breach[];
  readonly record: ChaosRecord;
  readonly cut: Cut;
  readonly stories: readonly Story[];
  readonly missed: readonly Point[];
  readonly counts: readonly { readonly total: number; readonly failed: number; readonly failures: readonly string[] }[];
}

function outcomeOf(stack: ChaosStack, { stuck, record, cut, stories, missed, counts }: Played): RoundOutcome {
  const struck = stack.struck().slice(cut.struck);
  return {
    breaches: [...judge(RULES, record), ...stuck],
    struck: struck.map(({ point }) => point),
    missed,
    recoveries: recoveriesOf(record, struck, stack.said.slice(cut.said)),
    requests: { total: sum(counts.map(({ total }) => total)), failed: sum(counts.map(({ failed }) => failed)), failures: counts.flatMap(({ failures }) => failures) },
    acknowledged: record.client.filter(({ accepted }) => accepted).length,
    staleWrites: staleWritesReversed(record),
    tookMs: record.endedMs - cut.atMs,
    stories: stories.map(({ pool, plot }) => `${pool.pool} ${plot}`),
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}

function hostsOf({ pools }: ChaosStack): readonly string[] {
  return pools.flatMap(({ hosts }) => hosts);
}

function effectLines({ ground }: ChaosStack): readonly string[] {
  return linesOf(join(ground, 'effects.jsonl'));
}

function startLines({ ground }: ChaosStack, host: string): readonly string[] {
  return linesOf(join(ground, 'witness', host));
}

/** The host program tells no host and no milliseconds; its opId and the kernel's seconds say as much. A fence has an opId of its own shape. */
export function toEffect(line: string): Effect {
  const { up, atMs, host, opId: told, ...rest } = JSON.parse(line) as Effect & { readonly up?: number };
  const [release = '', fenced = '', word = ''] = told.split('/');
  const opId = word === 'fence' ? `${release}/1/${fenced}/-/fence/back/0` : told;
  return { ...rest, opId, host: host ?? operationOf(opId).host, atMs: up === undefined ? atMs : Math.round(up * 1000) };
}

function toStart(host: string, line: string): AppStart {
  const [version = '', pid, atMs] = line.split(' ');
  return { host, version, pid: Number(pid), atMs: Number(atMs) };
}
