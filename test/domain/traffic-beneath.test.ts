import { describe, expect, test } from 'vitest';
import { driftOf } from '../../domain/drift.ts';
import { restoreSteps } from '../../domain/rollback.ts';
import { admittedTo, staysOut, trafficBeneath, unflagged } from '../../domain/traffic-beneath.ts';
import type { Observation } from '../../domain/release/target.ts';

const READY: Observation = {
  applications: [{ application: 'web', digest: 'd1', config: 'c1', version: '1', process: { pid: 1, startTicks: 2, bootId: 'b' }, unmanaged: false }],
  traffic: { admin: 'ready', operational: 'up', weight: 100, connections: 0, inService: true },
  freeBytes: 1,
};
const HELD: Observation = { ...READY, traffic: { ...READY.traffic, admin: 'drain', inService: false }, flags: { down: ['operator'], beneath: { weight: 100 } } };
const { flags: _flags, ...BY_HAND }: Observation = HELD;

describe('beneath the flags', () => {
  test('a server that only flags took out stands ready with its weight; one that a hand drained stands drained', () => {
    expect(trafficBeneath(HELD)).toEqual({ admin: 'ready', weight: 100 });
    expect(trafficBeneath(BY_HAND)).toEqual({ admin: 'drain', weight: 100 });
  });

  test('a flag that is lowered or raised in the middle of a release is no drift', () => {
    expect(driftOf(unflagged(READY), unflagged(HELD))).toEqual([]);
    expect(driftOf(unflagged(HELD), unflagged(READY))).toEqual([]);
    expect(driftOf(unflagged(READY), unflagged(BY_HAND))).toHaveLength(1);
  });

  test('a rollback finds a host untouched under a flag that was down all the time', () => {
    expect(restoreSteps(unflagged(HELD), unflagged(HELD), null)).toEqual([]);
  });

  test('a rollback admits a host whose flag was raised before the release drained it', () => {
    expect(restoreSteps(unflagged(HELD), unflagged(BY_HAND), 'drain')).toEqual(['admit']);
  });
});

describe('a release', () => {
  test('leaves out a host whose flag is down or that a hand drained, and no other', () => {
    expect([HELD, BY_HAND, READY].map(staysOut)).toEqual([true, true, false]);
    expect(staysOut({ ...READY, flags: { down: ['health'], beneath: null } })).toBe(true);
    expect(staysOut({ ...HELD, flags: { down: [], beneath: { weight: 100 } } })).toBe(false);
  });

  test('admits to what is beneath the flags, forward also to what an earlier release found', () => {
    expect(admittedTo(HELD, 'back')).toEqual({ admin: 'ready', weight: 100 });
    const left: Observation = { ...BY_HAND, leftBy: { release: 'r-0', admin: 'ready', weight: 50 } };
    expect(admittedTo(left, 'forward')).toMatchObject({ admin: 'ready', weight: 50 });
    expect(admittedTo(left, 'back')).toEqual({ admin: 'drain', weight: 100 });
  });
});
