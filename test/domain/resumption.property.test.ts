/** Laws of a step that hooks stop again and again while a person answers. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { afterHook, hookAgain } from '../../domain/resumption.ts';
import type { Resumption } from '../../domain/resumption.ts';

/** Plays one step: its hooks one after the other, each answered until it is done; tells under which round every hook was begun. */
function play(hooks: number, cuts: readonly (readonly ('done' | 'not-done')[])[]): { readonly begun: ReadonlyMap<string, readonly number[]>; readonly end: Resumption } {
  const begun = new Map<string, number[]>();
  let at: Resumption = { round: 0, done: [] };
  let round = 0;
  for (let index = 0; index < hooks; index++) {
    const hook = `web/${index}`;
    const begin = (): void => void begun.set(hook, [...(begun.get(hook) ?? []), at.rounds?.[hook] ?? at.round]);
    begin();
    for (const answer of cuts[index] ?? []) {
      if (at.done.includes(hook)) break;
      round++;
      at = answer === 'done' ? afterHook({ hook, unknown: true, at }) : hookAgain({ hook, unknown: true, at }, round);
      if (answer === 'not-done') begin();
    }
  }
  return { begun, end: at };
}

test('whatever is answered, a hook is run again only under a round it has not had, once per not-done, and never once it is done', () => {
  const answers = fc.array(fc.array(fc.constantFrom<'done' | 'not-done'>('done', 'not-done'), { maxLength: 4 }), { maxLength: 8 });
  fc.assert(fc.property(fc.integer({ min: 1, max: 8 }), answers, (hooks, cuts) => {
    const { begun, end } = play(hooks, cuts);
    for (const [hook, rounds] of begun) {
      const said = cuts[Number(hook.split('/')[1])] ?? [];
      const first = said.indexOf('done');
      const again = (first < 0 ? said : said.slice(0, first)).length;
      expect(rounds).toHaveLength(1 + again);
      expect(new Set(rounds).size).toBe(rounds.length);
      expect(end.done.includes(hook)).toBe(first >= 0);
    }
    expect(end.round).toBe(0);
  }));
});
