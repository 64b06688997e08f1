import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HOOK_POINTS } from '../../domain/hooks.ts';
import { markName, marksOf, placeOf } from '../../domain/irreversible.ts';
import { STEPS } from '../../domain/vocabulary.ts';
import type { ApplicationSpec } from '../../domain/inventory.ts';

const WAY = STEPS.flatMap((step) => [`before-${step}`, step, `after-${step}`] as const);

const application = fc.record({
  hooks: fc.array(fc.record({ at: fc.constantFrom(...HOOK_POINTS), irreversible: fc.constantFrom(true, false, undefined) }), { maxLength: 6 }),
  irreversible: fc.option(fc.uniqueArray(fc.constantFrom(...STEPS)), { nil: undefined }),
});

function spec(name: string, { hooks, irreversible }: { readonly hooks: readonly { readonly at: (typeof HOOK_POINTS)[number]; readonly irreversible: boolean | undefined }[]; readonly irreversible: readonly (typeof STEPS)[number][] | undefined }): ApplicationSpec {
  return {
    name, recipe: 'service', productLine: null, owners: [], variables: {}, health: [],
    run: { command: ['./app'], stopSignal: 'SIGTERM', stopTimeoutSeconds: 10, account: null, env: {} },
    hooks: hooks.map(({ at, irreversible: marked }) => ({ at, command: ['./hook'], idempotent: true, timeoutSeconds: 60, account: null, ...(marked === undefined ? {} : { irreversible: marked }) })),
    ...(irreversible === undefined ? {} : { irreversible }),
  };
}

describe('what a release cannot undo', () => {
  test('is every marked hook and step that it comes by, once, in the order of the way, and nothing else', () => {
    fc.assert(fc.property(application, application, fc.boolean(), (one, other, isChanged) => {
      const [web, api] = [spec('web', one), spec('api', other)];
      const marks = marksOf([web, api], new Set(isChanged ? ['web', 'api'] : ['web']));
      expect(marks.map(({ at }) => placeOf(at))).toEqual(marks.map(({ at }) => placeOf(at)).toSorted((first, second) => first - second));
      expect(new Set(marks.map(markName)).size).toBe(marks.length);
      for (const { name, hooks = [], irreversible = [] } of [web, api]) {
        const own = marks.filter((mark) => mark.application === name);
        const isLeftOut = (at: string): boolean => name === 'api' && !isChanged && at.endsWith('switch');
        const wanted = [...hooks.flatMap((hook, index) => (hook.irreversible === true && !isLeftOut(hook.at) ? [`${name} ${hook.at}.${index}`] : [])), ...irreversible.filter((at) => !isLeftOut(at)).map((at) => `${name} ${at}`)];
        expect(own.map(markName).toSorted()).toEqual(wanted.toSorted());
      }
    }));
  });

  test('has a place on the way of a target: before, at and after each step, one behind the other', () => {
    expect(WAY.map(placeOf)).toEqual(WAY.map((_, index) => index));
  });
});
