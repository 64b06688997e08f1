import { describe, expect, test } from 'vitest';
import { bastionCandidates, bastionsMax } from '../../../domain/plan/bastion.ts';
import { standingOf } from '../../../domain/plan/standing.ts';
import { hostsOf } from './fleets.ts';

const candidates = (letters: string, percentInService: number) => bastionCandidates(standingOf(hostsOf(letters), percentInService)).map((host) => host.name);
const most = (letters: string, percentInService: number) => bastionsMax(standingOf(hostsOf(letters), percentInService));

describe('bastion', () => {
  test('the first host in service is the first candidate', () => {
    expect(candidates('ooii', 0)[0]).toBe('web-03');
  });

  test('without a host in service the first that comes back is, then those that stay out', () => {
    expect(candidates('soo', 0)).toEqual(['web-02', 'web-03', 'web-01']);
  });

  test('no more hosts in service are candidates than the floor lets be out at once; those out of service fill up', () => {
    expect(candidates('iiiiio', 66)).toEqual(['web-01', 'web-06']);
  });

  test('with nothing above the floor only hosts that come back are candidates', () => {
    expect(candidates('iiosio', 66)).toEqual(['web-03', 'web-06']);
    expect(candidates('iiisio', 66)).toEqual(['web-06']);
  });

  test('at least one host is left to release to', () => {
    expect(most('iii', 0)).toBe(2);
    expect(most('ooo', 0)).toBe(2);
    expect(most('iiiiiiii', 75)).toBe(2);
    expect(most('iiiiiiis', 75)).toBe(2);
    expect(most('iiiiiioo', 75)).toBe(2);
    expect(most('iiiiiiso', 75)).toBe(1);
  });
});
