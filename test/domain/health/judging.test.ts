import { describe, expect, test } from 'vitest';
import { judgeCommand } from '../../../domain/health/command.ts';
import { judgeListener } from '../../../domain/health/listener.ts';
import { judgeProcess } from '../../../domain/health/process.ts';
import { judgeTcp } from '../../../domain/health/tcp.ts';
import { failing, passed } from '../../../domain/health/verdict.ts';

const PROCESS = { pid: 4711, startTicks: 99, bootId: 'boot-1' };

describe('a port', () => {
  test('passes when it takes a connection', () => {
    expect(judgeTcp(true)).toEqual({ pass: true, observedVersion: null });
    expect(judgeTcp(false)).toEqual({ pass: false, reason: 'nobody takes connections', observedVersion: null });
  });
});

describe('a command', () => {
  const probe = { command: ['./probe'], timeoutSeconds: 7 };
  test.each([
    { status: 0, timedOut: false, wanted: { pass: true } },
    { status: 1, timedOut: false, wanted: { pass: false, reason: 'it ended with 1' } },
    { status: 137, timedOut: false, wanted: { pass: false, reason: 'it ended with 137' } },
    { status: 137, timedOut: true, wanted: { pass: false, reason: 'it took longer than 7 s and was ended' } },
    { status: 0, timedOut: true, wanted: { pass: false, reason: 'it took longer than 7 s and was ended' } },
  ])('that ends with $status (timed out: $timedOut) is judged so, and may be run again', ({ status, timedOut, wanted }) => {
    expect(judgeCommand(probe, { status, timedOut })).toEqual({ observedVersion: null, ...wanted });
  });

  test.each([126, 127])('whose program cannot be run (%i) can never pass', (status) => {
    expect(judgeCommand(probe, { status, timedOut: false })).toMatchObject({ pass: false, cause: 'unsupported' });
  });

  test('whose end cannot be read has failed', () => {
    expect(judgeCommand(probe, { status: Number.NaN, timedOut: false })).toMatchObject({ pass: false });
  });
});

describe('a process', () => {
  test('is the same only if number, start and boot agree', () => {
    expect(judgeProcess(PROCESS, { ...PROCESS })).toBe('same');
    expect(judgeProcess(PROCESS, { ...PROCESS, pid: 1 })).toBe('replaced');
    expect(judgeProcess(PROCESS, { ...PROCESS, startTicks: 1 })).toBe('replaced');
    expect(judgeProcess(PROCESS, { ...PROCESS, bootId: 'boot-2' })).toBe('replaced');
  });

  test('that is gone has exited, whatever was started', () => {
    expect(judgeProcess(PROCESS, null)).toBe('exited');
    expect(judgeProcess(null, null)).toBe('exited');
  });

  test('of which nothing is known may be any', () => {
    expect(judgeProcess(null, PROCESS)).toBe('same');
  });
});

describe('who holds the port', () => {
  test('takes back the pass of another process, and that may still heal', () => {
    expect(judgeListener(passed('2'), 'other', '8080')).toEqual({ pass: false, reason: 'port 8080 is held by another process than the one this release started', observedVersion: null, cause: 'port-taken' });
  });

  test.each(['own', 'unknown'] as const)('leaves a pass alone when it is %s', (seen) => {
    expect(judgeListener(passed('2'), seen, '8080')).toEqual(passed('2'));
  });

  test('says nothing about a failure, which has its own reason', () => {
    expect(judgeListener(failing('nobody answered'), 'other', '8080')).toEqual(failing('nobody answered'));
  });
});
