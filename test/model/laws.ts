/** The laws of a release, judged by the truth on its hosts and by the stream. Breaking one throws, with the name of the law. */
import { SIGNALBOX } from '../../domain/vocabulary.ts';
import { COMMAND_TYPES } from '../../domain/release/commands.ts';
import { allowedCommands, decide } from '../../domain/release/decide.ts';
import { nextStep } from '../../domain/release/next-step.ts';
import { progressOf } from '../../domain/release/evolve.ts';
import { isAsBefore, isDone, serves } from './truth.ts';
import { contextOf, eventsOf, hasEnded } from './world.ts';
import type { Command, CommandType } from '../../domain/release/commands.ts';
import type { CoreEvent, CoreEventData, Stored } from '../../domain/release/events.ts';
import type { Watch } from './watch.ts';
import type { World } from './world.ts';

export const LAWS = {
  floor: 'no drain leaves fewer hosts in service than the floor, and lanes and batches ask for no more',
  bastion: 'no other host is begun before every host of the bastion has joined or was left out, and the bastion serves nobody before it joins',
  batch: 'every target belongs to one batch, and is begun once in a round of it',
  end: 'an ended release takes no command and has nothing to do, and its end is what is so on the hosts',
  touched: 'a rollback restores exactly the touched hosts, each once; an abort those of them that are not finished',
  pause: 'a paused release begins no host and does nothing but wait',
  once: 'a release rolls back at most once, and after that begins no host forward',
  order: 'batches are begun in the order of the plan, but for those that somebody had come next',
  excluded: 'a host that was left out is never begun again',
  way: 'a release that has not ended has something to do, or waits for what somebody can give',
  written: 'every decision has a number of its own, and every number of its store rises',
} as const;
export type LawName = keyof typeof LAWS;

export class LawBroken extends Error {
  override readonly name = 'LawBroken';
  readonly law: LawName;
  constructor(law: LawName, what: string) {
    super(`The law "${law}" is broken (${LAWS[law]}): ${what}`);
    this.law = law;
  }
}

export const laws: Watch = {
  onDecision: ({ decision }, number) => demand(number > decision, 'written', () => `decision ${number} follows ${decision}`),
  onEvent: judgeEvent,
  onBegin: judgeBegin,
  onAct: judgeAct,
  onCommand: (world, command, decision) => {
    if (!hasEnded(world)) return;
    demand('refusal' in decision && decision.refusal.code === 'finished', 'end', () => `${command.type} was not refused`);
  },
  onRest: judgeRest,
};

function demand(kept: boolean, law: LawName, what: () => string): void {
  if (!kept) throw new LawBroken(law, what());
}

// ---- a lane takes up a host

function judgeBegin(world: World, host: string): void {
  const { state, work, plan } = world;
  if (work === null || plan === null) return;
  demand(state.paused === null, 'pause', () => `${host} was begun during a pause`);
  demand(work.begun.indexOf(host) === work.begun.length - 1, 'batch', () => `${host} was begun twice in one go`);
  if (work.step.do === 'restore') return demand(world.touched.includes(host), 'touched', () => `${host} is restored and was never touched`);
  const { step } = work;
  demand(world.rollbacks === 0, 'once', () => `${host} was begun forward after the rollback had begun`);
  demand(state.aborting === null, 'once', () => `${host} was begun forward although the release is being aborted`);
  demand(!world.leftOut.includes(host), 'excluded', () => `${host} was begun although it was left out`);
  demand(ofBatch(plan, step.index).includes(host) || step.round > 0, 'batch', () => `${host} was begun in batch ${step.index}, which is not its own`);
  judgeOrder(world, host, step);
  judgeWidth(world);
}

function judgeOrder({ plan, before, truths, state }: World, host: string, { part }: { readonly part: string }): void {
  const bastion = plan?.batches[0]?.kind === 'bastion' ? plan.batches[0].hosts : [];
  if (bastion.includes(host)) return demand(part !== 'whole' || (progressOf(state.situation)?.round ?? 0) > 0, 'bastion', () => `${host} of the bastion was begun as ${part}`);
  const excluded = progressOf(state.situation)?.excluded ?? [];
  const ignored = Object.keys(progressOf(state.situation)?.ignored ?? {});
  const open = bastion.filter((one) => !excluded.includes(one) && !ignored.includes(one) && !isDone(truths[one] as World['truths'][string], before[one] as World['truths'][string]));
  demand(open.length === 0, 'bastion', () => `${host} was begun before ${open.join(', ')} had joined`);
}

/** Where everything else is in service, the lanes of a batch take out no more hosts than stand above the floor. */
function judgeWidth({ work, before, truths, plan }: World): void {
  if (work === null || plan === null) return;
  const lost = Object.keys(truths).filter((host) => serving(before, host) && !serving(truths, host) && !work.running.some((one) => one.host === host));
  if (lost.length > 0) return;
  const out = work.running.filter(({ host }) => serving(before, host)).length;
  const all = Object.keys(before).filter((host) => serving(before, host)).length;
  demand(out <= 1 || all - out >= plan.capacity.floor, 'floor', () => `${out} lanes at once with ${all} hosts in service and a floor of ${plan.capacity.floor}`);
}

// ---- something changes on a host

function judgeAct(before: World, host: string, after: World): void {
  const { work, plan, setup } = after;
  // Who takes a failed drain as done takes the host out of a pool that still sends it traffic: nobody looked at the floor, by a person's word.
  if (work?.step.do === 'roll' && work.step.ignored?.[host] === 'drain') return;
  const isOut = serving(before.truths, host) && !serving(after.truths, host);
  if (isOut && work?.step.do === 'roll') {
    const left = countServing(after);
    const floor = Math.min(Math.ceil((setup.minInServicePercent * setup.hosts.length) / 100), setup.hosts.length - 1);
    demand(left >= floor, 'floor', () => `${host} was taken out: ${left} of ${setup.hosts.length} hosts are left, the floor is ${floor}`);
  }
  if (plan === null || work?.step.do !== 'roll' || work.step.part !== 'install') return;
  demand(!serving(after.truths, host) || serving(before.truths, host), 'bastion', () => `${host} serves before it has joined`);
}

// ---- an event is written down

function judgeEvent(before: World, event: Stored<CoreEvent>, after: World): void {
  demand(!hasEnded(before), 'end', () => `${event.type} was written after the end as ${before.state.situation.status}`);
  if (event.type === 'bastion-signed-off') judgeSignOff(before);
  if (event.type === 'rollback-started') judgeRollback(before, event.data);
  if (event.type === 'rollback-escalated') judgeEscalation(before, event.data.batches);
  if (event.type === 'rollback-batch-started') judgeBatchBack(before, event.data.hosts);
  if (event.type === 'batch-started') judgeNext(before, event.data.index);
  if (event.type === 'batch-started') for (const host of event.data.hosts) demand(!before.leftOut.includes(host), 'excluded', () => `batch ${event.data.index} takes up ${host}, which was left out`);
  if (event.type === 'targets-skipped') for (const host of event.data.hosts) demand(!before.leftOut.includes(host), 'excluded', () => `${host} was left out twice`);
  if (!hasEnded(after)) return;
  demand(nextStep(after.state, Number.MAX_SAFE_INTEGER).do === 'done', 'end', () => 'an ended release has something to do');
  for (const type of COMMAND_TYPES) demand('refusal' in decide(after.state, anyOf(type), contextOf(after)), 'end', () => `an ended release takes ${type}`);
  judgeEnd(after);
}

/** Told anew from the stream alone, with another arithmetic than that of the state. */
function judgeNext({ plan, log, leftOut, state }: World, index: number): void {
  const begun = new Set<number>();
  const jumps: number[] = [];
  for (const { type, data } of eventsOf({ log })) {
    if (type === 'batch-started') begun.add(data.index);
    if (type === 'batch-jumped') jumps.unshift(data.index);
  }
  if (begun.size === 0 || begun.has(index)) return demand(progressOf(state.situation)?.batch === index, 'order', () => `batch ${index} is begun, and is not at hand`);
  const planned = plan?.batches.map((batch) => batch.index) ?? [];
  const next = [...new Set([...jumps, ...planned])].find((one) => !begun.has(one) && !ofBatch(plan as NonNullable<World['plan']>, one).every((host) => leftOut.includes(host)));
  demand(next === index, 'order', () => `batch ${index} is begun, and ${next} comes next`);
}

/** A word for the bastion is a word for what runs on it. */
function judgeSignOff({ plan, state: { situation }, truths }: World): void {
  const left = new Set(progressOf(situation)?.excluded);
  const unproven = (plan?.batches[0]?.hosts ?? []).filter((host) => !left.has(host) && truths[host]?.process !== 'new');
  const failed = progressOf(situation)?.failed.map(({ host }) => host) ?? [];
  demand(unproven.length === 0 && failed.length === 0, 'bastion', () => `it was signed off while ${[...unproven, ...failed].join()} was not proven`);
}

function judgeRollback(world: World, { batches, then }: CoreEventData['rollback-started']): void {
  const { touched, state } = world;
  const hosts = batches.flat();
  demand(world.rollbacks === 0, 'once', () => 'a second rollback was begun');
  demand(new Set(hosts).size === hosts.length, 'touched', () => `a host is restored twice: ${hosts.join()}`);
  const strangers = hosts.filter((host) => !touched.includes(host));
  demand(strangers.length === 0, 'touched', () => `${strangers.join()} would be restored and was never touched`);
  const ignored = Object.keys(progressOf(state.situation)?.ignored ?? {});
  const due = then === 'rolled-back' ? touched : touched.filter((host) => !done(world, host) && !ignored.includes(host));
  const forgotten = due.filter((host) => !hosts.includes(host));
  demand(forgotten.length === 0, 'touched', () => `${forgotten.join()} was touched and would not be restored`);
}

/** Who is not restored by the emergency was restored, or could not be, before it. */
function judgeEscalation(world: World, batches: readonly (readonly string[])[]): void {
  const { situation } = world.state;
  if (situation.status !== 'rolling-back') return;
  const hosts = batches.flat();
  const named = new Set([...hosts, ...situation.rollback.unrestored.map(({ host }) => host)]);
  demand(new Set(hosts).size === hosts.length && hosts.every((host) => world.touched.includes(host)), 'touched', () => `the emergency restores ${hosts.join()}`);
  const forgotten = situation.rollback.batches.flat().filter((host) => !named.has(host) && !asBefore(world, host));
  demand(forgotten.length === 0, 'touched', () => `${forgotten.join()} is not restored and the emergency leaves it out`);
}

/** Together hosts go back only as far as the floor allows; where nothing stands above it they go one at a time. */
function judgeBatchBack(world: World, hosts: readonly string[]): void {
  const { plan, before, truths, state: { situation }, unheard, takenForOut } = world;
  if (plan === null || situation.status !== 'rolling-back' || !Object.keys(before).every((host) => serving(before, host))) return;
  if (unheard.some((host) => !serving(truths, host)) || takenForOut.some((host) => serving(truths, host))) return;
  const live = hosts.filter((host) => serving(truths, host)).length;
  const left = countServing(world) - live;
  demand(live <= 1 || left >= plan.capacity.floor, 'floor', () => `${hosts.join()} would go back together and leave ${left} in service, the floor is ${plan.capacity.floor}`);
}

function judgeEnd(world: World): void {
  const { state: { situation }, truths, before } = world;
  if (situation.status === 'failed' || situation.status === 'rejected') {
    return demand(world.touched.length === 0 || world.setup.kind === 'rollback', 'end', () => `${situation.status} although ${world.touched.join()} was touched`);
  }
  if (!('debt' in situation)) return;
  const debt = new Set([...situation.debt.map(({ host }) => host), ...Object.keys(situation.progress?.ignored ?? {})]);
  const unrestored = new Set(situation.unrestored.map(({ host }) => host));
  const isRight = (host: string): boolean => {
    if (situation.status === 'succeeded') return debt.has(host) || isPassed(world, host) || done(world, host);
    if (situation.status === 'rolled-back') return isUnchanged(world, host) || asBefore(world, host);
    return isUnchanged(world, host) || asBefore(world, host) || unrestored.has(host) || debt.has(host) || done(world, host);
  };
  const wrong = Object.keys(truths).filter((host) => !isRight(host));
  demand(wrong.length === 0, 'end', () => `${situation.status}, and ${wrong.map((host) => `${host} is ${JSON.stringify(truths[host])}, was ${JSON.stringify(before[host])}`).join('; ')}`);
}

// ---- nothing more follows by itself

function judgeRest(world: World): void {
  if (hasEnded(world)) return;
  const step = nextStep(world.state, world.nowMs, contextOf(world));
  demand(step.do !== 'done', 'way', () => 'a release that has not ended has nothing to do');
  if (world.state.paused !== null) {
    const isStill = step.do === 'wait' || (step.do === 'record' && step.events[0]?.type === 'pause-expired');
    demand(isStill, 'pause', () => `a paused release is about to ${step.do}`);
  }
  if (step.do === 'wait' && step.untilMs === null && step.for !== 'pool') {
    const who: readonly CommandType[] = { resume: ['resume', 'retry', 'answer', 'skip'], promote: ['promote'], 'sign-off': ['approve'], bake: [], rest: [] }[step.for] as readonly CommandType[];
    const allowed = allowedCommands(world.state);
    demand(allowed.includes('abort') && who.some((type) => allowed.includes(type)), 'way', () => `it waits for ${step.for}, allowed is ${allowed.join()}`);
  }
}

// ---- words

function ofBatch({ batches }: NonNullable<World['plan']>, index: number): readonly string[] {
  return batches.find((batch) => batch.index === index)?.hosts ?? [];
}

function serving(truths: World['truths'], host: string): boolean {
  const truth = truths[host];
  return truth !== undefined && serves(truth);
}

function countServing({ truths }: World): number {
  return Object.keys(truths).filter((host) => serving(truths, host)).length;
}

function done({ truths, before }: World, host: string): boolean {
  const [truth, was] = [truths[host], before[host]];
  return truth !== undefined && was !== undefined && isDone(truth, was);
}

function asBefore({ truths, before }: World, host: string): boolean {
  const [truth, was] = [truths[host], before[host]];
  return truth !== undefined && was !== undefined && isAsBefore(truth, was);
}

function isUnchanged({ truths, touched }: World, host: string): boolean {
  return !touched.includes(host) && truths[host]?.begun === null;
}

function isPassed({ plan }: World, host: string): boolean {
  return plan?.skipped?.some((one) => one.host === host) === true;
}

function anyOf(type: CommandType): Command {
  const base = { id: 'c', by: SIGNALBOX, reason: 'asked' };
  if (type === 'rollback') return { ...base, type, mode: 'emergency' };
  if (type === 'retry' || type === 'skip') return { ...base, type, targets: null };
  if (type === 'jump') return { ...base, type, to: 1 };
  return type === 'answer' ? { ...base, type, choices: {} } : { ...base, type };
}
