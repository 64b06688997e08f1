import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chooseWayBack, stackOf } from '../../domain/way-back.ts';
import type { Install } from '../../domain/rollback-plan.ts';
import type { HostPast } from '../../domain/way-back.ts';

const VERSIONS = ['1', '2', '3', '4', '5'];

const someInstall: fc.Arbitrary<Install> = fc.oneof(
  { weight: 9, arbitrary: fc.record({ version: fc.constantFrom(...VERSIONS), flavour: fc.nat({ max: 1 }) }).map(({ version, flavour }) => ({ application: 'web', version, digest: `digest-${version}`, config: `config-${version}-${flavour}` })) },
  { weight: 1, arbitrary: fc.constant({ application: 'web', version: null, digest: null, config: null }) },
);

const somePast = (host: string): fc.Arbitrary<HostPast> =>
  fc.record({
    host: fc.constant(host),
    application: fc.constant('web'),
    installs: fc.array(someInstall, { minLength: 1, maxLength: 8 }),
    kept: fc.option(fc.subarray(VERSIONS.map((version) => `digest-${version}`))),
    configs: fc.option(fc.subarray(VERSIONS.flatMap((version) => [`config-${version}-0`, `config-${version}-1`]))),
  });

const somePool = fc.integer({ min: 1, max: 5 }).chain((count) => fc.tuple(...Array.from({ length: count }, (_, index) => somePast(`web-${index}`))));
const someAsked = fc.record({ application: fc.constant('web'), to: fc.constantFrom('previous', ...VERSIONS), pasts: somePool, quarantined: fc.subarray(VERSIONS).map((blocked) => new Set(blocked)) });

describe('laws of every way back', () => {
  test('it touches only hosts that are not there yet, each once, and at least one', () => {
    fc.assert(
      fc.property(someAsked, (asked) => {
        const chosen = chooseWayBack(asked);
        if ('refusal' in chosen) return;
        expect(chosen.goals.length).toBeGreaterThan(0);
        expect(new Set(chosen.goals.map(({ host }) => host)).size).toBe(chosen.goals.length);
        for (const { host, install } of chosen.goals) {
          const now = asked.pasts.find((past) => past.host === host)?.installs.at(-1);
          expect([now?.digest, now?.config]).not.toEqual([install.digest, install.config]);
        }
      }),
      { numRuns: 2000 },
    );
  });

  test('every host gets something it ran below what it runs now, that is kept with its configuration and not quarantined', () => {
    fc.assert(
      fc.property(someAsked, (asked) => {
        const chosen = chooseWayBack(asked);
        if ('refusal' in chosen) return;
        for (const { host, install } of chosen.goals) {
          const past = asked.pasts.find((one) => one.host === host);
          expect(stackOf(past?.installs ?? []).slice(0, -1)).toContainEqual(install);
          expect(past?.kept === null || past?.kept.includes(install.digest ?? '')).toBe(true);
          expect(past?.configs === null || past?.configs.includes(install.config ?? '')).toBe(true);
          expect(asked.quarantined.has(install.version ?? '')).toBe(false);
          expect(asked.to === 'previous' || asked.to === install.version).toBe(true);
        }
      }),
      { numRuns: 2000 },
    );
  });

  test('every version a refusal offers can be had', () => {
    fc.assert(
      fc.property(someAsked, (asked) => {
        const chosen = chooseWayBack(asked);
        if (!('refusal' in chosen)) return;
        for (const to of chosen.refusal.available) expect(chooseWayBack({ ...asked, to })).toHaveProperty('goals');
      }),
      { numRuns: 2000 },
    );
  });

  test('after n releases, k rollbacks in a row lead to the version k back, and the one after the first is refused', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), (count) => {
        const releases = Array.from({ length: count }, (_, index): Install => ({ application: 'web', version: `v${index}`, digest: `d${index}`, config: `c${index}` }));
        let installs: readonly Install[] = releases;
        for (let back = count - 2; back >= 0; back -= 1) {
          const chosen = chooseWayBack({ application: 'web', to: 'previous', pasts: [{ host: 'a', application: 'web', installs, kept: null, configs: null }], quarantined: new Set() });
          expect(chosen).toEqual({ goals: [{ host: 'a', install: releases[back] }] });
          installs = [...installs, releases[back] as Install];
        }
        expect(chooseWayBack({ application: 'web', to: 'previous', pasts: [{ host: 'a', application: 'web', installs, kept: null, configs: null }], quarantined: new Set() })).toMatchObject({ refusal: { code: 'nothing-before' } });
      }),
    );
  });
});
