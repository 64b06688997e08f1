import { expect, test } from 'vitest';
import { tsToMs } from '@temporalio/common/lib/time.js';
import { using } from '../activities/using.ts';
import { FAST } from '../support/release-bench.ts';
import { until } from '../support/until.ts';
import { gateAnswer } from './gate.ts';
import type { Bench } from '../support/release-bench.ts';

const handleOf = (bench: Bench, id: string) => bench.client.workflow.getHandle(`release/${id}`);

test('a worker that dies in whatever activity is missed within three seconds', async () => {
  await using(4, {}, async (bench) => {
    const id = await bench.release({ strategy: { ...FAST, postRelease: { watchSeconds: 600 } } });
    await bench.until(id, ({ status }) => status === 'post-release', 'the watch');
    expect(await bench.send(id, 'rollback')).toMatchObject({ state: 'applied' });
    expect((await bench.ended(id)).status).toBe('rolled-back');
    const { events } = await handleOf(bench, id).fetchHistory();
    const asked = (events ?? []).flatMap(({ activityTaskScheduledEventAttributes: scheduled }) => (scheduled ? [scheduled] : []));
    const missed = asked.map(({ activityType, heartbeatTimeout }) => ({ activity: activityType?.name, afterMs: heartbeatTimeout ? tsToMs(heartbeatTimeout) : 0 }));
    expect(missed.filter(({ afterMs }) => afterMs === 0 || afterMs > 3_000)).toEqual([]);
    expect(new Set(asked.map(({ activityType }) => activityType?.name))).toEqual(new Set([
      'openRelease', 'acquirePool', 'observeTargets', 'makePlan', 'stageTargets', 'record', 'drainTarget', 'stopTarget', 'switchTarget', 'startTarget', 'verifyTarget', 'admitTarget', 'comparePool', 'fenceTarget',
    ]));
  });
});

test('a decision that takes the database long is written down by its first attempt, whose worker shows that it lives', async () => {
  await using(3, {}, async (bench) => {
    const answer = gateAnswer(bench.db, '"batch-started"');
    const id = await bench.release();
    await until('the answer that is held back', () => answer.held() === 1);
    const writing = async () => (await handleOf(bench, id).describe()).raw.pendingActivities?.find(({ activityType }) => activityType?.name === 'record');
    // A sign of life that comes later than the worker would have been missed.
    await until('a sign of life beyond the time limit', async () => {
      const { lastHeartbeatTime, lastStartedTime } = (await writing()) ?? {};
      return lastHeartbeatTime && lastStartedTime ? tsToMs(lastHeartbeatTime) - tsToMs(lastStartedTime) > 3_500 : false;
    }, 30_000);
    expect(await writing()).toMatchObject({ attempt: 1 });
    answer.open();
    expect((await bench.ended(id)).status).toBe('succeeded');
    const { events } = await handleOf(bench, id).fetchHistory();
    expect((events ?? []).flatMap(({ activityTaskStartedEventAttributes: started }) => started?.attempt ?? []).filter((attempt) => attempt > 1)).toEqual([]);
  });
});
