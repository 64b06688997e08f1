/** What is no longer as it was when a plan was made, so that nobody starts a release that is not the one that was read. */
import { differences } from '../difference.ts';
import type { Plan, PlannedBatch } from './plan.ts';

/** A plan and what it was made from: the version of each inventory object, by `<kind>/<name>`. */
export interface PlannedOn {
  readonly plan: Plan;
  readonly versions: Readonly<Record<string, number>>;
}

/** One thing that differs, a sentence to read and where it is in the plan or the inventory. */
export interface PlanDifference {
  readonly what: string;
  readonly sentence: string;
}

const NAMES_MAX = 5;

/** Empty when a release started now would do what the plan says, to the same hosts in the same order. */
export function planDifferences(before: PlannedOn, now: PlannedOn): PlanDifference[] {
  return [...objectDifferences(before.versions, now.versions), ...courseDifferences(before.plan, now.plan)];
}

/** Only what happens to hosts: batches, capacity and changes. Warnings may differ. */
export function courseDifferences(before: Plan, now: Plan): PlanDifference[] {
  const fields = differences(measuresOf(before), measuresOf(now));
  return [
    ...fields.map(({ pointer, from, to }) => ({ what: pointer, sentence: `${pointer.slice(1).replaceAll('/', '.')} was ${shown(from)} and is ${shown(to)}.` })),
    ...changeDifferences(before, now),
    ...batchDifferences(before.batches, now.batches),
  ];
}

/** Other pools that count stand under their names. */
function measuresOf({ capacity, rollback, members = [] }: Plan): object {
  return { capacity, rollback, members: Object.fromEntries(members.map(({ pool, ...member }) => [pool, member])) };
}

function objectDifferences(before: PlannedOn['versions'], now: PlannedOn['versions']): PlanDifference[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(now)])].sort();
  return names.flatMap((name) => {
    const [was, is] = [before[name], now[name]];
    if (was === is) return [];
    const object = name.replace('/', ' ');
    const sentence = was === undefined ? `${object} has come in.` : is === undefined ? `${object} is no longer part of it.` : `${object} was changed: it stood at version ${was} and stands at ${is}.`;
    return [{ what: name, sentence }];
  });
}

function changeDifferences(before: Plan, now: Plan): PlanDifference[] {
  const [was, is] = [before, now].map(({ changes }) => changes.map(({ application, version, sha256 }) => `${application} ${version} (${sha256.slice(0, 12)})`).join(', '));
  return was === is ? [] : [{ what: '/changes', sentence: `It released ${was} and would release ${is}.` }];
}

function batchDifferences(before: readonly PlannedBatch[], now: readonly PlannedBatch[]): PlanDifference[] {
  const count = before.length === now.length ? [] : [{ what: '/batches', sentence: `There were ${before.length} batches and are ${now.length}.` }];
  const each = Array.from({ length: Math.max(before.length, now.length) }, (_, index) => batchDifference(index, before[index], now[index]));
  return [...count, ...each.flat()];
}

function batchDifference(index: number, was: PlannedBatch | undefined, is: PlannedBatch | undefined): PlanDifference[] {
  const what = `/batches/${index}`;
  if (was === undefined || is === undefined) return [{ what, sentence: `Batch ${index} ${was === undefined ? `is new: ${named(is?.hosts ?? [])}` : `is gone: ${named(was.hosts)}`}.` }];
  const { hosts: hostsBefore, ...restBefore } = was;
  const { hosts, ...rest } = is;
  const fields = differences(restBefore, rest).map(({ pointer, from, to }) => ({ what: `${what}${pointer}`, sentence: `Batch ${index}: ${pointer.slice(1)} was ${shown(from)} and is ${shown(to)}.` }));
  return [...fields, ...hostDifference(index, hostsBefore, hosts)];
}

function hostDifference(index: number, before: readonly string[], now: readonly string[]): PlanDifference[] {
  const what = `/batches/${index}/hosts`;
  const [was, is] = [new Set(before), new Set(now)];
  const joined = now.filter((host) => !was.has(host));
  const left = before.filter((host) => !is.has(host));
  if (joined.length + left.length > 0) {
    const parts = [joined.length > 0 ? `now has ${named(joined)}` : '', left.length > 0 ? `no longer has ${named(left)}` : ''].filter((part) => part !== '');
    return [{ what, sentence: `Batch ${index} ${parts.join(' and ')}.` }];
  }
  return before.every((host, place) => host === now[place]) ? [] : [{ what, sentence: `Batch ${index} takes its hosts in another order.` }];
}

function named(hosts: readonly string[]): string {
  const names = hosts.slice(0, NAMES_MAX).join(', ');
  return hosts.length > NAMES_MAX ? `${names} and ${hosts.length - NAMES_MAX} more` : names;
}

function shown(value: unknown): string {
  return value === undefined ? 'not set' : JSON.stringify(value);
}
