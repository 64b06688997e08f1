import { expect, test } from 'vitest';
import { planAhead } from '../../../domain/plan/plan-ahead.ts';
import { hostSpec, inventoryOf, packageSpec } from '../../support/specs.ts';

const INVENTORY = inventoryOf('web-prod', ['a', 'b', 'c', 'd']);

test('a plan ahead takes every host to be in service', () => {
  expect(planAhead(INVENTORY, { allowOutage: false, reason: null })).toMatchObject({ plan: { capacity: { hosts: 4, inService: 4 } } });
});

test('applications are released in the order in which the pool names them, however they were asked for', () => {
  const inventory = { ...INVENTORY, pool: { ...INVENTORY.pool, applications: ['api', 'web'] }, packages: [packageSpec('2'), { ...packageSpec('1'), application: 'api' }] };
  expect(planAhead(inventory, { allowOutage: false, reason: null })).toMatchObject({ plan: { changes: [{ application: 'api' }, { application: 'web' }] } });
});

test('what cannot be planned is refused as ever', () => {
  expect(planAhead({ ...INVENTORY, hosts: [hostSpec('a')] }, { allowOutage: false, reason: null })).toMatchObject({ refusals: [{ code: 'outage-not-allowed' }] });
});
