/**
 * Where faults strike: every step in either direction, at each of its five moments, and the places besides. The list is made from the
 * domain's own table of steps, so a step that is added there is struck here or fails the run.
 */
import { STEPS } from '../../domain/vocabulary.ts';
import type { Direction, Step } from '../../domain/vocabulary.ts';

export const MOMENTS = ['before-intent', 'after-intent', 'mid-effect', 'after-effect', 'after-record'] as const;

export type Moment = (typeof MOMENTS)[number];

/** `<place>.<moment>`, e.g. `forward.switch.mid-effect`; it is a file name too. */
export type Point = string;

/** What happens there: a process is killed or stopped, or an answer is lost on its way. */
export type Fault = 'kill-worker' | 'kill-host' | 'kill-both' | 'stop-worker' | 'lose-answer';

const STAGING = ['fetch', 'unpack', 'configure'] as const;
/** Staging is recorded once for all three, when the host has everything. */
const ON_HOST_MOMENTS = MOMENTS.filter((moment) => moment !== 'after-record');

const DIRECTIONS: readonly Direction[] = ['forward', 'back'];

export function stepPoint(direction: Direction, step: Step | (typeof STAGING)[number], moment: Moment): Point {
  return `${direction}.${step}.${moment}`;
}

/** The link back is switched by the verb `restore`; that is the step `switch` on the way back. */
export const POINTS: readonly Point[] = [
  ...DIRECTIONS.flatMap((direction) => STEPS.flatMap((step) => MOMENTS.map((moment) => stepPoint(direction, step, moment)))),
  ...STAGING.flatMap((step) => ON_HOST_MOMENTS.map((moment) => stepPoint('forward', step, moment))),
  'stage.after-record',
  ...MOMENTS.map((moment) => `fence.${moment}`),
  'append.before', 'append.after',
  'decision.before', 'decision.after',
  'delivery.claimed', 'delivery.before', 'delivery.after',
];

/** Only on the way back, so only releases that are taken back come by. */
export function isBack(point: Point): boolean {
  return point.startsWith('back.') || point.startsWith('fence.');
}

/** Struck inside the host program, where either side, or both, can be killed. */
export function isOnHost(point: Point): boolean {
  return /^(forward|back)\.(stop|switch|start|fetch|unpack|configure)\./.test(point) && !point.endsWith('.after-record') || /^fence\./.test(point) && !point.endsWith('.after-record');
}
