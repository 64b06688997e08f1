import { describe, expect, test } from 'vitest';
import { faultOf, HOOK_POINTS, hooksAt } from '../../domain/hooks.ts';
import type { HookScene } from '../../domain/hooks.ts';
import type { ApplicationSpec, HookPoint, Variables } from '../../domain/inventory.ts';

function application(name: string, points: readonly HookPoint[]): ApplicationSpec {
  return {
    name, recipe: 'service', productLine: null, owners: [], variables: {}, health: [],
    run: { command: ['./app'], stopSignal: 'SIGTERM', stopTimeoutSeconds: 10, account: null, env: {} },
    hooks: points.map((at) => ({ at, command: ['./hook'], idempotent: true, timeoutSeconds: 60, account: null })),
  };
}

const RUNNING = { pid: 1, startTicks: 1, bootId: 'b' };
const scene = (more: Partial<HookScene> = {}): HookScene => ({
  direction: 'forward',
  applications: [application('api', [...HOOK_POINTS]), application('web', ['after-start', ...HOOK_POINTS])],
  changed: new Set(['web']),
  labels: { type: 'gpu', zone: 'a' },
  image: [{ application: 'api', process: RUNNING }, { application: 'web', process: RUNNING }],
  ...more,
});
const ids = (...of: Parameters<typeof hooksAt>): readonly string[] => hooksAt(...of).map(({ id }) => id);

describe('hooks of a point', () => {
  test('run as listed, by application in the order of the step: out of service last to first, into service first to last', () => {
    expect(ids(scene(), 'after', 'start')).toEqual(['api/7', 'web/0', 'web/8']);
    expect(ids(scene(), 'before', 'stop')).toEqual(['web/3', 'api/2']);
    expect(ids(scene(), 'before', 'drain')).toEqual(['web/1', 'api/0']);
    expect(ids(scene(), 'after', 'admit')).toEqual(['api/11', 'web/12']);
  });

  test('of an application that the release does not change are left out at the switch, and at nothing else', () => {
    expect(ids(scene(), 'before', 'switch')).toEqual(['web/5']);
    expect(ids(scene(), 'before', 'verify')).toEqual(['api/8', 'web/9']);
  });

  test('that are for one kind of host are left out on every other', () => {
    const one = application('web', ['after-start', 'after-start', 'after-start', 'after-start']);
    const labels: readonly Variables[] = [{ type: 'gpu' }, { type: 'cpu' }, { type: 'gpu', zone: 'b' }, { constructor: 'x' }];
    const applications = [{ ...one, hooks: (one.hooks ?? []).map((hook, index) => ({ ...hook, labels: labels[index] ?? {} })) }];
    expect(ids(scene({ applications }), 'after', 'start')).toEqual(['web/0']);
    expect(ids(scene({ applications, labels: {} }), 'after', 'start')).toEqual([]);
  });

  test('that ask for leave are asked on the way forward alone', () => {
    const one = application('web', ['before-drain']);
    const applications = [{ ...one, hooks: (one.hooks ?? []).map((hook) => ({ ...hook, notNow: { everySeconds: 1, atMostSeconds: 1, then: 'hold' as const } })) }];
    expect(ids(scene({ applications }), 'before', 'drain')).toEqual(['web/0']);
    expect(ids(scene({ applications, direction: 'back' }), 'before', 'drain')).toEqual([]);
  });

  test('on the way back are those of what is started again: an application that did not run before is only stopped and switched', () => {
    const back = scene({ direction: 'back', changed: new Set(), image: [{ application: 'api', process: RUNNING }, { application: 'web', process: null }] });
    for (const step of ['start', 'verify', 'admit'] as const) expect(hooksAt(back, 'before', step).map((placed) => placed.application.name)).toEqual(['api']);
    for (const step of ['drain', 'stop', 'switch'] as const) expect(hooksAt(back, 'after', step)).toHaveLength(2);
    expect(ids({ ...back, image: [] }, 'before', 'switch')).toEqual([]);
  });

  test('of an application captured before it could have any are none', () => {
    const { hooks: _none, ...old } = application('old', []);
    expect(hooksAt(scene({ applications: [old] }), 'before', 'drain')).toEqual([]);
  });
});

test('a hook that fails from the switch on is the build\'s fault, before it and on the way back the host\'s', () => {
  const bad = HOOK_POINTS.filter((at) => faultOf(at, 'forward') === 'bad-build');
  expect(bad).toEqual(['after-switch', 'before-start', 'after-start', 'before-verify', 'after-verify', 'before-admit', 'after-admit']);
  expect(HOOK_POINTS.every((at) => faultOf(at, 'back') === 'host')).toBe(true);
});
