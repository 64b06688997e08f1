import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { closedBy } from '../../../domain/watchdog/finding.ts';
import { isDiskNearlyFull, isSkewed, lookAtVitals, VITAL_KINDS } from '../../../domain/watchdog/vitals.ts';
import type { AnsweredProbe, HostProbe, HostVitals } from '../../../domain/liveness.ts';

const OWN = 'a'.repeat(64);
const WELL: HostVitals = { freeBytes: 50, diskBytes: 100, skewMs: 0, program: OWN };
const probe = (vitals: Partial<HostVitals> = {}, host = 'web-01'): AnsweredProbe => ({ host, answered: true, at: '2026-01-01T00:00:00.000Z', vitals: { ...WELL, ...vitals }, applications: [], marker: null, maxEpoch: 0 });
const silent = (host = 'web-01'): HostProbe => ({ host, answered: false, at: '2026-01-01T00:00:00.000Z', message: 'nobody is there' });
const judged = (probes: readonly HostProbe[], open: readonly string[] = []) => lookAtVitals(probes, { program: OWN, open: new Set(open) });
const every = (host: string) => VITAL_KINDS.map((kind) => ({ id: `${kind}/${host}`, kind }));

describe('a host', () => {
  test.each<[string, HostProbe, readonly string[]]>([
    ['that is well is no finding', probe(), []],
    ['that is silent is one, and says why', silent(), ['host-unreachable']],
    ['whose disk is nearly full is one', probe({ freeBytes: 4 }), ['disk-nearly-full']],
    ['whose disk is full to the last byte is one', probe({ freeBytes: 0 }), ['disk-nearly-full']],
    ['whose clock is ahead is one', probe({ skewMs: 5_001 }), ['clock-skewed']],
    ['whose clock is behind is one', probe({ skewMs: -7_200_000 }), ['clock-skewed']],
    ['with another host program is one', probe({ program: 'b'.repeat(64) }), ['host-program-old']],
    ['whose host program is too old to tell what it is is one', probe({ program: 'version 1' }), ['host-program-old']],
    ['with everything at once is all of them', probe({ freeBytes: 1, skewMs: 60_000, program: 'version 1' }), ['disk-nearly-full', 'clock-skewed', 'host-program-old']],
    ['that tells nothing of its machine is no finding', probe({ freeBytes: null, diskBytes: null, skewMs: null, program: null }), []],
  ])('%s', (_what, seen, kinds) => {
    const { found } = judged([seen]);
    expect(found.map(({ kind }) => kind)).toEqual(kinds);
    for (const { id, kind, subject, sentence, repair } of found) {
      expect({ id, subject }).toEqual({ id: `${kind}/web-01`, subject: 'web-01' });
      expect(sentence).toContain('web-01');
      expect(repair).not.toBe('');
    }
  });

  test('is not judged by its program where the worker does not know its own', () => {
    expect(lookAtVitals([probe({ program: 'version 1' })], { program: null, open: new Set() }).found).toEqual([]);
  });
});

describe('a finding about a host', () => {
  test('goes when the host is well again', () => {
    expect(closedBy(judged([probe()]), every('web-01'))).toEqual(every('web-01').map(({ id }) => id));
  });

  test('stays while the host is silent: nobody knows; only its silence is told', () => {
    expect(closedBy(judged([silent()]), every('web-01'))).toEqual([]);
    expect(closedBy(judged([probe({ diskBytes: null, skewMs: null, program: null })]), every('web-01'))).toEqual(['host-unreachable/web-01']);
  });

  test('stays whatever is told of other hosts', () => {
    fc.assert(fc.property(fc.boolean(), (isSilent) => {
      expect(closedBy(judged([isSilent ? silent('web-02') : probe({}, 'web-02')]), every('web-01'))).toEqual([]);
    }));
  });

  test('does not come and go with what sways around one limit', () => {
    fc.assert(fc.property(fc.integer({ min: 5, max: 6 }), fc.integer({ min: 3_001, max: 5_000 }), (freePercent, skewMs) => {
      const swaying = probe({ freeBytes: freePercent, skewMs });
      expect(judged([swaying]).found).toEqual([]);
      const open = ['disk-nearly-full/web-01', 'clock-skewed/web-01'];
      expect(judged([swaying], open).found.map(({ id }) => id)).toEqual(open);
    }));
  });

  test('that is so stays so for every worse value, and none is worse than well', () => {
    fc.assert(fc.property(fc.nat(1000), fc.nat(1000), fc.boolean(), (one, more, wasSo) => {
      if (isDiskNearlyFull(one + more, 2000, wasSo)) expect(isDiskNearlyFull(one, 2000, wasSo)).toBe(true);
      if (isSkewed(one * 100, wasSo)) expect(isSkewed(-(one + more) * 100, wasSo)).toBe(true);
      if (isSkewed(one * 100, false)) expect(isSkewed(one * 100, true)).toBe(true);
    }));
  });

  test('about a clock that drifts on a little is not reworded', () => {
    const [one] = judged([probe({ skewMs: 70_100 })]).found;
    const [other] = judged([probe({ skewMs: 91_900 })]).found;
    expect(one).toEqual(other);
  });
});
