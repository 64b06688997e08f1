/** Plays a release without Temporal, hosts or clock: interprets `nextStep` with outcomes from a script, as the workflow does with real ones. */
import { failuresLeft } from '../../../domain/brake.ts';
import { decide } from '../../../domain/release/decide.ts';
import { evolve, initialRelease, planOf, progressOf } from '../../../domain/release/evolve.ts';
import { afterEnd, NO_STREAK } from '../../../domain/release/streak.ts';
import { nextStep } from '../../../domain/release/next-step.ts';
import { makePlan } from '../../../domain/plan/make-plan.ts';
import { SIGNALBOX } from '../../../domain/vocabulary.ts';
import type { Command } from '../../../domain/release/commands.ts';
import type { Choice, CoreEvent, Stored } from '../../../domain/release/events.ts';
import type { NextStep } from '../../../domain/release/next-step.ts';
import type { ReleaseState } from '../../../domain/release/state.ts';
import type { StrategySpec } from '../../../domain/inventory.ts';
import type { IrreversibleMark } from '../../../domain/irreversible.ts';
import type { FailedTarget, ReleaseKind } from '../../../domain/vocabulary.ts';

export const STRATEGY: StrategySpec = {
  name: 'standard',
  bastion: { count: 1, bakeSeconds: 10, promote: 'auto' },
  batches: { percent: [25], mode: 'barrier', by: 'spread', order: 'interleave', maxParallel: 10, bakeSeconds: 2, advance: 'auto' },
  tolerance: { perBatch: 0, total: 0 },
  onFailure: 'rollback',
  rollback: { on: ['bastion', 'tolerance'], mode: 'regular', batchPercent: null },
  postRelease: { watchSeconds: 5 },
  pause: { deadlineHours: 24, then: 'stay' },
  deadlines: { stepSeconds: 120, targetSeconds: 300, progressSeconds: 600, releaseSeconds: 14400, rollbackSeconds: 3600 },
};

export interface Script {
  readonly hosts: readonly { readonly name: string; readonly zone: string; readonly inService: boolean; readonly skip?: string }[];
  readonly strategy?: StrategySpec;
  /** hosts whose forward steps fail, by round */
  readonly failsForward?: (host: string, round: number) => boolean;
  /** hosts whose checks fail once they are admitted, by round */
  readonly failsInTraffic?: (host: string, round: number) => boolean;
  readonly failsBack?: (host: string) => boolean;
  /** commands sent before the n-th step of the interpreter; `midway` ones arrive while a batch is in work */
  readonly commands?: Readonly<Record<number, Command>>;
  readonly kind?: ReleaseKind;
  /** what the release comes by that cannot be undone */
  readonly irreversible?: readonly IrreversibleMark[];
}

export interface Played {
  readonly state: ReleaseState;
  readonly events: readonly Stored<CoreEvent>[];
  readonly states: readonly ReleaseState[];
  /** in order: what was begun on which host */
  readonly acts: readonly { readonly host: string; readonly direction: 'forward' | 'back'; readonly batch: number; readonly part: string }[];
  readonly steps: readonly NextStep[];
}

const STEPS_MAX = 3000;
const START_MS = Date.parse('2026-01-01T00:00:00Z');

export class Play {
  state: ReleaseState;
  readonly events: Stored<CoreEvent>[] = [];
  readonly states: ReleaseState[] = [];
  readonly acts: Played['acts'][number][] = [];
  readonly steps: NextStep[] = [];
  nowMs = START_MS;
  #version = 0;
  #epoch = 0;
  readonly #script: Script;

  constructor(script: Script) {
    this.#script = script;
    const requested = this.#stored({
      type: 'release-requested',
      data: {
        id: 'r-test', kind: script.kind ?? 'rollout', pool: 'web', environment: 'prod', applications: ['web'], changes: [{ application: 'web', version: 'v2' }],
        strategy: script.strategy ?? STRATEGY, hosts: script.hosts.map(({ name, zone }) => ({ name, zone })), requestedBy: 'ci', reason: null, busy: 'queue',
        allowOutage: false, adopt: false, rollbackOf: null, restoreFrom: null, mode: null,
      },
    });
    this.events.push(requested);
    this.state = initialRelease(requested as Extract<typeof requested, { type: 'release-requested' }>);
  }

  /** Plays until the release has ended, waits for a person, or STEPS_MAX steps were taken. */
  run(): Played {
    for (let n = 0; n < STEPS_MAX; n++) {
      const command = this.#script.commands?.[n];
      if (command !== undefined) this.send(command);
      const step = nextStep(this.state, this.nowMs);
      this.steps.push(step);
      if (step.do === 'done') break;
      if (step.do === 'wait' && step.untilMs === null && !Object.keys(this.#script.commands ?? {}).some((key) => Number(key) > n)) break;
      this.#do(step);
    }
    return { state: this.state, events: this.events, states: this.states, acts: this.acts, steps: this.steps };
  }

  /** Takes one step. */
  run1(): void {
    const step = nextStep(this.state, this.nowMs);
    this.steps.push(step);
    this.#do(step);
  }

  /** Applies a command as the workflow would; refused ones change nothing. */
  send(command: Command, begunNow: readonly string[] = []): boolean {
    const decision = decide(this.state, command, { now: new Date(this.nowMs).toISOString(), inWork: [], begunNow });
    if ('refusal' in decision) return false;
    this.record(decision.events);
    return true;
  }

  record(events: readonly CoreEvent[]): void {
    for (const event of events) {
      const stored = this.#stored(event);
      this.events.push(stored);
      this.states.push(this.state);
      this.state = evolve(this.state, stored);
    }
  }

  #stored(event: CoreEvent): Stored<CoreEvent> {
    this.#version++;
    const raises = event.type === 'pool-acquired' || event.type === 'rollback-started' || event.type === 'targets-retried';
    const data = raises ? { ...event.data, epoch: ++this.#epoch } : event.data;
    return { ...event, data, id: `e${this.#version}`, version: this.#version, at: new Date(this.nowMs).toISOString(), actor: SIGNALBOX } as Stored<CoreEvent>;
  }

  #do(step: NextStep): void {
    switch (step.do) {
      case 'record':
        return this.record(step.events);
      case 'acquire':
        return this.record([{ type: 'pool-acquired', data: { epoch: 0 } }]);
      case 'observe':
        return this.record([{ type: 'targets-observed', data: { inService: this.#script.hosts.filter(({ inService }) => inService).map(({ name }) => name), failed: [] } }]);
      case 'plan':
        return this.#plan();
      case 'stage':
        return this.record([{ type: 'targets-staged', data: { failed: [] } }]);
      case 'roll':
        return this.#roll(step);
      case 'restore':
        return this.#restore(step);
      case 'compare':
        return this.record([{ type: 'pool-compared', data: { left: [], joined: [], scaleOut: null, note: null } }]);
      case 'audit':
        return this.record([{ type: 'audit-finished', data: { mismatches: [] } }]);
      case 'wait':
        this.nowMs = step.untilMs ?? this.nowMs + 1000;
        return undefined;
      case 'done':
        return undefined;
    }
  }

  #plan(): void {
    const made = makePlan({
      pool: { name: 'web', capacity: { minInServicePercent: 66 } },
      strategy: this.state.request.strategy,
      hosts: this.#script.hosts,
      changes: [{ application: 'web', version: 'v2', sha256: 'f'.repeat(64) }],
      allowOutage: true,
      reason: 'test',
      ...(this.#script.irreversible === undefined ? {} : { irreversible: this.#script.irreversible }),
    });
    if ('plan' in made) return this.record([{ type: 'plan-made', data: { plan: made.plan } }]);
    const [first] = made.refusals;
    this.record([{ type: 'release-failed', data: { failure: { class: 'refused', code: first?.code ?? '', message: first?.message ?? '', next: first?.next ?? '' } } }]);
  }

  /** One lane: begins no host of an aborted release, and none after more failures than the brake leaves. */
  #roll(step: Extract<NextStep, { do: 'roll' }>): void {
    const failed: FailedTarget[] = [];
    const untouched: string[] = [];
    let succeeded = 0;
    const { tolerance } = this.state.request.strategy;
    const before = progressOf(this.state.situation)?.failed.map(({ host }) => host) ?? [];
    const batches = planOf(this.state.situation)?.batches ?? [];
    const most = tolerance.consecutive ?? null;
    let streak = progressOf(this.state.situation)?.streak ?? NO_STREAK;
    const limit = step.part === 'whole' ? failuresLeft({ tolerance, batches, failed: before }, step.hosts) : 0;
    for (const host of step.hosts) {
      if (this.state.aborting !== null || failed.length > limit || (most !== null && streak.longest > most)) {
        untouched.push(host);
        continue;
      }
      this.acts.push({ host, direction: 'forward', batch: step.index, part: step.part });
      const fails = this.#script.failsForward?.(host, step.round) === true && step.ignored?.[host] === undefined;
      const failsInTraffic = !fails && step.steps.includes('admit') && this.#script.failsInTraffic?.(host, step.round) === true && step.readmitted?.includes(host) !== true;
      streak = afterEnd(streak, fails || failsInTraffic);
      if (failsInTraffic) failed.push({ host, step: 'admit', failure: { class: 'bad-build', code: 'health-timeout', message: 'sick in traffic', next: 'fix it', afterAdmit: true } });
      else if (fails) failed.push({ host, step: 'verify', failure: { class: 'bad-build', code: 'health-timeout', message: 'sick', next: 'fix it' } });
      else succeeded++;
    }
    this.record([{ type: 'batch-finished', data: { index: step.index, part: step.part, round: step.round, succeeded, failed, untouched, ...(most === null ? {} : { streak }) } }]);
  }

  #restore(step: Extract<NextStep, { do: 'restore' }>): void {
    const failed: FailedTarget[] = [];
    for (const host of step.hosts) {
      this.acts.push({ host, direction: 'back', batch: step.index, part: 'restore' });
      if (this.#script.failsBack?.(host)) failed.push({ host, step: 'verify', failure: { class: 'bad-build', code: 'health-timeout', message: 'old one sick too', next: 'look' } });
    }
    this.record([{ type: 'rollback-batch-finished', data: { index: step.index, restored: step.hosts.length - failed.length, untouched: 0, failed } }]);
  }
}

export function command(type: Command['type'], more: Partial<{ mode: 'regular' | 'emergency'; targets: readonly string[]; choices: Readonly<Record<string, Choice>>; to: number }> = {}): Command {
  const base = { id: `c-${type}`, by: { kind: 'token', name: 'op' }, reason: 'because' } as const;
  if (type === 'rollback') return { ...base, type, mode: more.mode ?? null };
  if (type === 'retry' || type === 'skip') return { ...base, type, targets: more.targets ?? null };
  if (type === 'answer') return { ...base, type, choices: more.choices ?? {} };
  if (type === 'jump') return { ...base, type, to: more.to ?? 2 };
  return { ...base, type };
}

export function fleet(count: number, zones = 2): Script['hosts'] {
  return Array.from({ length: count }, (_, index) => ({ name: `web-${String(index + 1).padStart(3, '0')}`, zone: `z${index % zones}`, inService: true }));
}
