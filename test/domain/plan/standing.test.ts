import { describe, expect, test } from 'vitest';
import { standingOf } from '../../../domain/plan/standing.ts';
import { hostsOf } from './fleets.ts';

const names = (hosts: readonly { readonly name: string }[]) => hosts.map((host) => host.name);

describe('standing of a pool', () => {
  test('hosts are told apart by whether they serve, will serve, or stay out', () => {
    const standing = standingOf(hostsOf('iosi'), 50);
    expect(names(standing.live)).toEqual(['web-01', 'web-04']);
    expect(names(standing.returning)).toEqual(['web-02']);
    expect(names(standing.staying)).toEqual(['web-03']);
    expect(standing).toMatchObject({ hostsTotal: 4, floor: 2, spare: 0 });
  });

  test.each([
    { letters: 'iiii', percent: 50, spare: 2, repairFirst: false, stuck: false },
    { letters: 'iiio', percent: 50, spare: 1, repairFirst: false, stuck: false },
    { letters: 'iioo', percent: 50, spare: 0, repairFirst: true, stuck: false },
    { letters: 'iooo', percent: 50, spare: -1, repairFirst: true, stuck: false },
    { letters: 'ioos', percent: 50, spare: -1, repairFirst: true, stuck: false },
    { letters: 'ioss', percent: 50, spare: -1, repairFirst: false, stuck: true },
    { letters: 'iiss', percent: 50, spare: 0, repairFirst: false, stuck: true },
    { letters: 'oooo', percent: 50, spare: -2, repairFirst: false, stuck: false },
    { letters: 'ssss', percent: 50, spare: -2, repairFirst: false, stuck: false },
    { letters: 'iiii', percent: 100, spare: 1, repairFirst: false, stuck: false },
  ])('$letters at $percent % has $spare to spare', ({ letters, percent, ...expected }) => {
    expect(standingOf(hostsOf(letters), percent)).toMatchObject(expected);
  });

  test('a host in service never stays out, whatever is claimed of it', () => {
    const standing = standingOf([{ name: 'a', zone: 'z', inService: true, staysOut: true }], 50);
    expect(names(standing.live)).toEqual(['a']);
    expect(standing.staying).toEqual([]);
  });
});
