/** How the parts of Signalbox are, each in a sentence with what to do; and whether anything is wrong at all. */
import { SILENCE_MS_MAX } from './workers.ts';

export interface PartsSeen {
  readonly databaseMs: number;
  readonly temporalAnswers: boolean;
  readonly pulseAgeMs: number | null;
  readonly backlog: { readonly messages: number; readonly oldestMs: number; readonly error: string | null };
  readonly balancers: readonly { readonly pool: string; readonly ageMs: number | null }[];
  readonly turns: readonly { readonly part: 'rounds' | 'hosts' | 'rules'; readonly by: string; readonly ageMs: number }[];
  /** releases that have not ended */
  readonly running: number;
}

export interface PartHealth {
  readonly name: 'api' | 'database' | 'temporal' | 'workers' | 'outbox' | 'balancers' | 'watchdog';
  readonly ok: boolean;
  readonly sentence: string;
  /** what to do; null: nothing */
  readonly next: string | null;
}

/** A delivery takes well under a second; one that waits so long is stuck. */
const BACKLOG_MS_MAX = 30_000;
const LOOK_MS_MAX = 60_000;
const ROUND_MS_MAX = 60_000;
const DATABASE_MS_MAX = 1_000;

/** In the order in which one part needs the other: the first that is wrong explains those after it. */
export function healthOf(seen: PartsSeen): readonly PartHealth[] {
  return [{ name: 'api', ok: true, sentence: 'answers', next: null }, database(seen), temporal(seen), workers(seen), outbox(seen), balancers(seen), watchdog(seen)];
}

function database({ databaseMs }: PartsSeen): PartHealth {
  const isSlow = databaseMs > DATABASE_MS_MAX;
  return part('database', !isSlow, `answers in ${Math.round(databaseMs)} ms`, 'Look for long transactions, locks and a full disk.');
}

function temporal({ temporalAnswers }: PartsSeen): PartHealth {
  return part('temporal', temporalAnswers, temporalAnswers ? 'answers' : 'does not answer: releases stand, and what is asked for is kept and delivered later', 'Start Temporal, or correct SIGNALBOX_TEMPORAL_ADDRESS and SIGNALBOX_NAMESPACE.');
}

/** Where nothing was ever asked of a worker, its absence is told and wrong all the same. */
function workers({ pulseAgeMs, running }: PartsSeen): PartHealth {
  const ok = pulseAgeMs !== null && pulseAgeMs <= SILENCE_MS_MAX;
  const waiting = running === 0 ? '' : `; ${running} ${running === 1 ? 'release waits' : 'releases wait'}`;
  const since = pulseAgeMs === null ? 'no worker has ever taken work' : `last pulse ${seconds(pulseAgeMs)} ago`;
  return part('workers', ok, ok ? since : `${since}${waiting}`, 'Start a worker: signalbox worker. If one runs, its log says what it cannot reach.');
}

function outbox({ backlog: { messages, oldestMs, error } }: PartsSeen): PartHealth {
  const ok = messages === 0 || oldestMs <= BACKLOG_MS_MAX;
  const told = messages === 0 ? 'nothing waits to be delivered' : `${messages} ${messages === 1 ? 'message waits' : 'messages wait'}, the oldest for ${seconds(oldestMs)}${error === null ? '' : ` (${error})`}`;
  return part('outbox', ok, told, 'Messages are delivered by workers while Temporal answers: look at those two.');
}

function balancers({ balancers: pools }: PartsSeen): PartHealth {
  const old = pools.filter(({ ageMs }) => ageMs === null || ageMs > LOOK_MS_MAX);
  if (pools.length === 0) return part('balancers', true, 'no pool has one', '');
  const told = old.map(({ pool, ageMs }) => `pool ${pool} ${ageMs === null ? 'was never seen' : `was last seen ${seconds(ageMs)} ago`}`).join(', ');
  return part('balancers', old.length === 0, old.length === 0 ? `${pools.length} ${pools.length === 1 ? 'answers' : 'answer'}` : told, 'Workers look at balancers every few seconds: look at the workers, then at the traffic entry of the pool and its socket.');
}

function watchdog({ turns }: PartsSeen): PartHealth {
  const rounds = turns.find(({ part: which }) => which === 'rounds');
  const ok = rounds !== undefined && rounds.ageMs <= ROUND_MS_MAX;
  const told = rounds === undefined ? 'has not looked yet' : `last looked ${seconds(rounds.ageMs)} ago (${rounds.by})`;
  return part('watchdog', ok, told, 'It runs in every API and worker process; their logs say why it cannot look.');
}

function part(name: PartHealth['name'], ok: boolean, sentence: string, next: string): PartHealth {
  return { name, ok, sentence, next: ok ? null : next };
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1000)} s`;
}
