import { describe, expect, test } from 'vitest';
import { effectiveStrategy } from '../../domain/release-kind.ts';
import { decide } from '../../domain/release/decide.ts';
import { rollbackWarnings } from '../../domain/rollback-plan.ts';
import { isOwnWay, leadsNowhere, ownWayBack, unclearFor, versionNamed, waysTo, wayText } from '../../domain/strategy-way-back.ts';
import { chooseAhead } from '../../domain/way-back.ts';
import { Play, STRATEGY, fleet } from './release/simulated-release.ts';
import type { StrategySpec } from '../../domain/inventory.ts';
import type { HostPast } from '../../domain/way-back.ts';

const web = { application: 'web', version: '3' };
const api = { application: 'api', version: '7' };

function strategy(to?: string): StrategySpec {
  return { ...STRATEGY, name: 'golden', rollback: { ...STRATEGY.rollback, ...(to === undefined ? {} : { to }) } };
}

describe('where a strategy sends rollbacks', () => {
  test('is read as a version alone or of an application', () => {
    expect([versionNamed('1.4.0'), versionNamed('web@1.4.0')]).toEqual([{ application: null, version: '1.4.0' }, { application: 'web', version: '1.4.0' }]);
  });

  test('is what each host ran before, unless it names a version', () => {
    for (const own of [strategy(), strategy('previous')]) expect(ownWayBack({ kind: 'rollout', strategy: own, changes: [web] })).toBe('previous');
    expect(ownWayBack({ kind: 'hotfix', strategy: strategy('1'), changes: [web] })).toEqual({ web: '1' });
  });

  test('is of the one application that is changed, or of the one it names', () => {
    expect(waysTo('1', [web])).toEqual({ web: '1' });
    expect(waysTo('api@1', [web, api])).toEqual({ api: '1' });
    expect(waysTo('1', [web, api])).toBe('previous');
  });

  test('says nothing about a release that does not change that application: what it did not bring it does not take back', () => {
    expect(waysTo('api@1', [web])).toBe('previous');
  });

  test('does not concern a rollback, which is planned by itself, nor a scale-out, whose hosts have run nothing older', () => {
    expect(ownWayBack({ kind: 'rollback', strategy: strategy('1'), changes: [web] })).toBe('previous');
    expect(effectiveStrategy('scale-out', strategy('1'), 'prod').rollback).toEqual(STRATEGY.rollback);
    for (const kind of ['rollout', 'hotfix', 'redeploy'] as const) expect(effectiveStrategy(kind, strategy('1'), 'prod').rollback.to).toBe('1');
  });

  test('must name the application where the pool serves several, and one that it serves', () => {
    const pool = { name: 'shop', applications: ['web', 'api'] };
    expect(unclearFor(strategy('1'), pool)).toBe('strategy golden sends rollbacks to 1 and names no application, but pool shop serves web, api: write application@version');
    expect(unclearFor(strategy('job@1'), pool)).toBe('strategy golden sends rollbacks to job@1, but pool shop serves web, api');
    for (const clear of [strategy(), strategy('api@1')]) expect(unclearFor(clear, pool)).toBeNull();
    expect(unclearFor(strategy('1'), { name: 'one', applications: ['web'] })).toBeNull();
  });

  test('must not be the version that the release brings', () => {
    expect(leadsNowhere(strategy('3'), [web])).toBe('strategy golden sends rollbacks to web 3, which is the version this release brings');
    expect(leadsNowhere(strategy('web@3'), [api, web])).not.toBeNull();
    for (const to of ['1', 'web@7', 'job@3', undefined]) expect(leadsNowhere(strategy(to), [web, api])).toBeNull();
  });
});

describe('what a person asks of a running release', () => {
  const running = (to?: string) => new Play({ hosts: fleet(4), strategy: strategy(to) }).state;
  const back = (own: string | undefined, to: string | null) => {
    const decision = decide(running(own), { id: 'c', by: { kind: 'token', name: 'op' }, type: 'rollback', reason: 'bad', mode: null, to }, { now: '2026-01-01T00:00:00Z', inWork: [], begunNow: [] });
    return 'refusal' in decision ? decision.refusal.message : decision.events.map(({ type }) => type);
  };

  test('is granted when it is the release’s own way back, named or not', () => {
    for (const [own, to] of [[undefined, null], [undefined, 'previous'], ['v1', null], ['v1', 'v1'], ['v1', 'web@v1']] as const) expect(back(own, to), `${own} ${to}`).toEqual(['release-rolled-back']);
  });

  test('is refused when it is another one, and told which it is', () => {
    expect(back('v1', 'v0')).toContain('returns each host to web v1. Roll it back first');
    expect(back('v1', 'previous')).toContain('returns each host to web v1. Roll it back first');
    expect(back(undefined, 'v0')).toContain('returns each host to what it ran before. Roll it back first');
    expect(back(undefined, 'job@v0')).toContain('returns each host to what it ran before. Roll it back first');
  });

  test('names every application of the way', () => {
    expect(wayText({ web: '1', api: '2' })).toBe('web 1, api 2');
    expect(isOwnWay('web@1', [web, api], { web: '1', api: '2' })).toBe(false);
  });
});

describe('choosing it before the release', () => {
  const install = (version: string) => ({ application: 'web', version, digest: `d${version}`, config: `c${version}` });
  const past = (host: string, versions: readonly string[], more: Partial<HostPast> = {}): HostPast => ({ host, application: 'web', installs: versions.map(install), kept: null, configs: null, ...more });
  const choose = (to: string, pasts: readonly HostPast[], quarantined: readonly string[] = []) => chooseAhead({ application: 'web', to, pasts, quarantined: new Set(quarantined) }, '9');

  test('gives every host a goal, also those that run the version now', () => {
    expect(choose('1', [past('a', ['1', '2']), past('b', ['1'])])).toEqual({ goals: [{ host: 'a', install: install('1') }, { host: 'b', install: install('1') }] });
    expect(choose('2', [past('a', ['1', '2'])])).toEqual({ goals: [{ host: 'a', install: install('2') }] });
  });

  test('is refused where a host does not keep it, with the versions that every host keeps, the running one included and the new one not', () => {
    expect(choose('1', [past('a', ['9', '1', '2', '3']), past('b', ['9', '1', '2', '3'], { kept: ['d9', 'd2', 'd3'] })])).toEqual({
      refusal: { code: 'not-kept', message: 'web 1 is not kept on b, together with the run configuration it ran with.', available: ['3', '2'] },
    });
    expect(choose('1', [past('a', [])])).toMatchObject({ refusal: { code: 'not-kept', available: [] } });
    expect(choose('1', [past('a', ['1', '2'], { configs: ['c2'] })])).toMatchObject({ refusal: { code: 'not-kept', available: ['2'] } });
  });

  test('is refused where the version is quarantined', () => {
    expect(choose('1', [past('a', ['1', '2'])], ['1'])).toEqual({ refusal: { code: 'quarantined', message: 'web 1 is quarantined, and a rollback never leads onto a quarantined version.', available: ['2'] } });
  });
});

test('the warnings of a plan say that a rollback leaves the pool on two versions', () => {
  expect(rollbackWarnings({ mode: 'regular', batchPercent: 33, to: { web: '1' }, targets: [] })).toEqual(['A rollback brings the hosts that this release touched to web 1; hosts it did not touch keep what they run.']);
});
