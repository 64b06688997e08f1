import { describe, expect, test } from 'vitest';
import { command, fleet, Play, STRATEGY } from './simulated-release.ts';
import { allowedCommands } from '../../../domain/release/decide.ts';

describe('the life of a release, by example', () => {
  test('a good version goes to the bastion, then to every batch, and succeeds without debt', () => {
    const { state, acts } = new Play({ hosts: fleet(8) }).run();
    expect(state.situation.status).toBe('succeeded');
    expect(acts.map(({ host, part }) => `${host} ${part}`).slice(0, 2)).toEqual(['web-001 install', 'web-001 join']);
    expect(new Set(acts.map(({ host }) => host)).size).toBe(8);
    expect(acts.every(({ direction }) => direction === 'forward')).toBe(true);
  });

  test('a version that fails on the bastion is taken back there and nowhere else', () => {
    const { state, acts } = new Play({ hosts: fleet(8), failsForward: (host) => host === 'web-001' }).run();
    expect(state.situation.status).toBe('rolled-back');
    expect(new Set(acts.map(({ host }) => host))).toEqual(new Set(['web-001']));
    expect(acts.map(({ direction }) => direction)).toEqual(['forward', 'back']);
  });

  test('a version that fails on one host of batch 2 is taken back from exactly the hosts that were begun', () => {
    const good = new Play({ hosts: fleet(8) }).run();
    const victim = good.acts.find(({ batch }) => batch === 2)?.host;
    const { state, acts } = new Play({ hosts: fleet(8), failsForward: (host) => host === victim }).run();
    expect(state.situation.status).toBe('rolled-back');
    const forward = new Set(acts.filter(({ direction }) => direction === 'forward').map(({ host }) => host));
    const back = new Set(acts.filter(({ direction }) => direction === 'back').map(({ host }) => host));
    expect(back).toEqual(forward);
    expect(forward.has(victim ?? '')).toBe(true);
    expect(forward.size).toBeLessThan(8);
  });

  test('a rollback that fails on a host too ends incomplete, names it, and never starts another rollback', () => {
    const { state, events } = new Play({ hosts: fleet(8), failsForward: () => true, failsBack: () => true }).run();
    expect(state.situation).toMatchObject({ status: 'rollback-incomplete', unrestored: [{ host: 'web-001', failure: { next: 'look' } }] });
    expect(events.filter(({ type }) => type === 'rollback-started')).toHaveLength(1);
    expect(allowedCommands(state)).toEqual(['retry']);
  });

  test('a failure under onFailure hold pauses, and retry runs only the failed target and what was not begun', () => {
    const script = { hosts: fleet(8), strategy: { ...STRATEGY, onFailure: 'hold' as const }, failsForward: (host: string, round: number) => host === 'web-001' && round === 0 };
    const play = new Play(script);
    expect(play.run().state.paused).toMatchObject({ cause: 'brake' });
    expect(play.send(command('resume'))).toBe(false);
    expect(play.send(command('retry', { targets: ['web-002'] }))).toBe(false);
    expect(play.send(command('retry'))).toBe(true);
    const { state, acts } = play.run();
    expect(state.situation.status).toBe('succeeded');
    expect(acts.filter(({ host, part }) => host === 'web-001' && part === 'install')).toHaveLength(2);
  });

  test('a failed target that is skipped is debt of a release that succeeds, and nothing takes it up again', () => {
    const play = new Play({ hosts: fleet(8), strategy: { ...STRATEGY, onFailure: 'hold' }, failsForward: (host) => host === 'web-004' });
    expect(play.run().state.paused).not.toBeNull();
    expect(play.send(command('skip'))).toBe(true);
    const { state, acts } = play.run();
    expect(state.situation).toMatchObject({ status: 'succeeded', debt: [{ host: 'web-004', cause: 'skipped' }] });
    expect(acts.filter(({ host }) => host === 'web-004')).toHaveLength(1);
  });

  test('a failure within tolerance does not stop the release and ends as debt', () => {
    const { state } = new Play({ hosts: fleet(8), strategy: { ...STRATEGY, tolerance: { perBatch: 1, total: 1 } }, failsForward: (host) => host === 'web-004' }).run();
    expect(state.situation).toMatchObject({ status: 'succeeded', debt: [{ host: 'web-004', cause: 'failed' }] });
  });

  test('a bastion that waits for a person goes on only after promote', () => {
    const play = new Play({ hosts: fleet(4), strategy: { ...STRATEGY, bastion: { count: 1, bakeSeconds: 0, promote: 'manual' } } });
    expect(play.run().state.situation.status).toBe('pre-release');
    expect(allowedCommands(play.state)).toContain('promote');
    expect(play.send(command('promote'))).toBe(true);
    expect(play.run().state.situation.status).toBe('succeeded');
  });

  test('promote ends a bake early', () => {
    const play = new Play({ hosts: fleet(4), commands: { 9: command('promote') } });
    const { events } = play.run();
    const bake = events.find(({ type }) => type === 'bake-finished');
    expect(bake).toBeDefined();
    expect(play.state.situation.status).toBe('succeeded');
  });

  test('a bake stops its clock during a pause and goes on with what was left', () => {
    const play = new Play({ hosts: fleet(4) });
    while (play.state.situation.status !== 'pre-release' || play.state.situation.progress.stage !== 'baking') play.run1();
    play.nowMs += 4_000;
    play.send(command('pause'));
    play.nowMs += 60_000;
    play.send(command('resume'));
    const { situation } = play.state;
    expect('progress' in situation && situation.progress?.bake).toMatchObject({ seconds: 6, remainingMs: null });
  });

  test('abort of a bastion that has not joined restores it and ends aborted; a finished batch keeps the new version', () => {
    const early = new Play({ hosts: fleet(8) });
    while (early.state.situation.status !== 'pre-release' || early.state.situation.progress.stage !== 'baking') early.run1();
    early.send(command('abort'));
    const { state, acts } = early.run();
    expect(state.situation.status).toBe('aborted');
    expect(acts.filter(({ direction }) => direction === 'back').map(({ host }) => host)).toEqual(['web-001']);
    const late = new Play({ hosts: fleet(8) });
    while (late.state.situation.status !== 'releasing' || late.state.situation.progress.stage !== 'baking') late.run1();
    late.send(command('abort'));
    const ended = late.run();
    expect(ended.state.situation.status).toBe('aborted');
    expect(ended.acts.every(({ direction }) => direction === 'forward')).toBe(true);
  });

  test('a rollback before anything was begun ends rolled back without touching a host', () => {
    const play = new Play({ hosts: fleet(4) });
    play.send(command('rollback'));
    const { state, acts } = play.run();
    expect(state.situation.status).toBe('rolled-back');
    expect(acts).toEqual([]);
  });

  test('the deadline of a pause rolls back where the strategy says so, and never resumes', () => {
    const play = new Play({ hosts: fleet(8), strategy: { ...STRATEGY, pause: { deadlineHours: 1, then: 'rollback' } } });
    while (play.state.situation.status !== 'releasing' || play.state.situation.progress.stage !== 'baking') play.run1();
    play.send(command('pause'));
    const { state, events } = play.run();
    expect(state.situation.status).toBe('rolled-back');
    expect(events.some(({ type }) => type === 'resumed')).toBe(false);
  });

  test('a rollback that escalates to emergency restores what is left, in wider batches', () => {
    const play = new Play({ hosts: fleet(12), strategy: { ...STRATEGY, batches: { ...STRATEGY.batches, percent: [10] }, rollback: { ...STRATEGY.rollback, batchPercent: 10 } } });
    while (play.state.situation.status !== 'post-release') play.run1();
    play.send(command('rollback', { mode: 'regular' }));
    while (rollbackStage(play) !== 'baking') play.run1();
    expect(play.send(command('rollback', { mode: 'regular' }))).toBe(false);
    expect(play.send(command('rollback', { mode: 'emergency' }))).toBe(true);
    const { state, acts } = play.run();
    expect(state.situation.status).toBe('rolled-back');
    expect(new Set(acts.filter(({ direction }) => direction === 'back').map(({ host }) => host)).size).toBe(12);
  });
});

function rollbackStage({ state }: Play): string {
  return state.situation.status === 'rolling-back' ? state.situation.rollback.stage : state.situation.status;
}
