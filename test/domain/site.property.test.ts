/** Names and times of calls to a site, for calls of any kind. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { siteCallId, siteCallTimes, siteQueue } from '../../domain/site.ts';

const VERBS = ['observe', 'fence', 'fetch', 'unpack', 'configure', 'stop', 'switch', 'start', 'verify', 'check', 'hook', 'restore', 'clean'];
const LOOKS = new Set(['observe', 'verify', 'check']);
const word = fc.stringMatching(/^[a-z0-9/-]{1,20}$/);
const call = fc.record({ host: fc.constantFrom('web-01', 'web-02'), verb: fc.constantFrom(...VERBS), input: fc.record({ opId: word, epoch: fc.constantFrom('1', '2') }) });

describe('the id of a call', () => {
  test('is the same exactly for the same operation of the same epoch on the same host, whoever asks', () => {
    fc.assert(
      fc.property(call, call, (one, other) => {
        fc.pre(!LOOKS.has(one.verb) && !LOOKS.has(other.verb));
        const same = JSON.stringify(one) === JSON.stringify(other);
        expect(siteCallId(one, 'a') === siteCallId(other, 'b')).toBe(same);
      }),
    );
    expect(siteCallId({ host: 'web-01', verb: 'stop', input: { opId: 'o', epoch: '1' } }, 'a')).toBe(siteCallId({ host: 'web-01', verb: 'stop', input: { opId: 'o', epoch: '1' } }, 'b'));
  });

  test('is never shared by calls that only look, or that name no operation', () => {
    fc.assert(
      fc.property(call, (one) => {
        const asked = LOOKS.has(one.verb) ? one : { ...one, input: {} };
        expect(siteCallId(asked, 'a')).not.toBe(siteCallId(asked, 'b'));
      }),
    );
  });

  test('stays within what Temporal takes, also for the longest names', () => {
    const long = 'x'.repeat(63);
    expect(siteCallId({ host: long, verb: 'configure', input: { opId: `r-0123456789ab/1/${long}/${long}/before-start.19/forward/99`, epoch: '99999999' } }, '').length).toBeLessThan(1_000);
  });
});

describe('the times of a call', () => {
  test('leave the host all of its time, tell a site that is away before it is over, and end by themselves', () => {
    fc.assert(
      fc.property(fc.integer({ min: 100, max: 3_600_000 }), (timeoutMs) => {
        const { takeUpMs, runMs, signOfLifeMs, wholeMs } = siteCallTimes(timeoutMs);
        expect(runMs).toBeGreaterThan(timeoutMs);
        expect(takeUpMs).toBeLessThanOrEqual(5_000);
        // A step of two seconds or more would otherwise end as the host's failure while its site is away.
        if (timeoutMs >= 2_000) expect(takeUpMs).toBeLessThan(timeoutMs);
        expect(wholeMs).toBe(takeUpMs + runMs + signOfLifeMs);
        expect(signOfLifeMs).toBeLessThanOrEqual(3_000);
      }),
    );
  });
});

test('each site of an installation has a queue of its own', () => {
  expect(siteQueue('signalbox', 'east')).toBe('signalbox/site/east');
  expect(siteQueue('signalbox', 'east')).not.toBe(siteQueue('signalbox', 'west'));
});
