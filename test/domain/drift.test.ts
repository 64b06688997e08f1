import { describe, expect, test } from 'vitest';
import { driftOf } from '../../domain/drift.ts';
import type { Observation } from '../../domain/release/target.ts';

const SEEN: Observation = {
  applications: [{ application: 'web', digest: 'aaaa', config: 'c1', version: 'v1', process: { pid: 1, startTicks: 1, bootId: 'b' }, unmanaged: false }],
  traffic: { admin: 'ready', operational: 'up', weight: 10, connections: 3, inService: true },
  freeBytes: 1,
};

describe('drift between pre-image and first touch', () => {
  test('nothing changed, or only what moves by itself, is no drift', () => {
    expect(driftOf(SEEN, SEEN)).toEqual([]);
    const moved: Observation = { ...SEEN, freeBytes: 2, applications: [{ ...SEEN.applications[0]!, process: null }], traffic: { ...SEEN.traffic, operational: 'down', connections: 0, inService: false } };
    expect(driftOf(SEEN, moved)).toEqual([]);
  });

  test.each([
    ['another release', { digest: 'bbbb', version: 'v9' }, 'web was v1 (aaaa) and is v9 (bbbb)'],
    ['another configuration', { config: 'c2' }, 'the run configuration of web was c1 and is c2'],
    ['no release any more', { digest: null, version: null }, 'web was v1 (aaaa) and is absent'],
  ])('%s on the host is drift, named with both states', (_what, change, sentence) => {
    expect(driftOf(SEEN, { ...SEEN, applications: [{ ...SEEN.applications[0]!, ...change }] })).toEqual([sentence]);
  });

  test('a wish or weight that somebody set at the balancer is drift', () => {
    expect(driftOf(SEEN, { ...SEEN, traffic: { ...SEEN.traffic, admin: 'maint' } })).toEqual(['the server at the balancer was ready with weight 10 and is maint with weight 10']);
    expect(driftOf(SEEN, { ...SEEN, traffic: { ...SEEN.traffic, weight: 1 } })).toHaveLength(1);
  });

  test('an application that is not seen any more is drift', () => {
    expect(driftOf(SEEN, { ...SEEN, applications: [] })).toEqual(['web was v1 (aaaa) and is unknown']);
  });
});
