/** Whose silence it was: laws of the verdict over every standing of things. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RETURN_MS, absence, judgeSilence } from '../../domain/agent-silence.ts';
import type { Silence } from '../../domain/agent-silence.ts';

const ms = fc.integer({ min: 0, max: 600_000 });
const silence: fc.Arbitrary<Silence> = fc.record({
  host: fc.constant('web-01'), verb: fc.constant('observe'), waitedMs: ms,
  deskOpenMs: fc.option(ms), seenMsAgo: fc.option(ms), handedMsAgo: fc.option(ms),
});

test('while no API process is there for agents, no host is ever to blame', () => {
  fc.assert(fc.property(silence, (one) => {
    expect(judgeSilence({ ...one, deskOpenMs: null }).fault).toBe('executor');
  }));
});

test('an API that was there all the time a call was waited for, or long enough for agents to return, leaves the fault with the host', () => {
  fc.assert(fc.property(silence, ms, (one, moreMs) => {
    expect(judgeSilence({ ...one, deskOpenMs: Math.min(one.waitedMs, RETURN_MS) + moreMs }).fault).toBe('host');
  }));
});

test('an API that only just came back is given the time that agents need to return', () => {
  fc.assert(fc.property(silence, ms, (one, ago) => {
    fc.pre(ago < Math.min(one.waitedMs, RETURN_MS));
    expect(judgeSilence({ ...one, deskOpenMs: ago }).fault).toBe('executor');
  }));
});

test('the longer the API was there the less it is at fault, whatever else is so', () => {
  fc.assert(fc.property(silence, ms, ms, (one, a, b) => {
    const [shorter, longer] = [Math.min(a, b), Math.max(a, b)];
    if (judgeSilence({ ...one, deskOpenMs: shorter }).fault === 'host') expect(judgeSilence({ ...one, deskOpenMs: longer }).fault).toBe('host');
  }));
});

test('each sentence names the host, and what to do or that nothing is', () => {
  fc.assert(fc.property(silence, (one) => {
    const { sentence } = judgeSilence(one);
    expect(sentence).toContain('web-01');
    expect(sentence).toMatch(/may be sent again|by themselves|start signalbox-agent/);
  }));
});

test('a call is made as soon as the agent came after the API did, and after a while in any case', () => {
  fc.assert(fc.property(silence, ms, ms, (one, a, b) => {
    expect(absence({ ...one, deskOpenMs: Math.max(a, b), seenMsAgo: Math.min(a, b) })).toBeNull();
    expect(absence({ ...one, deskOpenMs: RETURN_MS + a })).toBeNull();
  }));
});

test('no call is made while no API process is there, or it came back and the agent did not yet', () => {
  fc.assert(fc.property(silence, fc.integer({ min: 0, max: RETURN_MS - 1 }), fc.option(fc.integer({ min: 1, max: 600_000 })), (one, deskOpenMs, before) => {
    expect(absence({ ...one, deskOpenMs: null })).toContain('web-01');
    expect(absence({ ...one, deskOpenMs, seenMsAgo: before === null ? null : deskOpenMs + before })).toContain('web-01');
  }));
});
