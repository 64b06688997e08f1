import { describe, expect, test } from 'vitest';
import { afterNotNow, leaveByAnswer, leaveByCommand } from '../../domain/not-now.ts';

const by = (status: number, output = '', timedOut = false) => leaveByCommand({ status, output, timedOut });

describe('leave to take a host out', () => {
  test('is given by a command that ends with 0, refused by 75 with its last line for a reason, and nothing else is an answer', () => {
    expect(by(0, 'whatever')).toEqual({ go: true });
    expect(by(75, 'looking\n  a backup runs  \n\n')).toEqual({ notNow: 'a backup runs' });
    expect(by(75)).toEqual({ notNow: 'no reason was given' });
    expect(by(75, 'x'.repeat(999))).toEqual({ notNow: 'x'.repeat(200) });
    expect(by(1, 'no such file')).toEqual({ failed: 'it ended with 1: no such file' });
    expect(by(127)).toEqual({ failed: 'it ended with 127' });
    expect(by(75, 'slow', true)).toEqual({ failed: 'it did not end in its time' });
    expect(by(0, '', true)).toEqual({ failed: 'it did not end in its time' });
  });

  test('is given by an address that answers 2xx, refused by one that says it is busy, and nothing else is an answer', () => {
    for (const status of [200, 204, 299]) expect(leaveByAnswer({ status, body: '' })).toEqual({ go: true });
    for (const status of [409, 423, 425, 429, 503]) expect(leaveByAnswer({ status, body: 'leader' })).toEqual({ notNow: 'leader' });
    for (const status of [199, 302, 404, 500]) expect(leaveByAnswer({ status, body: 'x' })).toEqual({ failed: `the answer was ${status}` });
    expect(leaveByAnswer({ status: 0, body: '' })).toEqual({ failed: 'nobody answered' });
  });

  test('is asked for again until the time is over, then the policy decides', () => {
    for (const then of ['hold', 'force', 'skip'] as const) {
      const policy = { everySeconds: 5, atMostSeconds: 60, then };
      expect([0, 59.9, 60, 600].map((waitedSeconds) => afterNotNow(policy, { waitedSeconds, isUntouched: true }))).toEqual(['again', 'again', then, then]);
    }
  });

  test('leaves no host out by itself on which something may have been done: that asks a person', () => {
    const after = (then: 'hold' | 'force' | 'skip') => afterNotNow({ everySeconds: 5, atMostSeconds: 60, then }, { waitedSeconds: 60, isUntouched: false });
    expect([after('hold'), after('force'), after('skip')]).toEqual(['hold', 'force', 'hold']);
  });
});
