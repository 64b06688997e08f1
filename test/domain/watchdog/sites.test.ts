/** When a site counts as silent, and what is told of it. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { closedBy } from '../../../domain/watchdog/finding.ts';
import { lookAtSites, SITE_SILENCE_MS_MAX } from '../../../domain/watchdog/sites.ts';

const open = [{ id: 'site-silent/west', kind: 'site-silent' }];
const west = { site: 'west', hosts: ['web-01'] };

describe('a site that hosts name', () => {
  test('for which nobody asks for work is a finding that says what waits and which command helps', () => {
    const hosts = ['web-01', 'web-02', 'web-03', 'web-04', 'web-05', 'web-06', 'web-07'];
    expect(lookAtSites([{ site: 'west', hosts, askedAgoMs: null }]).found).toEqual([
      {
        id: 'site-silent/west',
        kind: 'site-silent',
        subject: 'west',
        sentence: 'No worker of site west asks Temporal for work: all of them are gone, or their line is cut.',
        matters: expect.stringMatching(/^web-01, web-02, web-03, web-04, web-05 and 2 more cannot be reached\. Releases wait for them/),
        repair: 'signalbox site-worker --site west',
      },
    ]);
  });

  test('is silent exactly when nobody asked for longer than one question stays open, each site by itself', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ site: fc.constantFrom('a', 'b', 'c', 'd'), hosts: fc.constant(['web-01']), askedAgoMs: fc.oneof(fc.constant(null), fc.nat({ max: 300_000 })) })), (looks) => {
        const silent = looks.filter(({ askedAgoMs }) => askedAgoMs === null || askedAgoMs > SITE_SILENCE_MS_MAX).map(({ site }) => site);
        expect(lookAtSites(looks).found.map(({ subject }) => subject)).toEqual(silent);
      }),
    );
  });

  test('is no finding any more once somebody asks, or once no host names it', () => {
    expect(closedBy(lookAtSites([{ ...west, askedAgoMs: 30_000 }]), open)).toEqual(['site-silent/west']);
    expect(closedBy(lookAtSites([]), open)).toEqual(['site-silent/west']);
    expect(closedBy(lookAtSites([{ ...west, askedAgoMs: null }]), open)).toEqual([]);
  });

  test('is not judged while Temporal says nothing: what was found stays, and nothing new is found', () => {
    const look = lookAtSites([{ ...west, askedAgoMs: 'unknown' }]);
    expect(look.found).toEqual([]);
    expect(closedBy(look, open)).toEqual([]);
  });
});
