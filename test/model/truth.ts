/**
 * What is really so on the hosts of a model's fleet, whatever the log says: links, processes, the place in traffic. Steps change it as the
 * host program and the balancer would; laws are judged by it.
 *
 * This room mirrors no room of the product: it plays whole releases on the decisions of `domain/`, by lot (sequences) and exhaustively (small world).
 */
import { restoreSteps, isUntouched } from '../../domain/rollback.ts';
import type { Observation } from '../../domain/release/target.ts';
import type { Step } from '../../domain/vocabulary.ts';

/** Installed release and running process: of before, of this release, or started again on the way back. */
export interface Truth {
  readonly digest: 'old' | 'new' | null;
  readonly process: 'old' | 'new' | 'restarted' | null;
  readonly admin: 'ready' | 'drain';
  /** the last forward step that was begun, null before the first */
  readonly begun: Step | null;
}

/** How a host stood before the release: in service, taken out by somebody else, or an empty machine. */
export type Standing = 'serving' | 'drained' | 'empty';

export function truthOf(standing: Standing): Truth {
  if (standing === 'empty') return { digest: null, process: null, admin: 'drain', begun: null };
  return { digest: 'old', process: 'old', admin: standing === 'serving' ? 'ready' : 'drain', begun: null };
}

export function serves({ admin, process }: Truth): boolean {
  return admin === 'ready' && process !== null;
}

/** The new release runs; in service unless somebody else had taken the host out. */
export function isDone(truth: Truth, before: Truth): boolean {
  return truth.digest === 'new' && truth.process === 'new' && (truth.admin === 'ready' || before.admin === 'drain');
}

/** Installed, running and in traffic as before the release. */
export function isAsBefore({ digest, process, admin }: Truth, before: Truth): boolean {
  return digest === before.digest && (process === null) === (before.process === null) && process !== 'new' && admin === before.admin;
}

/** A host that was out before is put back as it stood; an empty machine joins for the first time. */
export function afterForward(truth: Truth, step: Step, before: Truth): Truth {
  const begun = { ...truth, begun: step };
  if (step === 'drain') return { ...begun, admin: 'drain' };
  if (step === 'stop') return { ...begun, process: null };
  if (step === 'switch') return { ...begun, digest: 'new' };
  if (step === 'start') return { ...begun, process: 'new' };
  if (step === 'admit') return { ...begun, admin: before.digest === null ? 'ready' : before.admin };
  return begun;
}

export function afterBack(truth: Truth, step: Step, before: Truth): Truth {
  if (step === 'drain') return { ...truth, admin: 'drain' };
  if (step === 'stop') return { ...truth, process: null };
  if (step === 'switch') return { ...truth, digest: before.digest };
  if (step === 'start') return { ...truth, process: 'restarted' };
  if (step === 'admit') return { ...truth, admin: before.admin };
  return truth;
}

/** What a fence finds is left to do; null when nothing of the release had reached the host. */
export function stepsBack(before: Truth, truth: Truth): readonly Step[] | null {
  const [was, is] = [observed(before), observed(truth)];
  const steps = restoreSteps(was, is, truth.begun);
  return steps.length === 0 && isUntouched(was, is) ? null : steps;
}

const PIDS = { old: 1, new: 2, restarted: 3 } as const;
const seen = new Map<string, Observation>();

function observed({ digest, process, admin }: Truth): Observation {
  const key = `${digest} ${process} ${admin}`;
  const known = seen.get(key);
  if (known !== undefined) return known;
  const made: Observation = {
    applications: [{ application: 'web', digest, config: digest, version: digest, process: process === null ? null : { pid: PIDS[process], startTicks: 1, bootId: 'b' }, unmanaged: false }],
    traffic: { admin, operational: process === null ? 'down' : 'up', weight: 1, connections: 0, inService: admin === 'ready' && process !== null },
    freeBytes: 1e12,
  };
  seen.set(key, made);
  return made;
}
