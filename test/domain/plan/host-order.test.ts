import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { orderHosts, spreadZones } from '../../../domain/plan/host-order.ts';
import { somePlanInput } from './drawn.ts';
import { hostsOf } from './fleets.ts';

const letters = (hosts: readonly { readonly inService: boolean }[]) => hosts.map((host) => (host.inService ? 'i' : 'o')).join('');
const someHosts = somePlanInput.map((input) => input.hosts);

describe('zones', () => {
  test('hosts of three zones come zone by zone in turn, in declared order within a zone', () => {
    const hosts = ['a1', 'a2', 'a3', 'b1', 'c1', 'c2'].map((name) => ({ name, zone: name.charAt(0), inService: true }));
    expect(spreadZones(hosts).map((host) => host.name)).toEqual(['a1', 'b1', 'c1', 'a2', 'c2', 'a3']);
  });

  test('the zone declared first comes first, whatever its name', () => {
    const hosts = ['z1', 'a1', 'z2'].map((name) => ({ name, zone: name.charAt(0), inService: true }));
    expect(spreadZones(hosts).map((host) => host.name)).toEqual(['z1', 'a1', 'z2']);
  });

  test('no hosts give no hosts', () => {
    expect(spreadZones([])).toEqual([]);
  });
});

describe('order', () => {
  test.each([
    { given: 'iiiiooii', expected: 'oiiioiii' },
    { given: 'iiio', expected: 'oiii' },
    { given: 'iooo', expected: 'oooi' },
    { given: 'iioo', expected: 'oioi' },
    { given: 'iiioo', expected: 'oioii' },
    { given: 'iii', expected: 'iii' },
    { given: 'ooo', expected: 'ooo' },
    { given: '', expected: '' },
  ])('$given is interleaved to $expected', ({ given, expected }) => {
    expect(letters(orderHosts(hostsOf(given)))).toBe(expected);
  });

  test('a host out of service comes first and the zones take turns within each kind', () => {
    expect(orderHosts(hostsOf('iiiioooo', 2)).map((host) => host.name)).toEqual(['web-05', 'web-01', 'web-06', 'web-02', 'web-07', 'web-03', 'web-08', 'web-04']);
    const hosts = ['a1', 'a2', 'b1', 'b2'].map((name) => ({ name, zone: name.charAt(0), inService: true }));
    expect(orderHosts(hosts).map((host) => host.name)).toEqual(['a1', 'b1', 'a2', 'b2']);
  });

  test('ordering keeps every host exactly once', () => {
    fc.assert(
      fc.property(someHosts, (hosts) => {
        const ordered = orderHosts(hosts);
        expect(ordered.length).toBe(hosts.length);
        expect(new Set(ordered)).toEqual(new Set(hosts));
      }),
    );
  });

  test('any half of the order leaves at least one of two hosts in service to the other half', () => {
    fc.assert(
      fc.property(someHosts, fc.nat(), (hosts, seed) => {
        const ordered = orderHosts(hosts);
        const live = hosts.filter((host) => host.inService).length;
        const half = Math.floor(hosts.length / 2);
        fc.pre(live >= 2 && half >= 1);
        const start = seed % (hosts.length - half + 1);
        expect(ordered.slice(start, start + half).filter((host) => host.inService).length).toBeLessThanOrEqual(Math.ceil(live / 2));
      }),
    );
  });

  test('the same hosts in the same order are ordered the same', () => {
    fc.assert(
      fc.property(someHosts, (hosts) => {
        expect(orderHosts(structuredClone(hosts))).toEqual(orderHosts(hosts));
      }),
    );
  });
});
