import { describe, expect, test } from 'vitest';
import { activitiesOf, activitiesPerTargetMax, shapeOf } from '../../bench/release-shape.ts';
import type { ScheduledActivity } from '../../bench/release-shape.ts';

const whole = (type: string): ScheduledActivity => ({ type, host: null });
const on = (host: string, ...types: readonly string[]): readonly ScheduledActivity[] => types.map((type) => ({ type, host }));

describe('the shape of a release', () => {
  test('activities of the whole release stand alone, those on hosts between two of them form one segment with lanes', () => {
    const activities = [whole('plan'), ...on('a', 'stop', 'start'), whole('record'), ...on('b', 'stop'), ...on('c', 'stop'), ...on('b', 'start'), ...on('c', 'start'), whole('record')];
    expect(shapeOf(activities, 10)).toEqual([
      { targets: 1, steps: 1, lanes: 1 },
      { targets: 1, steps: 2, lanes: 1 },
      { targets: 1, steps: 1, lanes: 1 },
      { targets: 2, steps: 2, lanes: 2 },
      { targets: 1, steps: 1, lanes: 1 },
    ]);
  });

  test('its activities are counted as they were scheduled, whatever the lanes', () => {
    const activities = [whole('plan'), ...on('a', 'stop', 'start'), ...on('b', 'stop', 'start'), ...on('c', 'stop', 'start')];
    const shape = shapeOf(activities, 2);
    expect(shape.at(-1)).toEqual({ targets: 3, steps: 2, lanes: 2 });
    expect(activitiesOf(shape)).toBe(activities.length);
  });

  test('hosts of one batch with different numbers of steps are refused, for such a run compares with nothing', () => {
    expect(() => shapeOf([...on('a', 'stop', 'start'), ...on('b', 'stop')], 10)).toThrow('2, 1');
  });

  test('the host with the most activities counts, over all its batches', () => {
    const activities = [...on('a', 'stop'), whole('record'), ...on('a', 'admit'), ...on('b', 'stop')];
    expect(activitiesPerTargetMax(activities)).toBe(2);
    expect(activitiesPerTargetMax([whole('plan')])).toBe(0);
  });
});
