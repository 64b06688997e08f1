import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { eventLine, storyTeller, toldEventTypes } from '../../../cli/render/event-line.ts';
import { eventLike } from '../recorded-server.ts';

const PLAIN = { color: false, verbose: false };

describe('one line per event', () => {
  test('every event type of a release has a sentence of its own', () => {
    const source = readFileSync(new URL('../../../domain/release/events.ts', import.meta.url), 'utf8');
    const types = new Set([...source.matchAll(/^ {2}'([a-z-]+)': /gm)].map(([, type]) => type));
    expect(types.size).toBeGreaterThan(30);
    expect([...toldEventTypes()].sort()).toEqual([...types].sort());
  });

  test.each([
    ['batch-finished', { index: 2, part: 'whole', succeeded: 3, failed: [{ host: 'web-07' }] }, '10:00:07Z ✖ batch 2 whole finished: 3 succeeded, 1 failed: web-07'],
    ['batch-jumped', { index: 4, over: [2, 3], reason: 'idc-b is down' }, '10:00:07Z ⚠ batch 4 comes next, before batch 2, batch 3: idc-b is down'],
    ['brake-applied', { index: 2, sentence: '1 of 0 tolerated targets failed.', then: 'rollback' }, '10:00:07Z ✖ brake: 1 of 0 tolerated targets failed. Next: rollback.'],
    ['target-step-succeeded', { host: 'web-07', step: 'admit', direction: 'back', result: {} }, '10:00:07Z ✔ web-07 restored and back in service'],
    ['target-step-succeeded', { host: 'web-08', step: 'verify', direction: 'forward', result: { observedVersion: { web: '2.0.0' } } }, '10:00:07Z ✔ web-08 answers web 2.0.0'],
    ['release-succeeded', { debt: [{ host: 'web-07' }] }, '10:00:07Z ⚠ release succeeded with debt on 1 hosts'],
    ['deadline-extended', { which: 'release', ms: 95_400, reason: 'the balancer was away' }, '10:00:07Z ‖ deadline release put off by 95s: the balancer was away'],
    ['deadline-reached', { which: 'progress', limitSeconds: 600, hosts: ['b'], reason: 'No target of batch 1 has finished for 600 s. In work: b (verify)' }, '10:00:07Z ⚠ deadline progress reached: No target of batch 1 has finished for 600 s. In work: b (verify)'],
    ['something-new', { host: 'web-07' }, '10:00:07Z ⟳ something-new'],
  ])('%s with %j reads as one sentence', (type, data, line) => {
    expect(eventLine(eventLike(7, type, data), PLAIN)).toBe(line);
  });

  test('a person who acted is named', () => {
    const event = eventLike(7, 'paused', { cause: 'operator', reason: 'lunch' }, { kind: 'token', name: 'ann' });
    expect(eventLine(event, PLAIN)).toBe('10:00:07Z ‖ paused (operator): lunch (by ann)');
  });

  test('steps of single targets are left out unless verbose', () => {
    const event = eventLike(7, 'target-step-begun', { host: 'web-07', step: 'drain', direction: 'forward' });
    expect(eventLine(event, PLAIN)).toBeNull();
    expect(eventLine(event, { ...PLAIN, verbose: true })).toBe('10:00:07Z ⟳ web-07 drain begun');
  });

  test('data of another shape than expected never breaks the line', () => {
    for (const type of toldEventTypes()) {
      for (const data of [{}, { failed: null, hosts: 7, plan: [], failure: 'x', result: null, index: {} }]) {
        expect(eventLine(eventLike(7, type, data), { ...PLAIN, verbose: true })).toMatch(/^10:00:07Z . \S/);
      }
    }
  });

  test('an error message with line breaks and escapes stays one harmless line', () => {
    const event = eventLike(7, 'target-step-failed', { host: 'web-07', step: 'start', direction: 'forward', failure: { message: 'a\n::error::b\u001b[2J' } });
    expect(eventLine(event, PLAIN)).toBe('10:00:07Z ✖ web-07 start failed: a�::error::b�[2J');
  });
});

test('told one after the other, the bastion and the watch go by their names once the plan is known', () => {
  const tell = storyTeller(PLAIN);
  const bake = (index: number) => eventLike(7, 'bake-started', { index, seconds: 2 });
  expect(tell(bake(0))).toBe('10:00:07Z ‖ batch 0 bakes for 2s');
  tell(eventLike(7, 'plan-made', { plan: { batches: [{ kind: 'bastion' }, { kind: 'batch' }], capacity: { hosts: 4, floor: 2 } } }));
  expect([0, 1, 2].map((index) => tell(bake(index)))).toEqual(['10:00:07Z ‖ bastion bakes for 2s', '10:00:07Z ‖ batch 1 bakes for 2s', '10:00:07Z ‖ the watch bakes for 2s']);
});
