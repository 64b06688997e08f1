/**
 * A release played through to its end on hosts that do whatever they are asked: by the very nextStep, decide and evolve that run the
 * real one, so that what is predicted cannot follow other rules. What comes out are its legs, without how long each of them takes.
 */
import { COMMAND_TYPES } from '../release/commands.ts';
import { decide } from '../release/decide.ts';
import { evolve, planOf } from '../release/evolve.ts';
import { nextStep, stepsOf } from '../release/next-step.ts';
import { waitingOf } from '../release/waiting.ts';
import { SIGNALBOX } from '../vocabulary.ts';
import { Crew } from './crew.ts';
import type { Plan } from '../plan/plan.ts';
import type { Command, CommandType } from '../release/commands.ts';
import type { CoreEvent } from '../release/events.ts';
import type { NextStep } from '../release/next-step.ts';
import type { ReleaseState } from '../release/state.ts';
import type { Leg, TypicalMs } from './legs.ts';

export interface RehearsalInput {
  /** where the release stands; a release that has only been requested is played from its beginning */
  readonly state: ReleaseState;
  /** what its planning will give; not needed where the state has a plan */
  readonly plan: Plan | null;
  /** hosts in service now, and those that stay out of it whatever is released */
  readonly inService: readonly string[];
  readonly staysOut?: readonly string[];
  /** epoch milliseconds at which it is begun */
  readonly startMs: number;
  /** how much of the batch at hand is left to do on a host, 0 to 1; absent: all of it */
  readonly left?: (host: string) => number;
  /** moves the virtual clock; absent: work takes no time, only waits do */
  readonly typicalMs?: TypicalMs;
}

export interface Rehearsal {
  readonly legs: readonly Leg[];
  /** the status it ended in; null when it waits for somebody and no command that could be imagined moves it */
  readonly endsAs: ReleaseState['situation']['status'] | null;
}

/** What a person who wants the release to go on would say, in this order; what the release refuses is not said. */
const GO_ON: readonly string[] = ['approve', 'promote', 'resume', 'retry'];
/** More steps than any plan needs: a loop is a mistake in the rules and ends here. */
const STEPS_PER_HOST = 8;
const STEPS_MIN = 400;

/** Throws when the release never comes to an end, which only a mistake in its rules can cause. */
export function rehearse(input: RehearsalInput): Rehearsal {
  const play = new Play(input);
  const stepsMax = STEPS_MIN + STEPS_PER_HOST * input.state.request.hosts.length;
  for (let count = 0; count < stepsMax; count += 1) {
    const step = nextStep(play.state, play.nowMs);
    if (step.do === 'done') return { legs: play.legs, endsAs: play.state.situation.status };
    if (!play.take(step)) return { legs: play.legs, endsAs: null };
  }
  throw new Error(`The release of ${input.state.request.pool} was not over after ${stepsMax} steps; it stands at ${JSON.stringify(play.state.situation).slice(0, 500)}`);
}

class Play {
  state: ReleaseState;
  nowMs: number;
  readonly legs: Leg[] = [];
  readonly #input: RehearsalInput;
  readonly #crew: Crew;
  #left: ((host: string) => number) | undefined;

  constructor(input: RehearsalInput) {
    this.#input = input;
    this.state = input.state;
    this.nowMs = input.startMs;
    this.#left = input.left;
    this.#crew = new Crew(input.inService, input.staysOut ?? []);
  }

  /** False when nothing would move the release. */
  take(step: NextStep): boolean {
    switch (step.do) {
      case 'record':
        return this.#record(step.events);
      case 'acquire':
        this.#go({ do: 'acquire', inService: this.#crew.inService });
        return this.#record([{ type: 'pool-acquired', data: { epoch: 0 } }]);
      case 'observe':
        this.#go({ do: 'observe', hosts: step.hosts.length, inService: this.#crew.inService });
        return this.#record([{ type: 'targets-observed', data: { inService: step.hosts.filter((host) => this.#crew.serves(host)), failed: [] } }]);
      case 'plan':
        return this.#plan();
      case 'stage':
        this.#go({ do: 'stage', hosts: step.hosts.length, inService: this.#crew.inService });
        return this.#record([{ type: 'targets-staged', data: { failed: [] } }]);
      case 'roll':
        return this.#roll(step);
      case 'restore':
        return this.#restore(step);
      case 'compare':
        return this.#record([{ type: 'pool-compared', data: { left: [], joined: [], scaleOut: null, note: null } }]);
      case 'audit':
        this.#go({ do: 'audit', hosts: step.hosts.length, inService: this.#crew.inService });
        return this.#record([{ type: 'audit-finished', data: { mismatches: [] } }]);
      case 'wait':
        return this.#wait(step);
      case 'done':
        return false;
      default:
        return unknownStep(step);
    }
  }

  #plan(): boolean {
    const { plan } = this.#input;
    if (plan === null) return false;
    this.#go({ do: 'plan', inService: this.#crew.inService });
    return this.#record([{ type: 'plan-made', data: { plan } }]);
  }

  #roll({ index, part, round, hosts, lanes }: Extract<NextStep, { do: 'roll' }>): boolean {
    const steps = stepsOf(part);
    const moves = { leaves: steps.includes('drain'), returns: steps.includes('admit') };
    const floor = planOf(this.state.situation)?.capacity.floor ?? 0;
    this.#go({ do: 'roll', index, part, hosts, lanes, floor, ...this.#crew.work(hosts, moves), left: this.#takeLeft(hosts) });
    return this.#record([{ type: 'batch-finished', data: { index, part, round, succeeded: hosts.length, failed: [], untouched: [] } }]);
  }

  /** A way back never waits at the floor: it goes on and says so. */
  #restore({ index, hosts, lanes }: Extract<NextStep, { do: 'restore' }>): boolean {
    const work = this.#crew.work(hosts, { leaves: true, returns: true });
    this.#go({ do: 'restore', index, hosts, lanes, floor: Number.NEGATIVE_INFINITY, ...work, left: this.#takeLeft(hosts) });
    return this.#record([{ type: 'rollback-batch-finished', data: { index, restored: hosts.length, untouched: 0, failed: [] } }]);
  }

  /** A wait that a clock ends is waited for; one that a person or another release ends is noted, without a length, and ended. */
  #wait(step: Extract<NextStep, { do: 'wait' }>): boolean {
    const inService = this.#crew.inService;
    if (step.untilMs !== null && this.state.paused === null) {
      this.legs.push({ do: 'wait', for: step.for, seconds: (step.untilMs - this.nowMs) / 1000, who: null, inService });
      this.nowMs = Math.max(step.untilMs, this.nowMs);
      return true;
    }
    this.legs.push({ do: 'wait', for: step.for, seconds: null, who: waitingOf(this.state, {}, 1)?.who ?? null, inService });
    if (step.for === 'pool') return this.#record([{ type: 'pool-acquired', data: { epoch: 0 } }]);
    return GO_ON.some((type) => isCommandType(type) && this.#say(type));
  }

  #say(type: CommandType): boolean {
    const decision = decide(this.state, goOn(type), { now: new Date(this.nowMs).toISOString(), inWork: [], begunNow: [] });
    return 'events' in decision && decision.events.length > 0 && this.#record(decision.events);
  }

  #go(leg: Leg): void {
    this.legs.push(leg);
    this.nowMs += this.#input.typicalMs?.(leg) ?? 0;
  }

  /** Only the batch at hand is half done. */
  #takeLeft(hosts: readonly string[]): readonly number[] | null {
    const left = this.#left;
    this.#left = undefined;
    return left === undefined ? null : hosts.map(left);
  }

  #record(events: readonly CoreEvent[]): true {
    const at = new Date(this.nowMs).toISOString();
    this.state = events.reduce((state, event) => evolve(state, { ...event, id: '', version: 0, at, actor: SIGNALBOX }), this.state);
    return true;
  }
}

function isCommandType(type: string): type is CommandType {
  return COMMAND_TYPES.some((known) => known === type);
}

function goOn(type: CommandType): Command {
  return { id: 'rehearsal', by: SIGNALBOX, reason: 'rehearsed', type, mode: null, targets: null } as Command;
}

function unknownStep(step: never): never {
  throw new Error(`Nobody rehearses the step ${JSON.stringify(step)}`);
}
