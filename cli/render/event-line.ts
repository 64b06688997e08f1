/** One event, one plain line: what a CI log shows while a release runs, and what `signalbox events` prints. */
import type { ReleaseEvent } from '../release.ts';
import { marked, printable } from './glyphs.ts';
import type { Tone } from './glyphs.ts';

/** `detail`: told only with --verbose, because it comes once per target and step. */
interface Told {
  readonly tone: Tone;
  readonly text: string;
  readonly detail?: boolean;
}

type Data = Readonly<Record<string, unknown>>;

/** names of the plan's batches by index; empty while no plan was told */
type Batches = readonly string[];

const SENTENCES: Readonly<Record<string, (data: Data, batches: Batches) => Told>> = {
  'release-requested': (data) => ({ tone: 'quiet', text: `requested for pool ${word(data, 'pool')} by ${word(data, 'requestedBy')}` }),
  'inventory-captured': () => ({ tone: 'quiet', text: 'inventory captured', detail: true }),
  'release-queued': (data) => ({ tone: 'quiet', text: `queued behind ${word(data, 'behind')}` }),
  'release-rejected': (data) => ({ tone: 'bad', text: `rejected: ${word(data, 'reason')}` }),
  'pool-acquired': (data) => ({ tone: 'busy', text: `pool acquired, epoch ${word(data, 'epoch')}` }),
  'targets-observed': (data) => ({ tone: failures(data) > 0 ? 'bad' : 'good', text: `targets observed: ${list(data, 'inService').length} in service${failureText(data)}` }),
  'plan-made': (data) => ({ tone: 'good', text: `plan made: ${planText(data)}` }),
  'rollback-planned': (data) => rollbackPlanned(data),
  'targets-staged': (data) => ({ tone: failures(data) > 0 ? 'bad' : 'good', text: `packages staged${failureText(data)}` }),
  'phase-entered': (data) => ({ tone: 'busy', text: `phase ${word(data, 'phase')}` }),
  'batch-started': (data, batches) => ({ tone: 'busy', text: `${batch(data, batches)} ${word(data, 'part')} started: ${list(data, 'hosts').join(', ')}${round(data)}` }),
  'batch-finished': (data, batches) => ({
    tone: failures(data) > 0 ? 'bad' : 'good',
    text: `${batch(data, batches)} ${word(data, 'part')} finished: ${word(data, 'succeeded')} succeeded${failureText(data)}`,
  }),
  'bake-started': (data, batches) => ({ tone: 'held', text: `${batch(data, batches)} bakes for ${word(data, 'seconds')}s` }),
  'bake-finished': (data, batches) => ({ tone: 'good', text: `${batch(data, batches)} baked (${word(data, 'cause')})` }),
  'batch-jumped': (data, batches) => ({ tone: 'warn', text: `${batch(data, batches)} comes next, before ${list(data, 'over').map((index) => `batch ${String(index)}`).join(', ')}: ${word(data, 'reason')}` }),
  'batch-promoted': (data, batches) => ({ tone: 'good', text: `${batch(data, batches)} promoted: ${word(data, 'reason')}` }),
  'rest-started': (data) => ({ tone: 'held', text: `rests for ${word(data, 'seconds')}s before the next batch` }),
  'rest-finished': (data) => ({ tone: 'good', text: `rested (${word(data, 'cause')})` }),
  'bastion-signed-off': (data) => ({ tone: 'good', text: `bastion approved: ${word(data, 'reason')}` }),
  'bastion-rejected': (data) => ({ tone: 'bad', text: `bastion rejected: ${word(data, 'reason')}` }),
  'failures-answered': (data) => ({ tone: 'busy', text: `answered ${choices(data)}: ${word(data, 'reason')}` }),
  'brake-applied': (data) => ({ tone: 'bad', text: `brake: ${word(data, 'sentence')} Next: ${word(data, 'then')}.` }),
  paused: (data) => ({ tone: 'held', text: `paused (${word(data, 'cause')}): ${word(data, 'reason')}` }),
  'quiet-reached': () => ({ tone: 'held', text: 'quiet: no target is in work' }),
  resumed: (data) => ({ tone: 'busy', text: `resumed: ${word(data, 'reason')}` }),
  'pause-expired': (data) => ({ tone: 'warn', text: `pause expired, then: ${word(data, 'then')}` }),
  'targets-retried': (data) => ({ tone: 'busy', text: `retried ${list(data, 'hosts').join(', ')}: ${word(data, 'reason')}` }),
  'targets-skipped': (data) => ({ tone: 'warn', text: `skipped ${list(data, 'hosts').join(', ')}: ${word(data, 'reason')}` }),
  'abort-started': (data) => ({ tone: 'warn', text: `abort started: ${word(data, 'reason')}` }),
  'rollback-started': (data) => ({ tone: 'warn', text: `rollback started (${word(data, 'mode')}, ${word(data, 'cause')}): ${word(data, 'reason')}` }),
  'rollback-escalated': (data) => ({ tone: 'warn', text: `rollback escalated to emergency: ${word(data, 'reason')}` }),
  'rollback-batch-started': (data) => ({ tone: 'busy', text: `rollback batch ${word(data, 'index')} started: ${list(data, 'hosts').join(', ')}` }),
  'rollback-batch-finished': (data) => ({
    tone: failures(data) > 0 ? 'bad' : 'good',
    text: `rollback batch ${word(data, 'index')} finished: ${word(data, 'restored')} restored, ${word(data, 'untouched')} untouched${failureText(data)}`,
  }),
  'deadline-extended': (data) => ({ tone: 'held', text: `deadline ${word(data, 'which')} put off by ${Math.round(Number(data['ms']) / 1000)}s: ${word(data, 'reason')}` }),
  'deadline-reached': (data) => ({ tone: 'warn', text: `deadline ${word(data, 'which')} reached: ${word(data, 'reason')}` }),
  'release-adopted': (data) => ({ tone: 'warn', text: `goes on from its log in a new workflow: ${word(data, 'reason')}` }),
  'batch-cut-off': (data, batches) => ({
    tone: 'warn',
    text: `${batch(data, batches)} ${word(data, 'part')} was cut off: ${word(data, 'succeeded')} succeeded${failureText(data)}, again ${list(data, 'again').join(', ') || 'none'}`,
  }),
  'audit-finished': (data) => {
    const wrong = list(data, 'mismatches').length;
    return wrong === 0 ? { tone: 'good', text: 'audit: every host is as the log says' } : { tone: 'bad', text: `audit: ${wrong} hosts differ from the log` };
  },
  'pool-compared': (data) => comparedTold(data),
  'release-succeeded': (data) => {
    const debt = list(data, 'debt').length;
    return debt === 0 ? { tone: 'good', text: 'release succeeded' } : { tone: 'warn', text: `release succeeded with debt on ${debt} hosts` };
  },
  'release-failed': (data) => ({ tone: 'bad', text: `release failed: ${failureMessage(data)}` }),
  'release-rolled-back': (data) => ({ tone: 'warn', text: `release rolled back: ${word(data, 'restored')} restored, ${word(data, 'untouched')} untouched` }),
  'rollback-ended-incomplete': (data) => ({ tone: 'bad', text: `rollback incomplete: ${hostsOf(data, 'unrestored').join(', ')} not restored` }),
  'release-aborted': (data) => ({ tone: 'warn', text: `release aborted: ${word(data, 'reason')}` }),
  'target-observed': (data) => ({ tone: 'quiet', text: `${word(data, 'host')} observed`, detail: true }),
  'target-staged': (data) => ({ tone: 'quiet', text: `${word(data, 'host')} staged`, detail: true }),
  'target-cleaned': (data) => ({ tone: 'quiet', text: `${word(data, 'host')} cleared of old releases`, detail: true }),
  'target-step-begun': (data) => ({ tone: 'busy', text: `${word(data, 'host')} ${step(data)} begun`, detail: true }),
  'target-step-waiting': (data) => ({ tone: 'held', text: `${word(data, 'host')} ${step(data)} waits for ${word(data, 'dependency')}: ${word(data, 'message')}` }),
  'target-step-succeeded': (data) => stepSucceeded(data),
  'target-check-failed': (data) => ({ tone: 'bad', text: `${word(data, 'host')} is taken out of service again: ${failureMessage(data)}` }),
  'target-step-failed': (data) => ({ tone: 'bad', text: `${word(data, 'host')} ${step(data)} failed: ${failureMessage(data)}` }),
  'target-preparation-failed': (data) => ({ tone: 'bad', text: `${word(data, 'host')} ${word(data, 'step')} failed: ${failureMessage(data)}` }),
  'target-fenced': (data) => ({ tone: 'quiet', text: `${word(data, 'host')} fenced`, detail: true }),
  'target-fence-failed': (data) => ({ tone: 'bad', text: `${word(data, 'host')} could not be fenced: ${failureMessage(data)}` }),
};

export interface EventLineOptions {
  readonly color: boolean;
  /** also the steps of single targets */
  readonly verbose: boolean;
}

/** `12:01:07Z ✔ text`, or null for an event that is told only with `verbose`. Unknown types are told by their name. */
export function eventLine(event: ReleaseEvent, options: EventLineOptions, batches: Batches = []): string | null {
  const told = SENTENCES[event.type]?.(event.data, batches) ?? { tone: 'busy', text: event.type };
  if (told.detail === true && !options.verbose) return null;
  const by = event.actor.kind === 'signalbox' ? '' : ` (by ${event.actor.name})`;
  return `${event.at.slice(11, 19)}Z ${marked(told.tone, printable(`${told.text}${by}`), options.color)}`;
}

/** Tells events one after the other, and remembers the plan, so that its batches go by their names. */
export function storyTeller(options: EventLineOptions): (event: ReleaseEvent) => string | null {
  let batches: Batches = [];
  return (event) => {
    if (event.type === 'plan-made') batches = batchNames(event.data);
    return eventLine(event, options, batches);
  };
}

/** The types that have a sentence of their own. */
export function toldEventTypes(): string[] {
  return Object.keys(SENTENCES);
}

function comparedTold(data: Data): Told {
  const [left, joined] = [list(data, 'left'), list(data, 'joined')];
  if (left.length + joined.length === 0) return { tone: 'quiet', text: 'the pool has the hosts it had', detail: true };
  const gone = left.length === 0 ? [] : [`left the pool: ${left.join(', ')}`];
  const brought = typeof data['note'] === 'string' ? `. ${data['note']}` : `, brought up by release ${word(data, 'scaleOut')}`;
  const came = joined.length === 0 ? [] : [`joined the pool: ${joined.join(', ')}${brought}`];
  return { tone: 'warn', text: [...gone, ...came].join('; ') };
}

function rollbackPlanned(data: Data): Told {
  const targets = list(isData(data['plan']) ? data['plan'] : {}, 'targets').filter(isData);
  const stuck = targets.filter((target) => target['feasible'] !== true).map((target) => word(target, 'host'));
  if (stuck.length === 0) return { tone: 'good', text: `way back planned for ${targets.length} hosts` };
  return { tone: 'warn', text: `way back planned for ${targets.length} hosts; none for ${stuck.join(', ')}` };
}

function stepSucceeded(data: Data): Told {
  const host = word(data, 'host');
  const back = data['direction'] === 'back';
  if (data['step'] === 'admit') return { tone: 'good', text: back ? `${host} restored and back in service` : `${host} in service` };
  const result = isData(data['result']) ? data['result'] : {};
  const seen = isData(result['observedVersion']) ? Object.entries(result['observedVersion']) : [];
  if (seen.length === 0) return { tone: 'good', text: `${host} ${step(data)} done`, detail: true };
  return { tone: 'good', text: `${host} answers ${seen.map(([application, version]) => `${application} ${String(version)}`).join(', ')}` };
}

function choices(data: Data): string {
  const given = isData(data['choices']) ? Object.entries(data['choices']) : [];
  return given.map(([host, choice]) => `${String(choice)} for ${host}`).join(', ');
}

function step(data: Data): string {
  return data['direction'] === 'back' ? `${word(data, 'step')} (back)` : word(data, 'step');
}

/** What comes after the last batch is the watch of the whole release. */
function batch(data: Data, batches: Batches): string {
  const index = Number(data['index']);
  const isWatch = batches.length > 0 && index >= batches.length;
  return isWatch ? 'the watch' : (batches[index] ?? `batch ${word(data, 'index')}`);
}

function batchNames(planMade: Data): Batches {
  const plan = isData(planMade['plan']) ? planMade['plan'] : {};
  return list(plan, 'batches').map((one, index) => (isData(one) && one['kind'] === 'bastion' ? 'bastion' : `batch ${index}`));
}

function round(data: Data): string {
  return typeof data['round'] === 'number' && data['round'] > 0 ? ` (round ${data['round'] + 1})` : '';
}

function planText(data: Data): string {
  const plan = isData(data['plan']) ? data['plan'] : {};
  const capacity = isData(plan['capacity']) ? plan['capacity'] : {};
  const skipped = list(plan, 'skipped').length;
  const passed = skipped === 0 ? '' : `, ${skipped} passed untouched`;
  return `${list(plan, 'batches').length} batches, ${word(capacity, 'hosts')} hosts, floor ${word(capacity, 'floor')}${passed}`;
}

function failures(data: Data): number {
  return list(data, 'failed').length;
}

function failureText(data: Data): string {
  return failures(data) === 0 ? '' : `, ${failures(data)} failed: ${hostsOf(data, 'failed').join(', ')}`;
}

function failureMessage(data: Data): string {
  const failure = isData(data['failure']) ? data['failure'] : {};
  return word(failure, 'message');
}

function hostsOf(data: Data, name: string): string[] {
  return list(data, name).map((entry) => (isData(entry) ? word(entry, 'host') : String(entry)));
}

function word(data: Data, name: string): string {
  const value = data[name];
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '?';
}

function list(data: Data, name: string): readonly unknown[] {
  const value = data[name];
  return Array.isArray(value) ? value : [];
}

function isData(value: unknown): value is Data {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
