import { expect, test } from 'vitest';
import { predictSeconds } from '../../../domain/plan/simulate.ts';
import { WIDE, planInput, planned, strategy } from './fleets.ts';

test('a plan lasts as long as its turns and bakes', () => {
  const plan = planned(planInput('iiiiiiii'));
  // Five batches of one turn each, one bake of 10 s and four of 2 s.
  expect(predictSeconds(plan, { secondsPerTarget: 30 })).toBe(5 * 30 + 10 + 4 * 2);
});

test('a batch with fewer lanes than hosts takes more turns', () => {
  const plan = planned(planInput('i'.repeat(9), { ...WIDE, strategy: strategy({ percent: [50], maxParallel: 3, batches: { mode: 'window' } }), percentInService: 0 }));
  expect(plan.batches.map(({ hosts, lanes }) => [hosts.length, lanes])).toEqual([[1, 1], [8, 3]]);
  expect(predictSeconds(plan, { secondsPerTarget: 5 })).toBe(5 + 10 + 3 * 5 + 2);
});

test('rests between batches are part of the time', () => {
  const paused = planned(planInput('iiiiiiii', { strategy: strategy({ batches: { pauseSeconds: 60 } }) }));
  expect(predictSeconds(paused, { secondsPerTarget: 30 }) - predictSeconds(planned(planInput('iiiiiiii')), { secondsPerTarget: 30 })).toBe(3 * 60);
});

test('the watch after the last batch is added where given', () => {
  const plan = planned(planInput('ii'));
  expect(predictSeconds(plan, { secondsPerTarget: 1, watchSeconds: 60 })).toBe(predictSeconds(plan, { secondsPerTarget: 1 }) + 60);
});
