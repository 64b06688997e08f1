/**
 * I3: what is repeated acts once. Counted per round, for a retry means the same steps anew. Writes to a balancer are left out: a drain
 * that a reload undid is written again under the same name, and rightly so.
 */
import { operationOf } from './record.ts';
import type { Found, Rule } from './judge.ts';
import type { AppStart, ChaosRecord, Effect } from './record.ts';

const ON_HOST: ReadonlySet<string> = new Set(['stop', 'switch', 'start']);

export const effects: Rule = {
  id: 'I3',
  promise: 'Per opId at most one effect; per host at most one process start per direction and round.',
  judge: (record) => [...repeatedEffects(record), ...repeatedStarts(record)],
};

function repeatedEffects({ effects: all }: ChaosRecord): readonly Found[] {
  const done = all.filter(({ kind, what }) => kind === 'done' && ON_HOST.has(what));
  return [...Map.groupBy(done, ({ opId }) => opId)].flatMap(([opId, same]) => {
    const marks = new Set(same.map(({ mark }) => mark));
    return marks.size > 1 ? [{ what: `${opId} took effect ${marks.size} times (${[...marks].join(', ')})`, atMs: same.at(-1)?.atMs ?? 0 }] : [];
  });
}

/** Each start of an application belongs to the start step that was begun last before it: one step, one start. The applications write their own lines, so none is missed. */
function repeatedStarts({ effects: all, starts }: ChaosRecord): readonly Found[] {
  const begun = Map.groupBy(all.filter(({ kind, what }) => kind === 'begun' && what === 'start'), ({ host }) => host);
  return [...Map.groupBy(starts, ({ host }) => host)].flatMap(([host, own]) => {
    const steps = (begun.get(host) ?? []).toSorted((a, b) => a.atMs - b.atMs);
    const byStep = Map.groupBy(own, (start) => stepOf(steps, start));
    return [...byStep].flatMap(([opId, same]) => {
      if (opId === null) return [{ what: `${host} started ${same[0]?.version} (pid ${same[0]?.pid}) though no start step had begun`, atMs: same[0]?.atMs ?? 0 }];
      if (same.length < 2) return [];
      const { release, direction, round } = operationOf(opId);
      return [{ what: `${host} was started ${same.length} times by release ${release}, ${direction}, round ${round} (pids ${same.map(({ pid }) => pid).join(', ')})`, atMs: same.at(-1)?.atMs ?? 0 }];
    });
  });
}

/** The clock has steps of 10 ms, so a step begun in the very same one counts. */
function stepOf(steps: readonly Effect[], start: AppStart): string | null {
  return steps.findLast(({ atMs }) => atMs <= start.atMs)?.opId ?? null;
}
