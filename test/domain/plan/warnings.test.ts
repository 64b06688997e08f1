import { describe, expect, test } from 'vitest';
import { WIDE, planInput, planned, strategy } from './fleets.ts';

const warnings = (...args: Parameters<typeof planInput>) => planned(planInput(...args)).warnings;
const RAISED = 'The cap per batch is raised from 33 to 50 % of the pool: a wide night';

describe('warnings of a plan', () => {
  test('a healthy pool and an ordinary strategy give none', () => {
    expect(warnings('iiiiiiii')).toEqual([]);
    expect(warnings('ii', { strategy: strategy({ percent: [100] }) })).toEqual([]);
  });

  test('hosts out of service are counted and named', () => {
    expect(warnings('iiiiiios')).toEqual([
      '2 of 8 hosts are out of service: web-07, web-08.',
      'Released but left out of traffic, as somebody put them: web-08.',
    ]);
  });

  test('long lists are cut after five names', () => {
    expect(warnings('iiiiiiiiooooo', { percentInService: 10 })[0]).toBe('5 of 13 hosts are out of service: web-09, web-10, web-11, web-12, web-13.');
    expect(warnings('iiiiiiiioooooo', { percentInService: 10 })[0]).toBe('6 of 14 hosts are out of service: web-09, web-10, web-11, web-12, web-13 and 1 more.');
  });

  test('a first release says what its rollback means and nothing about nobody being served', () => {
    expect(warnings('oooo', { firstRelease: true })).toEqual([
      'Nothing was released to this pool before: a rollback stops the applications and leaves the hosts out of traffic.',
    ]);
  });

  test('a pool in which nobody serves says so', () => {
    expect(warnings('oooo')).toEqual(['No host of the pool is in service: nobody is served until the first ones join.']);
    expect(warnings('oooo', { firstRelease: false })).toHaveLength(1);
  });

  test('what cannot be undone is named, with what that means', () => {
    expect(warnings('iiiiiiii', { irreversible: [] })).toEqual([]);
    expect(warnings('iiiiiiii', { irreversible: [{ application: 'web', at: 'stop' }, { application: 'web', at: 'after-start', hook: 2 }] })).toEqual([
      'web stop, web after-start.2 cannot be undone: a failure behind it holds the release, and going back across it needs a person who says so.',
    ]);
    expect(planned(planInput('iiii', { irreversible: [{ application: 'web', at: 'stop' }] })).irreversible).toEqual([{ application: 'web', at: 'stop' }]);
    expect(planned(planInput('iiii'))).not.toHaveProperty('irreversible');
  });

  test('a strategy without bastion says so', () => {
    expect(warnings('iiiiiiii', { strategy: strategy({ bastions: 0 }) })).toEqual(['The strategy has no bastion: the first batch takes an unproven build into traffic.']);
    expect(warnings('i', { strategy: strategy({ bastions: 0 }), allowOutage: true, reason: 'x' })).toEqual(['The pool has one host: users are not served while it is released.']);
  });

  test('a batch of more than a third of the pool says so', () => {
    expect(warnings('i'.repeat(100), { strategy: strategy({ percent: [33], maxParallel: 33 }) })).toEqual([]);
    expect(warnings('i'.repeat(100), { ...WIDE, strategy: strategy({ percent: [34], maxParallel: 34 }) })).toEqual([RAISED, 'The widest batch takes 34 of 100 hosts, more than 33 %.']);
    expect(warnings('iiiiiiii', { ...WIDE, strategy: strategy({ percent: [50] }) })).toEqual([RAISED, 'The widest batch takes 4 of 8 hosts, more than 33 %.']);
  });

  test('batches narrowed by the floor are named with their lanes', () => {
    expect(warnings('i'.repeat(8), { percentInService: 75, ...WIDE, strategy: strategy({ percent: [40, 60] }) })).toEqual([
      RAISED,
      'The widest batch takes 4 of 8 hosts, more than 33 %.',
      'The floor of 6 lets only 2 hosts be out at a time in batch 1, 2.',
    ]);
    expect(warnings('i'.repeat(8), { percentInService: 100 })).toEqual(['The floor of 7 lets only 1 host be out at a time in batch 1, 2, 3.']);
  });

  test('lanes narrowed by the strategy alone need no warning', () => {
    expect(warnings('iiiiiiii', { strategy: strategy({ maxParallel: 1 }) })).toEqual([]);
  });
});
