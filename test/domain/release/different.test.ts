import { expect, test } from 'vitest';
import { different } from '../../../domain/release/different.ts';
import { inventoryOf, packageSpec, STRATEGY } from '../../support/specs.ts';
import type { LastGood } from '../../../domain/release/different.ts';

const BEFORE: LastGood = { release: 'r-1', finishedAt: '2026-01-01T00:00:00.000Z', inventory: inventoryOf('web-prod', ['a', 'b', 'c']), batches: 3, seconds: 60 };

test('a release that repeats the last good one differs in nothing', () => {
  expect(different(BEFORE, { inventory: BEFORE.inventory, batches: 3, seconds: 61 }, [])).toEqual({
    release: 'r-1', finishedAt: '2026-01-01T00:00:00.000Z', versions: [], config: [], strategy: [], hosts: { joined: [], left: [] }, outOfService: [], batches: { from: 3, to: 3 }, seconds: { from: 60, to: 61 },
  });
});

test('versions, configuration, strategy, hosts, batches and duration are compared, each with before and now', () => {
  const { applications } = BEFORE.inventory;
  const inventory = {
    ...inventoryOf('web-prod', ['b', 'c', 'd']),
    packages: [packageSpec('3')],
    applications: applications.map((application) => ({ ...application, run: { ...application.run, stopTimeoutSeconds: 99 } })),
    strategy: { ...STRATEGY, postRelease: { watchSeconds: 30 } },
  };
  expect(different(BEFORE, { inventory, batches: 4, seconds: 90 }, ['c'])).toMatchObject({
    versions: [{ application: 'web', from: '2', to: '3' }],
    config: [{ pointer: '/web/run/stopTimeoutSeconds', from: 10, to: 99 }],
    strategy: [{ pointer: '/postRelease/watchSeconds', from: 0, to: 30 }],
    hosts: { joined: ['d'], left: ['a'] },
    outOfService: ['c'],
    batches: { from: 3, to: 4 },
    seconds: { from: 60, to: 90 },
  });
});

test('an application that the last good release did not bring has no version before and no configuration to compare', () => {
  const [web] = BEFORE.inventory.applications;
  const inventory = { ...BEFORE.inventory, packages: [{ ...packageSpec('1'), application: 'api' }], applications: [{ ...web!, name: 'api' }] };
  expect(different(BEFORE, { inventory, batches: 3, seconds: 60 }, [])).toMatchObject({ versions: [{ application: 'api', from: null, to: '1' }], config: [] });
});
