/**
 * The state of one running release and the only way to change it: a decision is made on the state as it is, written down by an
 * activity, and what the store answers is folded. One decision at a time, so that no two are made on the same state.
 */
import { condition, patched, setCurrentDetails } from '@temporalio/workflow';
import { evolve, initialRelease } from '../domain/release/evolve.ts';
import { nextStep } from '../domain/release/next-step.ts';
import { SIGNALBOX } from '../domain/vocabulary.ts';
import { showAttributes } from './attributes.ts';
import { detailsOf } from './details.ts';
import { startPauseClock } from './pause-clock.ts';
import { deciding } from './proxies.ts';
import type { DecideContext } from '../domain/release/decide.ts';
import type { CoreEvent, Stored } from '../domain/release/events.ts';
import type { ReleaseState } from '../domain/release/state.ts';
import type { Actor } from '../domain/vocabulary.ts';
import type { Teller } from '../activities/record.ts';

/** What a release takes along when it continues as new. */
export interface Carried {
  readonly state: ReleaseState;
  /** commands already applied, so that a repeated one is not applied again */
  readonly handled: readonly string[];
  /** stream version of the last decision in `state`; absent: carried by an older build */
  readonly version?: number;
}

/** A chain of decisions longer than this is a mistake in `nextStep`, not work. */
const CHAIN_MAX = 20;

export class Run {
  readonly id: string;
  /** hosts whose lane is running right now */
  readonly inWork = new Set<string>();
  /** hosts begun in the batch at hand, finished ones included; the log knows them only when the batch has finished */
  readonly begunNow = new Set<string>();
  readonly handled: Set<string>;
  /** called when a decision takes the work at hand out of its lanes or ends a survey; set by whoever runs them */
  interrupt: () => void = () => undefined;
  /** stops that are being decided: whoever begins work in other workflows holds it meanwhile */
  stopping = 0;
  /** resolves when no other workflow begins anything further; null while none works for this release */
  still: (() => Promise<unknown>) | null = null;
  /** the pause at hand has a clock of its own: nobody else waits for its deadline */
  hasPauseClock = false;
  #state: ReleaseState | null;
  #revision = 0;
  #version: number;
  #deciding = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(id: string, carried: Carried | null) {
    this.id = id;
    this.#state = carried?.state ?? null;
    this.handled = new Set(carried?.handled ?? []);
    this.#version = carried?.version ?? 0;
  }

  get state(): ReleaseState {
    if (this.#state === null) throw new Error('The release is not open yet');
    return this.#state;
  }

  get isOpen(): boolean {
    return this.#state !== null;
  }

  /** counts folds: a wait ends when it moves */
  get revision(): number {
    return this.#revision;
  }

  /** stream version of the last decision known here; 0: a run that was begun by an older build knows none yet */
  get version(): number {
    return this.#version;
  }

  /** Goes with every decision, so that none is stored for a workflow that was replaced, or on a log that was set back. */
  get teller(): Teller {
    const { adoptions } = this.state;
    return { ...(adoptions === undefined ? {} : { adoption: adoptions }), ...(this.#version === 0 ? {} : { seen: this.#version }) };
  }

  /** a decision is being written: everybody else may read it already, only this state does not have it yet */
  get isDeciding(): boolean {
    return this.#deciding > 0;
  }

  /** Before anything new is begun: what somebody has just decided, a pause or an abort perhaps, is waited for. Older builds began it nevertheless. */
  async settled(): Promise<void> {
    if (this.isDeciding && patched('new-work-awaits-decisions')) await condition(() => !this.isDeciding);
  }

  carried(): Carried {
    return { state: this.state, handled: [...this.handled], version: this.#version };
  }

  /** Begins with what the log says, not with a request. */
  adopt({ state, handled, version }: Carried): void {
    this.#state = state;
    this.#version = version ?? 0;
    for (const id of handled) this.handled.add(id);
    this.#revision++;
    showAttributes(null, state);
    this.show();
    this.watchPause();
  }

  /** Decides on the current state, alone; an empty decision writes nothing. Decisions that follow by themselves go along. */
  decide(choose: (state: ReleaseState) => readonly CoreEvent[], actor: Actor = SIGNALBOX, command?: string): Promise<readonly CoreEvent[]> {
    return this.alone(async () => {
      const events = choose(this.state);
      if (events.length === 0) return [];
      const all = this.#andWhatFollows(events, actor);
      const opId = `d${this.state.decisions}`;
      // The clock that ends bakes and pauses is the one that begins them.
      const at = new Date(Date.now()).toISOString();
      const stored = await deciding(all.map(({ type }) => type).join(', ')).record({ ...this.teller, release: this.id, opId, actor, events: all, at, ...(command === undefined ? {} : { command }) });
      this.fold(stored);
      return events;
    });
  }

  /** Past its deadline a pause ends as the strategy says; before it nothing happens. */
  expirePause(): Promise<readonly CoreEvent[]> {
    return this.decide((state) => {
      const step = state.paused === null ? null : nextStep(state, Date.now(), this.context());
      return step?.do === 'record' ? step.events : [];
    });
  }

  /** Says once per pause that no host is in work any more. */
  async sayQuiet(): Promise<void> {
    await this.decide((state) => (state.paused !== null && !state.paused.quiet ? [{ type: 'quiet-reached', data: {} }] : []));
  }

  /** What decisions need to know besides the log. */
  context(): DecideContext {
    return { now: new Date(Date.now()).toISOString(), inWork: [...this.inWork], begunNow: [...this.begunNow] };
  }

  /** Runs an activity that decides in the store (pool, plan) with nobody deciding beside it. */
  alone<T>(work: () => Promise<T>): Promise<T> {
    this.#deciding++;
    const mine = this.#last.then(work).finally(() => this.#deciding--);
    this.#last = mine.catch(() => undefined);
    return mine;
  }

  fold(events: readonly Stored<CoreEvent>[]): void {
    const before = this.#state;
    for (const event of events) {
      this.#version = Math.max(this.#version, event.version);
      if (this.#state !== null) this.#state = evolve(this.#state, event);
      else if (event.type === 'release-requested') this.#state = initialRelease(event);
    }
    this.#revision++;
    showAttributes(before, this.state);
    this.show();
    if (before === null || before.paused === null) this.watchPause();
  }

  /** Also called when a run goes on with a pause that began in the run before it. */
  watchPause(): void {
    if (this.state.paused?.deadline) this.hasPauseClock = startPauseClock(this);
  }

  show(): void {
    if (this.#state !== null) setCurrentDetails(detailsOf(this.#state, [...this.inWork]));
  }

  /**
   * Until something was decided since revision `seen`, or the time is up. `seen` is read before the step is chosen, so that no change
   * is missed. `summary` is what Temporal's UI says of the timer.
   */
  async untilChanged(seen: number, { untilMs, summary }: { readonly untilMs: number | null; readonly summary: string }, orWhen: () => boolean = () => false): Promise<void> {
    const changed = (): boolean => this.#revision !== seen || orWhen();
    if (untilMs === null) await condition(changed);
    else await condition(changed, Math.max(1, untilMs - Date.now()), { summary });
  }

  /** Follow-up decisions that need no work in between share one append. Only Signalbox's own are chained. */
  #andWhatFollows(events: readonly CoreEvent[], actor: Actor): readonly CoreEvent[] {
    if (actor !== SIGNALBOX) return events;
    const all = [...events];
    let imagined = this.#imagine(this.state, events);
    while (all.length < CHAIN_MAX) {
      const step = nextStep(imagined, Date.now());
      if (step.do !== 'record') break;
      all.push(...step.events);
      imagined = this.#imagine(imagined, step.events);
    }
    return all;
  }

  #imagine(state: ReleaseState, events: readonly CoreEvent[]): ReleaseState {
    const at = new Date(Date.now()).toISOString();
    return events.reduce((folded, event) => evolve(folded, { ...event, id: '', version: 0, at, actor: SIGNALBOX }), state);
  }
}
