/** Bastions by name, by label and by environment; and the choices a pool cannot follow. */
import { describe, expect, test } from 'vitest';
import type { BastionPolicy } from '../../../domain/inventory.ts';
import type { PlanInput } from '../../../domain/plan/make-plan.ts';
import { WIDE, hostsOf, planInput, planned, refused, strategy } from './fleets.ts';

const input = (letters: string, bastion: Partial<BastionPolicy>, more: Partial<PlanInput> & { readonly percentInService?: number } = {}) => {
  const hosts = hostsOf(letters, 1).map((host, index) => ({ ...host, labels: index % 3 === 2 ? { role: 'canary', size: 'small' } : { role: 'plain' } }));
  return planInput('', { hosts, percentInService: 50, ...more, strategy: strategy({ bastion }) });
};
const bastion = (...args: Parameters<typeof input>) => planned(input(...args)).batches.filter(({ kind }) => kind === 'bastion').flatMap(({ hosts }) => hosts);
const complaint = (...args: Parameters<typeof input>) => refused(input(...args)).map(({ code, message }) => `${code}: ${message}`);

describe('bastion by name', () => {
  test('the named hosts prove the build, in the order of their names there', () => {
    expect(bastion('iiiiiiii', { hosts: ['web-05', 'web-02'], count: 2 })).toEqual(['web-05', 'web-02']);
  });

  test('with fewer wanted than named, one in service goes before one that is out', () => {
    expect(bastion('iiiioiii', { hosts: ['web-05', 'web-02'], count: 1 })).toEqual(['web-02']);
  });

  test('a host that the pool does not have is named', () => {
    expect(complaint('iiii', { hosts: ['web-02', 'web-98', 'web-99'], count: 3 })).toEqual(['bastion-not-in-pool: Strategy standard names web-98, web-99 as bastion; pool web-prod has no such host.']);
  });

  test('where only hosts out of service may be touched, a named host in service cannot be had', () => {
    expect(bastion('iiiiiioo', { hosts: ['web-08'], count: 1 }, { percentInService: 75 })).toEqual(['web-08']);
    expect(refused(input('iiiiiioo', { hosts: ['web-01'], count: 1 }, { percentInService: 75 }))).toEqual([
      {
        code: 'bastion-too-large',
        message: 'Strategy standard wants 1 bastion out of traffic at once; pool web-prod (6 of 8 hosts in service, floor 6) allows 0, of the hosts its bastion is chosen among.',
        next: 'Choose the bastion among other hosts, or bring hosts of the pool back into service.',
      },
    ]);
  });
});

describe('bastion by label', () => {
  test('every label must match, and the first in order is taken', () => {
    expect(bastion('iiiiii', { label: { role: 'canary' } })).toEqual(['web-03']);
    expect(bastion('iiiiii', { label: { role: 'canary', size: 'small' } })).toEqual(['web-03']);
    expect(complaint('iiiiii', { label: { role: 'canary', size: 'large' } })).toEqual(['bastion-not-in-pool: Strategy standard chooses its bastion by the label role=canary, size=large; no host of pool web-prod has it.']);
  });

  test('a labelled host in service goes before one that is out', () => {
    expect(bastion('iioiii', { label: { role: 'canary' } })).toEqual(['web-06']);
  });

  test('without hosts and label it is the first in order', () => {
    expect(bastion('oiiiii', {})).toEqual(['web-02']);
  });
});

describe('environments without bastion', () => {
  test.each([
    { environment: 'uat', expected: [] },
    { environment: 'prod', expected: ['web-01'] },
  ])('a strategy that skips uat and fat has $expected in $environment', ({ environment, expected }) => {
    const pool = { name: 'web-prod', environment, capacity: { minInServicePercent: 50 } };
    expect(bastion('iiii', { skipIn: ['uat', 'fat'] }, { pool })).toEqual(expected);
  });

  test('the plan says that nobody proves the build, and asks nothing of the names', () => {
    const pool = { name: 'web-uat', environment: 'uat', capacity: { minInServicePercent: 50 } };
    expect(planned(input('iiii', { skipIn: ['uat'], hosts: ['elsewhere'] }, { pool })).warnings).toEqual(['The strategy has no bastion in environment uat: the first batch takes an unproven build into traffic.']);
  });
});

describe('size of the bastion', () => {
  test('the cap holds for the bastion, too', () => {
    expect(refused(input('iiiiiiiiii', { count: 4 }, { percentInService: 0 }))).toEqual([
      { code: 'bastion-too-large', message: 'Strategy standard wants 4 bastions out of traffic at once; pool web-prod allows 3: no batch may take more than 33 % of it.', next: 'Set bastion.count to at most 3.' },
    ]);
    expect(bastion('iiiiiiiiii', { count: 4 }, { percentInService: 0, ...WIDE })).toHaveLength(4);
  });
});
