import { describe, expect, test } from 'vitest';
import type { StrategySpec } from '../../../domain/inventory.ts';
import { contradictionsOf } from '../../../domain/plan/contradictions.ts';
import { planInput, refused, strategy } from './fleets.ts';

const BASE = strategy();
const complaints = ({ batches, bastion, deadlines }: { readonly [K in 'batches' | 'bastion' | 'deadlines']?: Partial<StrategySpec[K]> }) =>
  contradictionsOf({ bastion: { ...BASE.bastion, ...bastion }, batches: { ...BASE.batches, ...batches }, deadlines: { ...BASE.deadlines, ...deadlines } }).map(({ path, message }) => `/${path.join('/')}: ${message}`);

const CHECK = { http: { path: '/', port: '80', method: 'GET', status: [200], version: null }, passes: 61, intervalMs: 2000, timeoutSeconds: 60 } as const;

describe('a strategy contradicts itself', () => {
  test('not as it comes', () => {
    expect(complaints({})).toEqual([]);
  });

  test.each([
    ['by two forms of batches', { batches: { percent: [25], count: [1] } }, ['/batches/count: batches are cut by percent and count: give exactly one of percent, count and hosts']],
    ['by all three forms', { batches: { count: [1], hosts: [['a']] } }, ['/batches/count: batches are cut by percent and count and hosts: give exactly one of percent, count and hosts', '/batches/hosts: batches are cut by percent and count and hosts: give exactly one of percent, count and hosts']],
    ['by a host in two lists', { batches: { percent: [], hosts: [['a', 'b'], ['c', 'a']] } }, ['/batches/hosts/1/1: host a is named twice: a host is in exactly one batch']],
    ['by a host twice in one list', { batches: { percent: [], hosts: [['a', 'a']] } }, ['/batches/hosts/0/1: host a is named twice: a host is in exactly one batch']],
    ['by lists that go zone by zone', { batches: { percent: [], hosts: [['a']], by: 'zone' } }, ['/batches/by: hosts already says which host is in which batch: leave by out, or give percent or count']],
    ['by lists in another order', { batches: { percent: [], hosts: [['a']], order: 'list' } }, ['/batches/order: hosts already says the order: leave order out, or give percent or count']],
    ['by a first zone where there are no zones', { batches: { firstZoneBakeSeconds: 0 } }, ['/batches/firstZoneBakeSeconds: there is a first zone only with by: zone']],
    ['by an index below 0', { batches: { each: [{ index: -1 }] } }, ['/batches/each/0/index: batches are counted from 0']],
    ['by an index that is used twice', { batches: { each: [{ index: 1 }, { index: 2 }, { index: 1 }] } }, ['/batches/each/2/index: batch 1 already has values of its own: one entry per batch']],
    ['by two sizes of one batch', { batches: { each: [{ index: 1, percent: 5, count: 5 }] } }, ['/batches/each/0/count: a batch has one size: give percent or count']],
    ['by a size beside lists', { batches: { percent: [], hosts: [['a']], each: [{ index: 1, count: 5 }] } }, ['/batches/each/0/count: batches.hosts already says how many hosts the batch has']],
    [
      'by sizes, mode, rest and tolerance of a bastion',
      { batches: { each: [{ index: 0, percent: 1, mode: 'window', pauseSeconds: 1, tolerance: 1, bakeSeconds: 1, advance: 'manual', verification: 'ignored' }] } },
      ['percent', 'mode', 'pauseSeconds', 'tolerance'].map((member) => `/batches/each/0/${member}: batch 0 is the bastion: only its bakeSeconds, advance and verification can be others`),
    ],
    ['by bastions named and labelled', { bastion: { hosts: ['a'], label: { role: 'x' } } }, ['/bastion/label: hosts and label both choose the bastion: give one of them']],
    ['by an empty label, which never means all', { bastion: { label: {} } }, ['/bastion/label: an empty label would be had by every host: name a label, or leave it out']],
    ['by naming a bastion and wanting none', { bastion: { hosts: ['a'], count: 0 } }, ['/bastion/count: 0 means no bastion, but hosts or label choose one: leave them out, or count at least 1']],
    ['by more bastions than it names', { bastion: { hosts: ['a'], count: 2 } }, ['/bastion/count: count wants 2 bastions, but hosts names only 1']],
    ['by a bastion named twice', { bastion: { hosts: ['a', 'a'], count: 2 } }, ['/bastion/hosts/1: host a is named twice: a host is in exactly one batch']],
    ['by a step longer than all steps of a target', { deadlines: { stepSeconds: 301 } }, ['/deadlines/stepSeconds: one step may take 301 s, but all steps of a target together only 300 s (targetSeconds)']],
    ['by a target longer than the release', { deadlines: { releaseSeconds: 299 } }, ['/deadlines/targetSeconds: one target may take 300 s, but the whole release only 299 s (releaseSeconds)']],
    ['by a health check that no step has time for', { bastion: { health: [{ ...CHECK, passes: 2 }, { ...CHECK, passes: 62 }] } }, ['/bastion/health/1/passes: 62 passes, 2000 ms apart, take at least 122 s, but a step has only 120 s (deadlines.stepSeconds)']],
  ] as const)('%s', (_how, members, expected) => {
    expect(complaints(members as Parameters<typeof complaints>[0])).toEqual(expected);
  });

  test('index 0 may have any value where there is no bastion', () => {
    expect(complaints({ bastion: { count: 0 }, batches: { each: [{ index: 0, percent: 1, mode: 'window', pauseSeconds: 1, tolerance: 1 }] } })).toEqual([]);
  });

  test('bakes and rests stop the clocks of deadlines, so none is too long', () => {
    expect(complaints({ bastion: { bakeSeconds: 86_400 }, batches: { bakeSeconds: 86_400, pauseSeconds: 86_400 } })).toEqual([]);
  });

  test('all complaints come at once, and none is repeated by the plan', () => {
    const wrong = strategy({ percent: [30, 30], bastion: { hosts: ['web-01'], count: 2 }, batches: { count: [1], each: [{ index: 1 }, { index: 1 }] } });
    expect(refused(planInput('iiii', { strategy: wrong })).map(({ code }) => code)).toEqual(['contradiction', 'contradiction', 'contradiction', 'percentages', 'bastion-too-large']);
  });
});

describe('a plan refused for its strategy', () => {
  test('says which strategy, where and why', () => {
    expect(refused(planInput('iiii', { strategy: strategy({ batches: { by: 'zone', percent: [], hosts: [['web-01']] } }) }))).toEqual([
      { code: 'contradiction', message: 'Strategy standard contradicts itself at /batches/by: hosts already says which host is in which batch: leave by out, or give percent or count.', next: 'Change the strategy, then release again.' },
    ]);
  });

  test('deadlines alone never stop a release that was possible before', () => {
    expect(() => refused(planInput('iiii', { strategy: { ...BASE, deadlines: { ...BASE.deadlines, stepSeconds: 9999 } } }))).toThrow('a plan was made');
  });
});
