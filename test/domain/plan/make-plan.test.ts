import { describe, expect, test } from 'vitest';
import { WIDE, hostsOf, planInput, planned, refused, strategy } from './fleets.ts';

const ORDINARY = { mode: 'barrier', pauseSeconds: 0, verification: 'required', tolerance: 0 };

describe('a plan', () => {
  test('eight hosts at 25 % become a bastion and four batches over both zones', () => {
    const plan = planned(planInput('iiiiiiii'));
    expect(plan.batches).toEqual([
      { index: 0, kind: 'bastion', hosts: ['web-01'], lanes: 1, bakeSeconds: 10, manual: false, ...ORDINARY },
      { index: 1, kind: 'batch', hosts: ['web-02', 'web-03'], lanes: 2, bakeSeconds: 2, manual: false, ...ORDINARY },
      { index: 2, kind: 'batch', hosts: ['web-04', 'web-05'], lanes: 2, bakeSeconds: 2, manual: false, ...ORDINARY },
      { index: 3, kind: 'batch', hosts: ['web-06', 'web-07'], lanes: 2, bakeSeconds: 2, manual: false, ...ORDINARY },
      { index: 4, kind: 'batch', hosts: ['web-08'], lanes: 1, bakeSeconds: 2, manual: false, ...ORDINARY },
    ]);
    expect(plan.capacity).toEqual({ hosts: 8, inService: 8, floor: 4, outageAllowed: false });
    expect(plan.changes).toEqual([{ application: 'web', version: '2.0.0', sha256: 'a'.repeat(64) }]);
    expect(plan.warnings).toEqual([]);
  });

  test('manual promotion and advance wait after each batch that has a next one', () => {
    const plan = planned(planInput('iiii', { strategy: strategy({ promote: 'manual', advance: 'manual' }) }));
    expect(plan.batches.map((batch) => batch.manual)).toEqual([true, true, true, false]);
    const byBatch = planned(planInput('iiii', { strategy: strategy({ promote: 'auto', advance: 'manual' }) }));
    expect(byBatch.batches.map((batch) => batch.manual)).toEqual([false, true, true, false]);
  });

  test('a strategy without bastion begins with a batch of its percentage', () => {
    const plan = planned(planInput('iiiiiiii', { strategy: strategy({ bastions: 0 }) }));
    expect(plan.batches.map(({ index, kind, hosts }) => [index, kind, hosts.length])).toEqual([[0, 'batch', 2], [1, 'batch', 2], [2, 'batch', 2], [3, 'batch', 2]]);
  });

  test('two bastions are out together and the batches take the rest', () => {
    const plan = planned(planInput('iiiiiiii', { strategy: strategy({ bastions: 2 }) }));
    expect(plan.batches[0]).toMatchObject({ kind: 'bastion', hosts: ['web-01', 'web-02'], lanes: 2 });
    expect(plan.batches.map((batch) => batch.hosts.length)).toEqual([2, 2, 2, 2]);
  });

  test('lanes stay below what the strategy and the floor allow', () => {
    expect(planned(planInput('i'.repeat(24), { percentInService: 75, strategy: strategy({ maxParallel: 4 }) })).batches.map((batch) => batch.lanes)).toEqual([1, 4, 4, 4, 4]);
    expect(planned(planInput('iiiiiiiioo', { percentInService: 66, ...WIDE, strategy: strategy({ percent: [40] }) })).batches.map((batch) => batch.lanes)).toEqual([1, 1, 1, 1]);
  });

  test('with 2 of 10 hosts down each batch mixes hosts in and out of service', () => {
    const plan = planned(planInput('iiiiiiiioo', { percentInService: 66, strategy: strategy({ percent: [30] }) }));
    expect(plan.capacity).toEqual({ hosts: 10, inService: 8, floor: 7, outageAllowed: false });
    expect(plan.batches.map((batch) => batch.hosts)).toEqual([
      ['web-01'],
      ['web-09', 'web-02', 'web-03'],
      ['web-04', 'web-10', 'web-05'],
      ['web-06', 'web-07', 'web-08'],
    ]);
  });

  test('with nothing above the floor the hosts out of service are repaired before any other is touched', () => {
    const plan = planned(planInput('iiiiiioo', { percentInService: 75, ...WIDE, strategy: strategy({ percent: [50] }) }));
    expect(plan.batches.map(({ hosts, lanes }) => [hosts, lanes])).toEqual([
      [['web-07'], 1],
      [['web-08', 'web-01', 'web-02', 'web-03'], 1],
      [['web-04', 'web-05', 'web-06'], 1],
    ]);
    expect(plan.repairs).toEqual(['web-07', 'web-08']);
    expect('repairs' in planned(planInput('iiiiiioo', WIDE))).toBe(false);
    expect(plan.warnings).toContain(
      'No host in service can be spared (floor 6): web-07, web-08 must come back into service first, and the release waits at the floor if they do not.',
    );
  });

  test('hosts to be repaired first take the zones in turn', () => {
    const hosts = ['a1', 'a2', 'a3', 'b1'].map((name) => ({ name, zone: name.charAt(0), inService: false }));
    const live = ['c1', 'c2'].map((name) => ({ name, zone: 'c', inService: true }));
    const plan = planned(planInput('', { hosts: [...hosts, ...live], percentInService: 50, strategy: strategy({ bastions: 0, batches: { mode: 'window' } }) }));
    expect(plan.batches.map((batch) => batch.hosts)).toEqual([['a1', 'b1', 'a2', 'a3', 'c1', 'c2']]);
  });

  test('a first install on a pool where nobody serves is planned and uses all lanes', () => {
    const plan = planned(planInput('oooooooo', { percentInService: 90, firstRelease: true }));
    expect(plan.batches.map(({ hosts, lanes }) => [hosts.length, lanes])).toEqual([[1, 1], [2, 2], [2, 2], [2, 2], [1, 1]]);
    expect(plan.batches[0]?.hosts).toEqual(['web-01']);
    expect(plan.capacity.inService).toBe(0);
  });

  test.each([
    { percent: [25], declared: null, expected: 33 },
    { percent: [50], declared: null, expected: 50 },
    { percent: [10, 40, 50], declared: null, expected: 50 },
    { percent: [50], declared: 20, expected: 20 },
    { percent: [25], declared: 60, expected: 60 },
  ])('rollback width for $percent % with $declared declared is $expected %', ({ percent, declared, expected }) => {
    expect(planned(planInput('iiii', { ...WIDE, strategy: strategy({ percent, rollbackPercent: declared }) })).rollback).toEqual({ batchPercent: expected });
  });
});

describe('a pool of one', () => {
  const consent = { allowOutage: true, reason: 'night, agreed with the shop' };

  test('bakes in traffic as long as the bastion would have, and says that it is an outage', () => {
    const plan = planned(planInput('i', consent));
    expect(plan.batches).toEqual([{ index: 0, kind: 'batch', hosts: ['web-01'], lanes: 1, bakeSeconds: 10, manual: false, ...ORDINARY }]);
    expect(plan.capacity).toEqual({ hosts: 1, inService: 1, floor: 0, outageAllowed: true });
    expect(plan.warnings).toEqual(['The pool has one host: users are not served while it is released.']);
  });

  test('waits for promotion where the bastion would', () => {
    expect(planned(planInput('i', { ...consent, strategy: strategy({ promote: 'manual' }) })).batches[0]?.manual).toBe(true);
    expect(planned(planInput('i', { ...consent, strategy: strategy({ advance: 'manual' }) })).batches[0]?.manual).toBe(false);
  });

  test.each([
    { allowOutage: false, reason: 'because' },
    { allowOutage: true, reason: null },
    { allowOutage: true, reason: ' ' },
  ])('is refused with allowOutage $allowOutage and reason "$reason"', (wish) => {
    expect(refused(planInput('i', wish))).toEqual([
      {
        code: 'outage-not-allowed',
        message: 'Pool web-prod has one host: releasing to it takes the pool out of service.',
        next: 'Add a second host, or release with allowOutage: true and a reason.',
      },
    ]);
  });
});

describe('a refusal', () => {
  test('an empty pool is never everything', () => {
    expect(refused(planInput('', { strategy: strategy({ percent: [] }) }))).toEqual([
      { code: 'empty-pool', message: 'Pool web-prod has no hosts.', next: 'Add hosts to the pool, then release again.' },
    ]);
  });

  test('a pool at its floor with hosts that stay out is refused', () => {
    expect(refused(planInput('iiiiiiss', { percentInService: 75 }))).toEqual([
      {
        code: 'capacity-floor',
        message: '6 of 8 hosts of pool web-prod are in service and the floor is 6: none can be taken out. Out of service and staying so: web-07, web-08.',
        next: 'Put one of these hosts back into service, or lower capacity.minInServicePercent of the pool.',
      },
    ]);
  });

  test('more bastions than the floor lets be out at once are refused', () => {
    expect(refused(planInput('iiiiiiii', { percentInService: 75, strategy: strategy({ bastions: 3 }) }))).toEqual([
      {
        code: 'bastion-too-large',
        message: 'Strategy standard wants 3 bastions out of traffic at once; pool web-prod (8 of 8 hosts in service, floor 6) allows 2.',
        next: 'Set bastion.count to at most 2.',
      },
    ]);
  });

  test('bastions that leave no host to release to are refused', () => {
    expect(refused(planInput('ii', { percentInService: 0, strategy: strategy({ bastions: 2 }) })).map((refusal) => refusal.code)).toEqual(['bastion-too-large']);
  });

  test('all complaints come at once', () => {
    const wrong = strategy({ percent: [30, 30], bastions: 9 });
    expect(refused(planInput('iiii', { strategy: wrong })).map((refusal) => refusal.code)).toEqual(['percentages', 'bastion-too-large']);
    expect(refused(planInput('iiss', { strategy: wrong })).map((refusal) => refusal.code)).toEqual(['percentages', 'capacity-floor']);
    expect(refused(planInput('i', { strategy: wrong })).map((refusal) => refusal.code)).toEqual(['percentages', 'outage-not-allowed']);
  });

  test('wrong percentages are named with what to give instead', () => {
    expect(refused(planInput('iiii', { strategy: strategy({ percent: [30, 30] }) }))).toEqual([
      {
        code: 'percentages',
        message: 'The batch percentages of strategy standard make no plan: 30 + 30 add up to 60, not 100.',
        next: 'Give one percentage, or several that add up to 100.',
      },
    ]);
  });

  test('hosts out by their own fault do not refuse what they make possible', () => {
    expect(planned(planInput('iiiiiiso', { percentInService: 75 })).batches[0]?.hosts).toEqual(['web-08']);
    expect(planned({ ...planInput(''), hosts: hostsOf('io') }).batches.map((batch) => batch.hosts)).toEqual([['web-02'], ['web-01']]);
  });
});
