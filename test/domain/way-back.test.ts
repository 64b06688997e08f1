import { describe, expect, test } from 'vitest';
import { chooseWayBack, stackOf, versionsBack } from '../../domain/way-back.ts';
import type { Install } from '../../domain/rollback-plan.ts';
import type { HostPast } from '../../domain/way-back.ts';

const NOBODY: ReadonlySet<string> = new Set();

function install(version: string, config = `config-${version}`): Install {
  return { application: 'web', version, digest: `digest-${version}`, config };
}

const ABSENT: Install = { application: 'web', version: null, digest: null, config: null };

function past(host: string, versions: readonly string[], more: Partial<HostPast> = {}): HostPast {
  return { host, application: 'web', installs: versions.map((version) => install(version)), kept: null, configs: null, ...more };
}

function choose(to: string, pasts: readonly HostPast[], quarantined = NOBODY) {
  return chooseWayBack({ application: 'web', to, pasts, quarantined });
}

describe('what a host ran', () => {
  test('is a stack: a rollback takes off what stood above', () => {
    expect(stackOf(['1', '2', '3', '2'].map((version) => install(version))).map(({ version }) => version)).toEqual(['1', '2']);
  });

  test('tells two configurations of one version apart', () => {
    expect(stackOf([install('1', 'a'), install('1', 'b')])).toHaveLength(2);
  });
});

describe('going back', () => {
  test('to the version before, after a rollback, leads one further back and not forward again', () => {
    expect(choose('previous', [past('a', ['1', '2', '3', '2'])])).toEqual({ goals: [{ host: 'a', install: install('1') }] });
  });

  test('two versions at once leads to the install that still stands below, not to one that was taken back since', () => {
    const installs = [install('1', 'old'), install('2'), install('1', 'new'), install('2'), install('3')];
    expect(choose('1', [past('a', [], { installs })])).toEqual({ goals: [{ host: 'a', install: install('1', 'old') }] });
  });

  test('to what every host runs is refused as identical and names it', () => {
    expect(choose('2', [past('a', ['1', '2']), past('b', ['1', '2'])])).toMatchObject({ refusal: { code: 'identical', message: 'Every host runs web 2 already.', available: ['1'] } });
  });

  test('leaves hosts alone that run it already', () => {
    expect(choose('1', [past('a', ['1', '2']), past('b', ['2', '1'])])).toEqual({ goals: [{ host: 'a', install: install('1') }] });
  });

  test('to a version that one host no longer keeps is refused, names the host, and tells what can be had', () => {
    const pasts = [past('a', ['1', '2', '3']), past('b', ['1', '2', '3'], { kept: ['digest-2', 'digest-3'] })];
    expect(choose('1', pasts)).toMatchObject({ refusal: { code: 'not-kept', message: expect.stringContaining('not kept on b'), available: ['2'] } });
  });

  test('to a version whose run configuration is gone is refused', () => {
    expect(choose('1', [past('a', ['1', '2'], { kept: ['digest-1', 'digest-2'], configs: ['config-2'] })])).toMatchObject({ refusal: { code: 'not-kept', available: [] } });
  });

  test('to a version nobody heard of is refused', () => {
    expect(choose('9', [past('a', ['1', '2'])])).toMatchObject({ refusal: { code: 'not-kept', available: ['1'] } });
  });

  test('before the first version there is nothing: that is what taking back the first release does', () => {
    expect(choose('previous', [past('a', [], { installs: [ABSENT, install('1')] })])).toMatchObject({ refusal: { code: 'nothing-before', available: [] } });
    expect(choose('previous', [past('a', [])])).toMatchObject({ refusal: { code: 'nothing-before' } });
  });

  test('never leads onto a quarantined version, nor offers one', () => {
    const pasts = [past('a', ['1', '2', '3'])];
    const quarantined = new Set(['2']);
    expect(choose('2', pasts, quarantined)).toMatchObject({ refusal: { code: 'quarantined', available: ['1'] } });
    expect(choose('previous', pasts, quarantined)).toMatchObject({ refusal: { code: 'quarantined', available: ['1'] } });
    expect(choose('1', pasts, quarantined)).toMatchObject({ goals: [{ host: 'a' }] });
  });

  test('each host to its own version before, where they differ', () => {
    const chosen = choose('previous', [past('a', ['1', '3']), past('b', ['2', '3'])]);
    expect(chosen).toEqual({ goals: [{ host: 'a', install: install('1') }, { host: 'b', install: install('2') }] });
  });

  test('tells the versions that can be had newest first, each once', () => {
    const pasts = [past('a', ['1', '2', '3', '4']), past('b', ['1', '2', '3', '4'])];
    expect(versionsBack({ application: 'web', to: 'previous', pasts, quarantined: NOBODY })).toEqual(['3', '2', '1']);
  });
});
